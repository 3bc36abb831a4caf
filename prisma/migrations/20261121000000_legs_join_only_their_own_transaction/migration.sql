-- A leg joins only a journal of its own database transaction, because both carry the transaction's id. The service must not
-- choose that id, or it could add legs to a journal that was committed long ago; nor when a journal was written.
REVOKE INSERT ON journal, transfer FROM tollkeeper_app;
GRANT INSERT (scope, idempotency_key, body_hash, reverses) ON journal TO tollkeeper_app;
GRANT INSERT (journal_id, leg, asset_id, debit_account_id, credit_account_id, amount) ON transfer TO tollkeeper_app;
