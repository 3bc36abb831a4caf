-- How often a closed transaction was opened again because a reorg had dropped it. What it cost is taken back then, and booked anew
-- under a key of its own when a block holds it again: the base fee of that block may be another.
ALTER TABLE chain_transaction ADD COLUMN reopened integer NOT NULL DEFAULT 0;
-- What was opened again before, and whose fee is booked already.
UPDATE chain_transaction SET reopened = 1
WHERE state = 'pending' AND EXISTS (
  SELECT FROM journal
  WHERE scope = 'network_fee' AND idempotency_key = chain_transaction.network || '/' || chain_transaction.transaction);
GRANT UPDATE (reopened) ON chain_transaction TO tollkeeper_app;
