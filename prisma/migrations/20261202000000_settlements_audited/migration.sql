-- Who asks for a settlement under a key, for the audit. It is noted with the key, before anything is settled, so that the audit
-- tells also of a call whose process died; it is empty where such a call is in the audit already.
ALTER TABLE idempotency ADD COLUMN key_id uuid REFERENCES api_key (id), ADD COLUMN request_id text;
GRANT UPDATE (key_id, request_id) ON idempotency TO tollkeeper_app;

-- What nobody answers any more, to be told in the audit.
CREATE INDEX idempotency_unanswered ON idempotency (lease_until) WHERE status IS NULL AND key_id IS NOT NULL;
