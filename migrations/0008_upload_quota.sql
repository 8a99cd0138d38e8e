-- What an account uploads on one day, for a limit of bytes. The row is locked by each upload of its account
-- until it commits, which also makes the count of its drafts exact.

ALTER TABLE account ADD COLUMN upload_day day,
    ADD COLUMN upload_bytes bigint NOT NULL DEFAULT 0 CHECK (upload_bytes >= 0);
COMMENT ON COLUMN account.upload_day IS 'the day of the last upload';
COMMENT ON COLUMN account.upload_bytes IS 'bytes of the photos that were kept on that day';
