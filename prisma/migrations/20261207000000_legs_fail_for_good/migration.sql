-- When it was seen that a transaction will not move the money of one of its payments any more: it is in a final block without that
-- transfer, or another transaction has its place. A settled payment that a reorg dropped is signed for again when all of its legs
-- have failed so, because its authorization outlives them.
ALTER TABLE transaction_leg ADD COLUMN failed_at timestamptz;
GRANT UPDATE (failed_at) ON transaction_leg TO tollkeeper_app;
