-- The claim of a process that died is gone on with by whoever signs next, which may be neither the process that died nor the one that
-- its caller came back to. The height of the chain then tells nothing of the claim any more, whoever reads it.
ALTER TABLE payment ADD COLUMN taken_over boolean NOT NULL DEFAULT false;
GRANT UPDATE (taken_over) ON payment TO tollkeeper_app;
