-- The ledger core: the whole chart of accounts, holds, transfers between wallets, charges and their refunds.
-- What money depends on is decided here: sides, overdraft, closed accounts, what is held, and every deadline.

-- The chart of accounts. chart-of-accounts.ts says what each kind means; a test holds the two against each other.
CREATE TABLE account_kind (
  kind text PRIMARY KEY,
  normal_side text NOT NULL CHECK (normal_side IN ('debit', 'credit')),
  may_overdraw boolean NOT NULL
);
INSERT INTO account_kind (kind, normal_side, may_overdraw) VALUES
  ('custody', 'debit', false),
  ('treasury', 'debit', false),
  ('merchant_pending', 'credit', false),
  ('merchant_available', 'credit', false),
  ('transfer_escrow', 'credit', false),
  ('fees_earned', 'credit', false),
  ('referral_payable', 'credit', false),
  ('gas_spent', 'debit', false),
  ('operator_funding', 'credit', false),
  ('rent', 'debit', false),
  ('withdrawals_in_flight', 'credit', false),
  ('reorg_receivable', 'debit', false),
  ('rounding', 'credit', true),
  ('suspense', 'credit', true);
CREATE TRIGGER account_kind_is_settled BEFORE UPDATE OR DELETE OR TRUNCATE ON account_kind
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE account
  DROP CONSTRAINT account_kind_check,
  ADD CONSTRAINT account_kind_known FOREIGN KEY (kind) REFERENCES account_kind (kind);

-- Whether an account may overdraw or takes nothing more stands in the row that every posting locks, so that both are decided
-- under the lock and cost no look-up.
ALTER TABLE balance
  ADD COLUMN may_overdraw boolean NOT NULL DEFAULT false,
  ADD COLUMN closed boolean NOT NULL DEFAULT false,
  DROP CONSTRAINT balance_not_overdrawn,
  ADD CONSTRAINT balance_not_overdrawn CHECK (
    may_overdraw OR CASE normal_side WHEN 'credit' THEN credit - debit - held >= 0 ELSE debit - credit - held >= 0 END
  );

CREATE OR REPLACE FUNCTION open_balance() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO balance (account_id, normal_side, may_overdraw)
  SELECT NEW.id, normal_side, may_overdraw FROM account_kind WHERE kind = NEW.kind;
  RETURN NULL;
END
$$;

-- What an account is never changes. It may be closed, at a time of the database's choosing, and opened again.
CREATE FUNCTION keep_account() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF (NEW.id, NEW.kind, NEW.asset_id, NEW.owner, NEW.opened_at)
    IS DISTINCT FROM (OLD.id, OLD.kind, OLD.asset_id, OLD.owner, OLD.opened_at) THEN
    RAISE EXCEPTION 'Only whether an account is closed may change' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF NEW.closed_at IS NOT NULL THEN
    NEW.closed_at := coalesce(OLD.closed_at, clock_timestamp());
  END IF;
  UPDATE balance SET closed = (NEW.closed_at IS NOT NULL) WHERE account_id = NEW.id;
  RETURN NEW;
END
$$;
CREATE TRIGGER account_is_kept BEFORE UPDATE ON account FOR EACH ROW EXECUTE FUNCTION keep_account();
CREATE TRIGGER account_is_not_removed BEFORE DELETE OR TRUNCATE ON account
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT UPDATE (closed_at) ON account TO tollkeeper_app;

-- Nobody writes a balance but the triggers, the owner included: a statement of its own is refused.
CREATE FUNCTION refuse_direct_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() < 2 THEN
    RAISE EXCEPTION '% changes only by what is posted and held', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER balance_is_derived BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON balance
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_direct_change();

-- Holds: money that stays in the account but cannot be spent. balance.held is the sum of the open ones.
CREATE TABLE hold (
  id uuid PRIMARY KEY,
  account_id bigint NOT NULL,
  asset_id integer NOT NULL,
  amount numeric(78, 0) NOT NULL CHECK (amount > 0),
  captured numeric(78, 0) NOT NULL DEFAULT 0,
  -- open, and after its expiry as good as voided: nothing counts it and nobody captures it any more.
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'captured', 'voided')),
  reference text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  concluded_at timestamptz,
  CONSTRAINT hold_not_exceeded CHECK (captured >= 0 AND captured <= amount),
  CHECK ((state = 'captured') = (captured > 0)),
  CHECK ((state = 'open') = (concluded_at IS NULL)),
  FOREIGN KEY (account_id, asset_id) REFERENCES account (id, asset_id)
);
CREATE INDEX hold_account ON hold (account_id, id);
-- What is held now, by the time when it no longer is; the first serves one account, the second the sweeper.
CREATE INDEX hold_open ON hold (account_id, expires_at) WHERE state = 'open';
CREATE INDEX hold_expiring ON hold (expires_at) WHERE state = 'open';

-- The deadline is decided here, under the lock on the hold, by the clock of this moment and not of the transaction's start.
CREATE FUNCTION keep_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 'open' OR NEW.captured <> 0 THEN
      RAISE EXCEPTION 'A hold begins open' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.state <> 'open' OR NEW.state = 'open' OR (NEW.id, NEW.account_id, NEW.asset_id, NEW.amount, NEW.reference,
      NEW.created_at, NEW.expires_at) IS DISTINCT FROM (OLD.id, OLD.account_id, OLD.asset_id, OLD.amount, OLD.reference,
      OLD.created_at, OLD.expires_at) THEN
    RAISE EXCEPTION 'A hold is captured or voided once, and nothing else of it changes'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  NEW.concluded_at := clock_timestamp();
  IF NEW.state = 'captured' AND NEW.concluded_at >= OLD.expires_at THEN
    RAISE EXCEPTION 'An expired hold is not captured'
      USING ERRCODE = 'check_violation', TABLE = 'hold', CONSTRAINT = 'hold_not_expired';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER hold_is_kept BEFORE INSERT OR UPDATE ON hold FOR EACH ROW EXECUTE FUNCTION keep_hold();
CREATE TRIGGER hold_is_not_removed BEFORE DELETE OR TRUNCATE ON hold
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Locks balances in id order, which is the order of everybody, and refuses closed ones. Expired holds go first, so that no
-- decision about money counts them, whether or not anybody swept them up. Holds that are being placed are not counted yet.
CREATE FUNCTION lock_for_posting(accounts bigint[], placed uuid[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  closed_account bigint;
  any_held boolean;
BEGIN
  SELECT min(locked.account_id) FILTER (WHERE locked.closed), bool_or(locked.held > 0) INTO closed_account, any_held
  FROM (
    SELECT account_id, closed, held FROM balance
    WHERE account_id = ANY (accounts) AND bucket = 0
    ORDER BY account_id
    FOR UPDATE
  ) AS locked;
  IF closed_account IS NOT NULL THEN
    RAISE EXCEPTION 'Account % is closed', closed_account
      USING ERRCODE = 'check_violation', TABLE = 'account', CONSTRAINT = 'account_not_closed';
  END IF;
  IF any_held THEN
    UPDATE hold SET state = 'voided'
    WHERE account_id = ANY (accounts) AND state = 'open' AND expires_at <= clock_timestamp() AND id <> ALL (placed);
  END IF;
END
$$;

CREATE FUNCTION reserve_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM lock_for_posting(ARRAY(SELECT DISTINCT account_id FROM placed), ARRAY(SELECT id FROM placed));
  UPDATE balance SET held = balance.held + change.amount, version = version + 1
  FROM (SELECT account_id, sum(amount) AS amount FROM placed GROUP BY account_id) AS change
  WHERE balance.account_id = change.account_id AND balance.bucket = 0;
  RETURN NULL;
END
$$;
CREATE TRIGGER hold_reserves AFTER INSERT ON hold
  REFERENCING NEW TABLE AS placed FOR EACH STATEMENT EXECUTE FUNCTION reserve_held();

-- A hold on a closed account may end; it may only not become money for somebody else, which a posting would refuse.
CREATE FUNCTION release_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM balance
  WHERE account_id = ANY (ARRAY(SELECT account_id FROM ended)) AND bucket = 0
  ORDER BY account_id
  FOR UPDATE;
  UPDATE balance SET held = balance.held - change.amount, version = version + 1
  FROM (SELECT account_id, sum(amount) AS amount FROM ended GROUP BY account_id) AS change
  WHERE balance.account_id = change.account_id AND balance.bucket = 0;
  RETURN NULL;
END
$$;
CREATE TRIGGER hold_releases AFTER UPDATE ON hold
  REFERENCING OLD TABLE AS ended FOR EACH STATEMENT EXECUTE FUNCTION release_held();

-- What ends a hold takes the balances first, like every posting, so that the two never wait for each other in a circle.
CREATE FUNCTION lock_balances(accounts bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT count(*) FROM (
    SELECT FROM balance WHERE account_id = ANY (accounts) AND bucket = 0 ORDER BY account_id FOR UPDATE
  ) AS locked;
$$;
REVOKE EXECUTE ON FUNCTION lock_for_posting(bigint[], uuid[]), lock_balances(bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lock_balances(bigint[]) TO tollkeeper_app;

-- Balances change only here and with the holds, by exactly what was inserted; one statement's rows are summed, so that a
-- batch updates each balance once. The accounts are named in an array, which keeps the plan to the index however many there are.
CREATE OR REPLACE FUNCTION apply_transfers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  touched bigint[];
BEGIN
  touched := ARRAY(SELECT debit_account_id FROM posted UNION SELECT credit_account_id FROM posted);
  PERFORM lock_for_posting(touched);
  -- Summed once, whatever the planner makes of the rest.
  WITH change AS MATERIALIZED (
    SELECT account_id, sum(debit) AS debit, sum(credit) AS credit
    FROM (
      SELECT debit_account_id AS account_id, amount AS debit, 0 AS credit FROM posted
      UNION ALL
      SELECT credit_account_id, 0, amount FROM posted
    ) AS sides
    GROUP BY account_id
  )
  UPDATE balance
  SET debit = balance.debit + change.debit, credit = balance.credit + change.credit, version = version + 1
  FROM change
  WHERE balance.account_id = change.account_id AND balance.account_id = ANY (touched) AND balance.bucket = 0;
  RETURN NULL;
END
$$;

-- Transfers between wallets. A pending one has left its sender and is in escrow until its receiver claims it.
CREATE TABLE wallet_transfer (
  id uuid PRIMARY KEY,
  sender_wallet_id uuid NOT NULL REFERENCES wallet (id),
  -- Null while anybody with the claim token may take it.
  receiver_wallet_id uuid REFERENCES wallet (id),
  asset_id integer NOT NULL REFERENCES asset (id),
  amount numeric(78, 0) NOT NULL CHECK (amount > 0),
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'completed', 'cancelled', 'expired')),
  -- sha256 of 256 random bits that only the sender was shown.
  claim_token_hash bytea CHECK (length(claim_token_hash) = 32),
  reference text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Null where it was made in one step.
  expires_at timestamptz,
  concluded_at timestamptz,
  CONSTRAINT wallet_transfer_not_to_itself CHECK (sender_wallet_id <> receiver_wallet_id),
  CHECK (receiver_wallet_id IS NOT NULL OR claim_token_hash IS NOT NULL),
  CHECK (state <> 'completed' OR receiver_wallet_id IS NOT NULL),
  CHECK (state = 'completed' OR expires_at IS NOT NULL),
  CHECK ((state = 'pending') = (concluded_at IS NULL))
);
CREATE INDEX wallet_transfer_sender ON wallet_transfer (sender_wallet_id, id);
CREATE INDEX wallet_transfer_receiver ON wallet_transfer (receiver_wallet_id, id);
CREATE INDEX wallet_transfer_expiring ON wallet_transfer (expires_at) WHERE state = 'pending';

-- A transfer has one end, and the clock of this moment says which ones are left: before the expiry it is claimed or
-- cancelled, from then on it only goes back.
CREATE FUNCTION keep_wallet_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  expired boolean;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state NOT IN ('pending', 'completed') OR (NEW.state = 'completed') <> (NEW.expires_at IS NULL) THEN
      RAISE EXCEPTION 'A transfer begins pending, or is made in one step' USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.concluded_at := CASE NEW.state WHEN 'completed' THEN clock_timestamp() END;
    RETURN NEW;
  END IF;
  IF OLD.state <> 'pending' OR NEW.state = 'pending' OR (NEW.id, NEW.sender_wallet_id, NEW.asset_id, NEW.amount,
      NEW.claim_token_hash, NEW.reference, NEW.created_at, NEW.expires_at) IS DISTINCT FROM (OLD.id, OLD.sender_wallet_id,
      OLD.asset_id, OLD.amount, OLD.claim_token_hash, OLD.reference, OLD.created_at, OLD.expires_at)
    OR (NEW.receiver_wallet_id IS DISTINCT FROM OLD.receiver_wallet_id
      AND (OLD.receiver_wallet_id IS NOT NULL OR NEW.state <> 'completed')) THEN
    RAISE EXCEPTION 'A transfer ends once, and nothing else of it changes' USING ERRCODE = 'insufficient_privilege';
  END IF;
  NEW.concluded_at := clock_timestamp();
  expired := NEW.concluded_at >= OLD.expires_at;
  IF expired <> (NEW.state = 'expired') THEN
    RAISE EXCEPTION 'The expiry of the transfer decides otherwise'
      USING ERRCODE = 'check_violation', TABLE = 'wallet_transfer', CONSTRAINT = 'wallet_transfer_expiry';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER wallet_transfer_is_kept BEFORE INSERT OR UPDATE ON wallet_transfer
  FOR EACH ROW EXECUTE FUNCTION keep_wallet_transfer();
CREATE TRIGGER wallet_transfer_is_not_removed BEFORE DELETE OR TRUNCATE ON wallet_transfer
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Charges take money from one wallet for another at once, and may be given back in parts.
CREATE TABLE charge (
  id uuid PRIMARY KEY,
  payer_wallet_id uuid NOT NULL REFERENCES wallet (id),
  payee_wallet_id uuid NOT NULL REFERENCES wallet (id),
  asset_id integer NOT NULL REFERENCES asset (id),
  amount numeric(78, 0) NOT NULL CHECK (amount > 0),
  refunded numeric(78, 0) NOT NULL DEFAULT 0,
  reference text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT charge_not_to_itself CHECK (payer_wallet_id <> payee_wallet_id),
  CONSTRAINT charge_not_exceeded CHECK (refunded >= 0 AND refunded <= amount)
);
CREATE INDEX charge_payer ON charge (payer_wallet_id, id);
CREATE INDEX charge_payee ON charge (payee_wallet_id, id);

CREATE TABLE charge_refund (
  id uuid PRIMARY KEY,
  charge_id uuid NOT NULL REFERENCES charge (id),
  amount numeric(78, 0) NOT NULL CHECK (amount > 0),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX charge_refund_charge ON charge_refund (charge_id, id);

CREATE FUNCTION count_refund() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE charge SET refunded = refunded + NEW.amount WHERE id = NEW.charge_id;
  RETURN NULL;
END
$$;
CREATE TRIGGER charge_refund_is_counted AFTER INSERT ON charge_refund FOR EACH ROW EXECUTE FUNCTION count_refund();
CREATE TRIGGER charge_changes_by_refunds BEFORE UPDATE OR DELETE OR TRUNCATE ON charge
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_direct_change();
CREATE TRIGGER charge_refund_is_history BEFORE UPDATE OR DELETE OR TRUNCATE ON charge_refund
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT ON account_kind, hold, wallet_transfer, charge, charge_refund TO tollkeeper_app;
GRANT INSERT (id, account_id, asset_id, amount, reference, expires_at) ON hold TO tollkeeper_app;
GRANT UPDATE (state, captured) ON hold TO tollkeeper_app;
GRANT INSERT (id, sender_wallet_id, receiver_wallet_id, asset_id, amount, state, claim_token_hash, reference, expires_at)
  ON wallet_transfer TO tollkeeper_app;
GRANT UPDATE (state, receiver_wallet_id) ON wallet_transfer TO tollkeeper_app;
GRANT INSERT (id, payer_wallet_id, payee_wallet_id, asset_id, amount, reference) ON charge TO tollkeeper_app;
GRANT INSERT (id, charge_id, amount) ON charge_refund TO tollkeeper_app;
