-- Operations: what an operator has stopped, what reconciliation found, and the encryption keys of deposit addresses.

-- Each row stops something until it is removed.
CREATE TABLE control (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- settlement: all of it. merchant: payments to its addresses. asset: payments in it. outflows: withdrawals of an asset.
  kind text NOT NULL CHECK (kind IN ('settlement', 'merchant', 'asset', 'outflows')),
  merchant_id uuid REFERENCES merchant (id),
  network text,
  token text,
  reason text NOT NULL CHECK (reason <> ''),
  set_by text NOT NULL CHECK (set_by IN ('operator', 'reconciliation')),
  since timestamptz NOT NULL DEFAULT now(),
  CHECK ((kind = 'merchant') = (merchant_id IS NOT NULL)),
  CHECK ((kind IN ('asset', 'outflows')) = (network IS NOT NULL) AND (network IS NULL) = (token IS NULL)),
  CHECK (set_by = 'operator' OR kind = 'outflows')
);
CREATE UNIQUE INDEX control_once ON control (kind, merchant_id, network, token) NULLS NOT DISTINCT;
GRANT SELECT, DELETE ON control TO tollkeeper_app;
GRANT INSERT (kind, merchant_id, network, token, reason, set_by) ON control TO tollkeeper_app;
ALTER TABLE control ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON control TO tollkeeper_app USING (true) WITH CHECK (true);

-- Every process keeps what is stopped in memory, and reads it again when it is told or after a moment.
CREATE FUNCTION announce_control() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('tollkeeper_control', '');
  RETURN NULL;
END
$$;
CREATE TRIGGER control_is_announced AFTER INSERT OR UPDATE OR DELETE ON control
  FOR EACH STATEMENT EXECUTE FUNCTION announce_control();

-- Frozen outflows are refused where the money would leave the wallets, so that no way of paying out can forget to ask.
CREATE FUNCTION refuse_frozen_outflows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM control WHERE kind = 'outflows') AND EXISTS (
    SELECT FROM posted
    JOIN account ON account.id = posted.credit_account_id
    JOIN asset ON asset.id = posted.asset_id
    JOIN control ON control.kind = 'outflows' AND control.network = asset.network AND control.token = asset.token
    WHERE account.kind = 'withdrawals_in_flight'
  ) THEN
    RAISE EXCEPTION 'The outflows of this asset are frozen' USING ERRCODE = 'check_violation', CONSTRAINT = 'outflows_not_frozen';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER transfer_respects_freeze AFTER INSERT ON transfer
  REFERENCING NEW TABLE AS posted FOR EACH STATEMENT EXECUTE FUNCTION refuse_frozen_outflows();

-- What reached us after a block, which is little, however long the history is.
CREATE INDEX effect_block ON effect (network, block_number);

-- What each reconciliation found.
CREATE TABLE reconciliation (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  started_by text NOT NULL CHECK (started_by IN ('command', 'schedule')),
  started_at timestamptz NOT NULL,
  finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- incomplete: nothing differs among what could be compared, and something could not.
  outcome text NOT NULL CHECK (outcome IN ('clean', 'different', 'incomplete')),
  compared bigint NOT NULL CHECK (compared >= 0),
  differing bigint NOT NULL CHECK (differing >= 0),
  report jsonb NOT NULL,
  CHECK ((outcome = 'different') = (differing > 0))
);
CREATE TRIGGER reconciliation_is_history BEFORE UPDATE OR DELETE OR TRUNCATE ON reconciliation
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON reconciliation TO tollkeeper_app;
GRANT INSERT (started_by, started_at, outcome, compared, differing, report) ON reconciliation TO tollkeeper_app;

-- When the next scheduled one is due. Whoever moves this time on is the one that runs it.
CREATE TABLE reconciliation_turn (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  due_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON reconciliation_turn TO tollkeeper_app;

-- The keys that ever sealed deposit keys, by what proves that a key is the one, and never the keys themselves.
CREATE TABLE encryption_key (
  version integer PRIMARY KEY CHECK (version > 0),
  -- HMAC-SHA256 of a fixed text under the key, which is 256 random bits.
  check_value bytea NOT NULL UNIQUE CHECK (length(check_value) = 32),
  first_used_at timestamptz NOT NULL DEFAULT now(),
  -- From here on nothing is sealed under it.
  retired_at timestamptz
);
CREATE UNIQUE INDEX encryption_key_in_use ON encryption_key ((true)) WHERE retired_at IS NULL;
GRANT SELECT ON encryption_key TO tollkeeper_app;
GRANT INSERT (version, check_value) ON encryption_key TO tollkeeper_app;
GRANT UPDATE (retired_at) ON encryption_key TO tollkeeper_app;

CREATE FUNCTION keep_keys_retired() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'A retired encryption key stays retired' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER encryption_key_stays_retired BEFORE UPDATE ON encryption_key FOR EACH ROW
  WHEN (OLD.retired_at IS NOT NULL) EXECUTE FUNCTION keep_keys_retired();
CREATE TRIGGER encryption_key_is_kept BEFORE DELETE OR TRUNCATE ON encryption_key
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A key is sealed under the encryption key in use, and that one is not retired before this transaction ends: so a rotation
-- that has retired it finds every key that was sealed under it.
CREATE FUNCTION require_key_in_use() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.key_version <= OLD.key_version THEN
    RAISE EXCEPTION 'A deposit key is sealed anew only under a later encryption key' USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM 1 FROM encryption_key WHERE version = NEW.key_version AND retired_at IS NULL FOR SHARE;
  IF NOT FOUND AND EXISTS (SELECT FROM encryption_key) THEN
    RAISE EXCEPTION 'Deposit keys are sealed under another encryption key now'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'deposit_address_key_in_use';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER deposit_address_key_in_use BEFORE INSERT OR UPDATE OF encrypted_key, key_version ON deposit_address
  FOR EACH ROW EXECUTE FUNCTION require_key_in_use();
GRANT UPDATE (encrypted_key, key_version) ON deposit_address TO tollkeeper_app;
