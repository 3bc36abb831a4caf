-- How often a closed transaction was opened again because a reorg had dropped it. What it cost is taken back then, and booked anew
-- under a key of its own when a block holds it again: the base fee of that block may be another.
ALTER TABLE chain_transaction ADD COLUMN reopened integer NOT NULL DEFAULT 0;
GRANT UPDATE (reopened) ON chain_transaction TO tollkeeper_app;
