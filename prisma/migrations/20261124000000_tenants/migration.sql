-- Tenants: who may call, what they see, what they asked for, and what was done.
-- Row security decides what a tenant sees. A tenant's request takes the role tollkeeper_tenant for its transaction and names
-- its merchant in a setting of that transaction; without the setting there are no rows.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tollkeeper_tenant') THEN
    CREATE ROLE tollkeeper_tenant NOLOGIN;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL; -- Roles belong to the whole server; another database's migration was quicker.
END
$$;
DO $$
BEGIN
  -- The service may take the tenant's role, and has none of its rights or policies before it does.
  IF NOT pg_has_role('tollkeeper_app', 'tollkeeper_tenant', 'MEMBER') THEN
    GRANT tollkeeper_tenant TO tollkeeper_app WITH INHERIT FALSE, SET TRUE;
  END IF;
EXCEPTION WHEN unique_violation OR internal_error THEN
  NULL; -- The same race.
END
$$;
GRANT USAGE ON SCHEMA public TO tollkeeper_tenant;

-- The merchant whose request this transaction serves. A setting that was local to an earlier transaction reads as empty.
CREATE FUNCTION current_merchant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT nullif(current_setting('tollkeeper.merchant', true), '')::uuid
$$;

-- Keys of the API. Only the hash of a key is stored: a key is 256 random bits, so that nothing can be guessed from it and a
-- slow password hash would only cost time at every request.
CREATE TABLE api_key (
  id uuid PRIMARY KEY,
  merchant_id uuid NOT NULL REFERENCES merchant (id),
  name text NOT NULL CHECK (name <> ''),
  -- The first characters, by which people recognise a key.
  prefix text NOT NULL,
  hash bytea NOT NULL CONSTRAINT api_key_hash UNIQUE CHECK (length(hash) = 32),
  permissions text[] NOT NULL CHECK (
    permissions <@ ARRAY['read', 'write', 'withdraw', 'approve', 'admin'] AND cardinality(permissions) > 0
  ),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  -- Written now and then, behind the requests.
  last_used_at timestamptz
);
CREATE INDEX api_key_merchant ON api_key (merchant_id, id);

-- What a key is and may do never changes; a revoked key stays revoked.
CREATE FUNCTION keep_revoked_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'A revoked key stays revoked' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER api_key_stays_revoked BEFORE UPDATE ON api_key FOR EACH ROW
  WHEN (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
  EXECUTE FUNCTION keep_revoked_keys();

-- What was answered to an Idempotency-Key, written in the transaction that moved the money.
CREATE TABLE idempotency (
  merchant_id uuid NOT NULL REFERENCES merchant (id),
  -- Method and path as the route was defined.
  route text NOT NULL,
  key text NOT NULL CHECK (key <> '' AND length(key) <= 255),
  -- sha256 of the canonical request: the same key with another request is refused.
  request_hash bytea NOT NULL CHECK (length(request_hash) = 32),
  -- Null while the work is under way, where work cannot be one transaction; until then its lease holds the key.
  status smallint,
  content_type text,
  body text,
  lease_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, route, key),
  CHECK ((status IS NULL) = (body IS NULL) AND (status IS NULL) = (content_type IS NULL)),
  CHECK (status IS NOT NULL OR lease_until IS NOT NULL)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

-- An answer is given again for 30 days at least, and is the same each time.
CREATE FUNCTION keep_answers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status IS NOT NULL AND (TG_OP = 'UPDATE' OR OLD.created_at > now() - interval '30 days') THEN
    RAISE EXCEPTION 'An answer is kept as it was given' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN coalesce(NEW, OLD);
END
$$;
CREATE TRIGGER idempotency_is_kept BEFORE UPDATE OR DELETE ON idempotency
  FOR EACH ROW EXECUTE FUNCTION keep_answers();

-- Audit. One chain for each merchant, and one for what the operator does to no merchant in particular.
CREATE TABLE audit_head (
  -- The merchant, or zeros for the operator's own chain.
  chain uuid PRIMARY KEY,
  sequence bigint NOT NULL,
  hash bytea NOT NULL
);

CREATE TABLE audit_entry (
  chain uuid NOT NULL,
  sequence bigint NOT NULL,
  merchant_id uuid REFERENCES merchant (id),
  at timestamptz NOT NULL,
  -- key: a request with an API key. operator: a command or the operator's API. service: the service by itself.
  actor text NOT NULL CHECK (actor IN ('key', 'operator', 'service')),
  key_id uuid REFERENCES api_key (id),
  action text NOT NULL CHECK (action <> ''),
  -- The id of what was acted on.
  subject text,
  -- SQL's null where there is nothing; the hash would not tell JSON's null from it.
  before jsonb CHECK (before <> 'null'),
  after jsonb CHECK (after <> 'null'),
  request_id text,
  previous_hash bytea NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (chain, sequence),
  CHECK ((actor = 'key') = (key_id IS NOT NULL)),
  CHECK (chain = coalesce(merchant_id, '00000000-0000-0000-0000-000000000000'))
);
-- A page of all entries, and a page of those about one thing, are each one range of an index.
CREATE INDEX audit_entry_merchant ON audit_entry (merchant_id, sequence);
CREATE INDEX audit_entry_subject ON audit_entry (merchant_id, subject, sequence);

-- The chain is made here, so that no writer can choose its place or its hash. The head is locked until the commit, so the
-- order of the chain is the order in which the entries became visible; an identity column would not give that.
CREATE FUNCTION chain_audit_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  head audit_head;
BEGIN
  NEW.chain := coalesce(NEW.merchant_id, '00000000-0000-0000-0000-000000000000');
  INSERT INTO audit_head (chain, sequence, hash) VALUES (NEW.chain, 0, sha256(''::bytea)) ON CONFLICT DO NOTHING;
  SELECT * INTO head FROM audit_head WHERE chain = NEW.chain FOR UPDATE;
  NEW.sequence := head.sequence + 1;
  NEW.at := clock_timestamp();
  NEW.previous_hash := head.hash;
  NEW.hash := sha256(head.hash || convert_to(jsonb_build_array(
    NEW.chain, NEW.sequence, (extract(epoch FROM NEW.at) * 1000000)::bigint::text, NEW.actor, NEW.key_id, NEW.action,
    NEW.subject, NEW.before, NEW.after, NEW.request_id)::text, 'UTF8'));
  UPDATE audit_head SET sequence = NEW.sequence, hash = NEW.hash WHERE chain = NEW.chain;
  RETURN NEW;
END
$$;
CREATE TRIGGER audit_entry_joins_its_chain BEFORE INSERT ON audit_entry
  FOR EACH ROW EXECUTE FUNCTION chain_audit_entry();
CREATE TRIGGER audit_entry_is_history BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON api_key TO tollkeeper_app;
GRANT UPDATE (revoked_at, last_used_at) ON api_key TO tollkeeper_app;
GRANT SELECT, INSERT, DELETE ON idempotency TO tollkeeper_app;
GRANT UPDATE (status, content_type, body, lease_until) ON idempotency TO tollkeeper_app;
GRANT SELECT ON audit_entry, audit_head TO tollkeeper_app;
GRANT INSERT (merchant_id, actor, key_id, action, subject, before, after, request_id) ON audit_entry TO tollkeeper_app;

GRANT SELECT, INSERT ON api_key TO tollkeeper_tenant;
GRANT UPDATE (revoked_at) ON api_key TO tollkeeper_tenant;
GRANT SELECT, INSERT ON idempotency TO tollkeeper_tenant;
GRANT SELECT ON audit_entry TO tollkeeper_tenant;
GRANT INSERT (merchant_id, actor, key_id, action, subject, before, after, request_id) ON audit_entry TO tollkeeper_tenant;
GRANT SELECT ON merchant, wallet, asset, account, balance, journal, transfer, payment, effect TO tollkeeper_tenant;
-- The encrypted key of an address is nobody's business but the vault's.
GRANT SELECT (network, address, wallet_id, created_at) ON deposit_address TO tollkeeper_tenant;

-- The accounts and addresses of the current merchant, for the policies below; each is looked up once in a statement.
CREATE VIEW tenant_account AS
SELECT account.id FROM wallet JOIN account ON account.owner = wallet.id::text WHERE wallet.merchant_id = current_merchant()
UNION ALL
SELECT account.id FROM account WHERE account.owner = current_merchant()::text;
CREATE VIEW tenant_address AS
SELECT deposit_address.network, deposit_address.address
FROM wallet JOIN deposit_address ON deposit_address.wallet_id = wallet.id
WHERE wallet.merchant_id = current_merchant();
GRANT SELECT ON tenant_account, tenant_address TO tollkeeper_tenant;

-- The service settles for everybody, so its policy lets every row through; what it may do is a matter of its privileges.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['merchant', 'wallet', 'deposit_address', 'account', 'balance', 'journal', 'transfer', 'payment',
    'effect', 'chain_transaction', 'api_key', 'idempotency', 'audit_entry', 'audit_head'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY service ON %I TO tollkeeper_app USING (true) WITH CHECK (true)', name);
  END LOOP;
END
$$;

CREATE POLICY tenant ON merchant TO tollkeeper_tenant USING (id = current_merchant());
CREATE POLICY tenant ON wallet TO tollkeeper_tenant USING (merchant_id = current_merchant());
CREATE POLICY tenant ON api_key TO tollkeeper_tenant USING (merchant_id = current_merchant());
CREATE POLICY tenant ON idempotency TO tollkeeper_tenant USING (merchant_id = current_merchant());
CREATE POLICY tenant ON audit_entry TO tollkeeper_tenant USING (merchant_id = current_merchant());
CREATE POLICY tenant ON deposit_address TO tollkeeper_tenant USING (wallet_id IN (SELECT id FROM wallet));
CREATE POLICY tenant ON account TO tollkeeper_tenant USING (id IN (SELECT id FROM tenant_account));
CREATE POLICY tenant ON balance TO tollkeeper_tenant USING (account_id IN (SELECT id FROM tenant_account));
CREATE POLICY tenant ON transfer TO tollkeeper_tenant USING (
  debit_account_id IN (SELECT id FROM tenant_account) OR credit_account_id IN (SELECT id FROM tenant_account)
);
CREATE POLICY tenant ON journal TO tollkeeper_tenant USING (
  EXISTS (SELECT FROM transfer WHERE transfer.journal_id = journal.id)
);
CREATE POLICY tenant ON payment TO tollkeeper_tenant USING (
  (network, pay_to) IN (SELECT network, address FROM tenant_address)
);
CREATE POLICY tenant ON effect TO tollkeeper_tenant USING (
  (network, recipient) IN (SELECT network, address FROM tenant_address)
);
