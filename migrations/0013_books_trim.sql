-- The audit log is read by its numbers, which count up with the time: what is past its years is at its
-- beginning, and the log needs no index by time, which every entry was written to. The ledger is
-- trimmed by its days, which have one.

CREATE OR REPLACE FUNCTION books_trim(batch bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    gone bigint;
    total bigint := 0;
BEGIN
    DELETE FROM audit_log WHERE audit_id IN (SELECT oldest.audit_id
        FROM (SELECT audit_id, at FROM audit_log ORDER BY audit_id LIMIT batch) oldest
        WHERE oldest.at < now() - interval '3 years');
    GET DIAGNOSTICS gone = ROW_COUNT;
    total := total + gone;
    DELETE FROM ledger_entry WHERE entry_id IN (SELECT entry_id FROM ledger_entry
        WHERE day <= day_of(now() - interval '10 years') AND occurred_at < now() - interval '10 years'
        LIMIT batch);
    GET DIAGNOSTICS gone = ROW_COUNT;
    total := total + gone;
    DELETE FROM anomaly WHERE anomaly_id IN (SELECT anomaly_id FROM anomaly
        WHERE recorded_at < now() - interval '10 years' LIMIT batch);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN total + gone;
END $$;

DROP INDEX audit_log_at;
