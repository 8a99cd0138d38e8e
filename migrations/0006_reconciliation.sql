-- Each day's bill of a provider beside our ledger. Trade numbers, amounts, times and states alone:
-- who paid stands in the provider's file and is not kept.

CREATE TABLE bill_day (
    day                day NOT NULL,
    channel            text NOT NULL CHECK (channel IN ('wechat', 'alipay')),
    merchant           text NOT NULL CHECK (length(merchant) BETWEEN 1 AND 64),
    tries              integer NOT NULL CHECK (tries > 0),
    tried_at           timestamptz NOT NULL,
    next_at            timestamptz,
    outcome            text NOT NULL CHECK (length(outcome) BETWEEN 1 AND 20),
    empty_at           timestamptz,
    compared_at        timestamptz,
    here_payments      bigint NOT NULL DEFAULT 0,
    here_payments_fen  bigint NOT NULL DEFAULT 0,
    here_refunds       bigint NOT NULL DEFAULT 0,
    here_refunds_fen   bigint NOT NULL DEFAULT 0,
    there_payments     bigint NOT NULL DEFAULT 0,
    there_payments_fen bigint NOT NULL DEFAULT 0,
    there_refunds      bigint NOT NULL DEFAULT 0,
    there_refunds_fen  bigint NOT NULL DEFAULT 0,
    matched            bigint NOT NULL DEFAULT 0,
    different          bigint NOT NULL DEFAULT 0,
    only_here          bigint NOT NULL DEFAULT 0,
    only_there         bigint NOT NULL DEFAULT 0,
    other_day          bigint NOT NULL DEFAULT 0,
    under_way          bigint NOT NULL DEFAULT 0,
    awaiting           bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (day, channel, merchant)
);
COMMENT ON TABLE bill_day IS 'a day''s bill of one merchant, compared with the ledger; no identity; 10 years';
COMMENT ON COLUMN bill_day.day IS 'day of the bill';
COMMENT ON COLUMN bill_day.channel IS 'payment provider';
COMMENT ON COLUMN bill_day.merchant IS 'our mchid or seller_id';
COMMENT ON COLUMN bill_day.tries IS 'how often the bill was asked for';
COMMENT ON COLUMN bill_day.tried_at IS 'when it was last asked for';
COMMENT ON COLUMN bill_day.next_at IS 'when it is asked for again; NULL when that is not needed';
COMMENT ON COLUMN bill_day.outcome IS 'of the last try: compared, or why not';
COMMENT ON COLUMN bill_day.empty_at IS 'when the provider first said that there is no bill; believed when it says so again later';
COMMENT ON COLUMN bill_day.compared_at IS 'when the figures below came about; NULL while the bill was never had';
COMMENT ON COLUMN bill_day.here_payments IS 'payments in the ledger of that day';
COMMENT ON COLUMN bill_day.here_payments_fen IS 'their sum';
COMMENT ON COLUMN bill_day.here_refunds IS 'refunds in the ledger of that day';
COMMENT ON COLUMN bill_day.here_refunds_fen IS 'their sum';
COMMENT ON COLUMN bill_day.there_payments IS 'payments in the bill';
COMMENT ON COLUMN bill_day.there_payments_fen IS 'their sum';
COMMENT ON COLUMN bill_day.there_refunds IS 'refunds in the bill, also such as are under way';
COMMENT ON COLUMN bill_day.there_refunds_fen IS 'their sum';
COMMENT ON COLUMN bill_day.matched IS 'the same here and there';
COMMENT ON COLUMN bill_day.different IS 'here and there, with another amount, number or state';
COMMENT ON COLUMN bill_day.only_here IS 'in the ledger, not in the bill';
COMMENT ON COLUMN bill_day.only_there IS 'in the bill, not in the ledger';
COMMENT ON COLUMN bill_day.other_day IS 'the same here and there, of different days';
COMMENT ON COLUMN bill_day.under_way IS 'refunds that the bill names before they are done';
COMMENT ON COLUMN bill_day.awaiting IS 'of the day''s last minutes here and not in its bill: the next day''s tells';

CREATE TABLE bill_difference (
    day            day NOT NULL,
    channel        text NOT NULL,
    merchant       text NOT NULL,
    line_no        integer NOT NULL,
    finding        text NOT NULL CHECK (finding IN ('different', 'only-here', 'only-there', 'other-day', 'under-way',
                                                    'awaits-next-day')),
    kind           text NOT NULL CHECK (kind IN ('payment', 'refund')),
    transaction_id text NOT NULL,
    out_trade_no   text NOT NULL,
    out_refund_no  text,
    here_fen       bigint,
    there_fen      bigint,
    here_at        timestamptz,
    there_at       timestamptz,
    there_state    text,
    PRIMARY KEY (day, channel, merchant, line_no),
    FOREIGN KEY (day, channel, merchant) REFERENCES bill_day ON DELETE CASCADE
);
CREATE INDEX bill_difference_trade ON bill_difference (channel, transaction_id);
COMMENT ON TABLE bill_difference IS 'what did not match in a day''s bill; no identity; 10 years';
COMMENT ON COLUMN bill_difference.day IS 'day of the bill';
COMMENT ON COLUMN bill_difference.channel IS 'payment provider';
COMMENT ON COLUMN bill_difference.merchant IS 'our mchid or seller_id';
COMMENT ON COLUMN bill_difference.line_no IS 'counts the day''s from 1, the gravest first';
COMMENT ON COLUMN bill_difference.finding IS 'what is the matter';
COMMENT ON COLUMN bill_difference.kind IS 'payment or refund';
COMMENT ON COLUMN bill_difference.transaction_id IS 'the provider''s number of the trade';
COMMENT ON COLUMN bill_difference.out_trade_no IS 'our number of the trade';
COMMENT ON COLUMN bill_difference.out_refund_no IS 'our number of the refund';
COMMENT ON COLUMN bill_difference.here_fen IS 'amount in the ledger';
COMMENT ON COLUMN bill_difference.there_fen IS 'amount in the bill';
COMMENT ON COLUMN bill_difference.here_at IS 'time in the ledger';
COMMENT ON COLUMN bill_difference.there_at IS 'time in the bill';
COMMENT ON COLUMN bill_difference.there_state IS 'state in the bill';

GRANT SELECT, INSERT, UPDATE, DELETE ON bill_day TO idphotod_app;
GRANT SELECT, INSERT, DELETE ON bill_difference TO idphotod_app;
