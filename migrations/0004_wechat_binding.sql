-- Which WeChat user an account belongs to. It is found by a blind index, so that neither this
-- table nor a backup of it can be searched for an openid once the key day has passed.

CREATE TABLE wechat_binding (
    account_id    bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    appid         text NOT NULL CHECK (length(appid) BETWEEN 1 AND 32),
    bound_at      timestamptz NOT NULL,
    key_day       day NOT NULL,
    key_wrapped   wrapped_key NOT NULL,
    openid_index  bytea NOT NULL CHECK (octet_length(openid_index) = 32),
    openid_sealed bytea NOT NULL CHECK (octet_length(openid_sealed) BETWEEN 41 AND 168),
    PRIMARY KEY (account_id, appid)
);
CREATE UNIQUE INDEX wechat_binding_openid ON wechat_binding (openid_index);
CREATE INDEX wechat_binding_key_day ON wechat_binding (key_day);
COMMENT ON TABLE wechat_binding IS 'the openid of an account under an appid of ours: for logging in and for JSAPI payment';
COMMENT ON COLUMN wechat_binding.account_id IS 'whose';
COMMENT ON COLUMN wechat_binding.appid IS 'our app that the openid belongs to';
COMMENT ON COLUMN wechat_binding.bound_at IS 'first login';
COMMENT ON COLUMN wechat_binding.key_day IS 'lease: day after which the openid can neither be read nor found; renewed by a job';
COMMENT ON COLUMN wechat_binding.key_wrapped IS 'data key of openid_sealed';
COMMENT ON COLUMN wechat_binding.openid_index IS 'keyed index of appid and openid, bound to key_day';
COMMENT ON COLUMN wechat_binding.openid_sealed IS 'the openid';

GRANT SELECT, INSERT, UPDATE, DELETE ON wechat_binding TO idphotod_app;
