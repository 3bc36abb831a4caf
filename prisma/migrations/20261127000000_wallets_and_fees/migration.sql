-- Wallets as merchants manage them, statements that add up, and what a payment costs the merchant.

-- How many wallets a merchant may have, closed ones included, because each cost us rent; and how long a new payout address
-- waits before its first use. The operator decides both.
ALTER TABLE merchant
  ADD COLUMN wallet_quota integer NOT NULL DEFAULT 100 CHECK (wallet_quota >= 0),
  ADD COLUMN payout_wait interval NOT NULL DEFAULT '24 hours' CHECK (payout_wait >= '0 seconds');
GRANT UPDATE (wallet_quota, payout_wait) ON merchant TO tollkeeper_app;

-- The merchant's row is locked until the commit, so that wallets made at the same time count each other.
CREATE FUNCTION keep_wallet_quota() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  quota integer;
BEGIN
  SELECT wallet_quota INTO quota FROM merchant WHERE id = NEW.merchant_id FOR NO KEY UPDATE;
  IF (SELECT count(*) FROM wallet WHERE merchant_id = NEW.merchant_id) >= quota THEN
    RAISE EXCEPTION 'The merchant has as many wallets as it may' USING ERRCODE = 'check_violation', CONSTRAINT = 'wallet_quota';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER wallet_within_quota BEFORE INSERT ON wallet FOR EACH ROW EXECUTE FUNCTION keep_wallet_quota();

-- A closed wallet receives nothing new. What it holds stays its owner's.
ALTER TABLE wallet ADD COLUMN closed_at timestamptz;
CREATE FUNCTION keep_wallets_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'A closed wallet stays closed' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER wallet_stays_closed BEFORE UPDATE ON wallet FOR EACH ROW
  WHEN (OLD.closed_at IS NOT NULL AND NEW.closed_at IS DISTINCT FROM OLD.closed_at) EXECUTE FUNCTION keep_wallets_closed();
GRANT UPDATE (closed_at) ON wallet TO tollkeeper_app, tollkeeper_tenant;
GRANT INSERT (id, merchant_id, name) ON wallet TO tollkeeper_tenant;

-- Nobody moves money to a closed wallet. From one it goes to another wallet of the same merchant, and back to it goes what it
-- had sent before: a refund, an expired transfer.
CREATE FUNCTION require_open_wallets(payer uuid, receiver uuid) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF EXISTS (SELECT FROM wallet WHERE id = receiver AND closed_at IS NOT NULL) OR EXISTS (
    SELECT FROM wallet AS source WHERE source.id = payer AND source.closed_at IS NOT NULL AND source.merchant_id IS DISTINCT FROM (
      SELECT merchant_id FROM wallet WHERE id = receiver)
  ) THEN
    RAISE EXCEPTION 'The wallet is closed' USING ERRCODE = 'check_violation', TABLE = 'wallet', CONSTRAINT = 'wallet_open';
  END IF;
END
$$;
CREATE FUNCTION keep_transfers_from_closed_wallets() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_TABLE_NAME = 'charge' THEN
    PERFORM require_open_wallets(NEW.payer_wallet_id, NEW.payee_wallet_id);
  ELSE
    PERFORM require_open_wallets(NEW.sender_wallet_id, NEW.receiver_wallet_id);
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER wallet_transfer_between_open BEFORE INSERT ON wallet_transfer
  FOR EACH ROW EXECUTE FUNCTION keep_transfers_from_closed_wallets();
CREATE TRIGGER wallet_transfer_claimed_by_open BEFORE UPDATE ON wallet_transfer
  FOR EACH ROW WHEN (NEW.state = 'completed') EXECUTE FUNCTION keep_transfers_from_closed_wallets();
CREATE TRIGGER charge_between_open BEFORE INSERT ON charge
  FOR EACH ROW EXECUTE FUNCTION keep_transfers_from_closed_wallets();

-- What it takes for a deposit address to receive a token. Rows without ready_at are work that any process finishes, whatever
-- crashed since they were written.
CREATE TABLE deposit_account (
  network text NOT NULL,
  address text NOT NULL,
  token text NOT NULL,
  ready_at timestamptz,
  -- The native coin that is locked on chain so that it can receive, and the journal that booked it.
  rent numeric(78, 0) CHECK (rent >= 0),
  rent_journal_id bigint UNIQUE REFERENCES journal (id),
  -- Somebody works on it, or it failed a moment ago: others leave it alone until then.
  busy_until timestamptz,
  PRIMARY KEY (network, address, token),
  FOREIGN KEY (network, address) REFERENCES deposit_address (network, address),
  CHECK ((ready_at IS NULL) = (rent IS NULL)),
  CHECK ((rent_journal_id IS NULL) = (rent IS NULL OR rent = 0))
);
CREATE INDEX deposit_account_unready ON deposit_account (network, busy_until) WHERE ready_at IS NULL;
ALTER TABLE deposit_account ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON deposit_account TO tollkeeper_app USING (true) WITH CHECK (true);
CREATE POLICY tenant ON deposit_account TO tollkeeper_tenant USING (
  (network, address) IN (SELECT network, address FROM tenant_address)
);
GRANT SELECT, INSERT ON deposit_account TO tollkeeper_app;
GRANT UPDATE (ready_at, rent, rent_journal_id, busy_until) ON deposit_account TO tollkeeper_app;
GRANT SELECT ON deposit_account TO tollkeeper_tenant;

-- Addresses outside, to which a wallet may be paid out.
CREATE TABLE payout_address (
  id uuid PRIMARY KEY,
  wallet_id uuid NOT NULL REFERENCES wallet (id),
  network text NOT NULL,
  address text NOT NULL,
  label text NOT NULL CHECK (label <> ''),
  created_at timestamptz NOT NULL DEFAULT now(),
  usable_from timestamptz NOT NULL DEFAULT 'infinity',
  removed_at timestamptz
);
-- An address that was removed and is registered again waits again.
CREATE UNIQUE INDEX payout_address_once ON payout_address (wallet_id, network, address) WHERE removed_at IS NULL;

-- The wait is the merchant's and starts now, whoever writes the row. Custody addresses are no payout addresses: what is paid
-- out to one would leave the books and come back as a deposit.
CREATE FUNCTION start_payout_wait() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM deposit_address WHERE network = NEW.network AND address = NEW.address) THEN
    RAISE EXCEPTION 'This address is in our own custody' USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_address_outside';
  END IF;
  -- Addresses that are registered at the same time count each other.
  PERFORM 1 FROM wallet WHERE id = NEW.wallet_id FOR NO KEY UPDATE;
  IF (SELECT count(*) FROM payout_address WHERE wallet_id = NEW.wallet_id AND removed_at IS NULL) >= 50 THEN
    RAISE EXCEPTION 'The wallet has 50 payout addresses' USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_address_quota';
  END IF;
  NEW.created_at := now();
  NEW.usable_from := now() + (
    SELECT payout_wait FROM merchant JOIN wallet ON wallet.merchant_id = merchant.id WHERE wallet.id = NEW.wallet_id
  );
  RETURN NEW;
END
$$;
CREATE TRIGGER payout_address_waits BEFORE INSERT ON payout_address FOR EACH ROW EXECUTE FUNCTION start_payout_wait();
CREATE FUNCTION keep_removed_payout_addresses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'A removed payout address stays removed' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER payout_address_stays_removed BEFORE UPDATE ON payout_address FOR EACH ROW
  WHEN (OLD.removed_at IS NOT NULL) EXECUTE FUNCTION keep_removed_payout_addresses();
ALTER TABLE payout_address ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON payout_address TO tollkeeper_app USING (true) WITH CHECK (true);
CREATE POLICY tenant ON payout_address TO tollkeeper_tenant USING (wallet_id IN (SELECT id FROM wallet));
GRANT SELECT ON payout_address TO tollkeeper_app, tollkeeper_tenant;
GRANT INSERT (id, wallet_id, network, address, label) ON payout_address TO tollkeeper_app, tollkeeper_tenant;
GRANT UPDATE (removed_at) ON payout_address TO tollkeeper_app, tollkeeper_tenant;

-- Statements. A leg is dated by the clock at the moment it is written, which is after its transaction took its id: so once
-- every transaction that was running at a moment has ended, no leg from before that moment can appear any more, although
-- neither ids nor dates follow the order of commits.
ALTER TABLE transfer ADD COLUMN posted_at timestamptz;
ALTER TABLE transfer DISABLE TRIGGER transfer_is_history;
UPDATE transfer SET posted_at = journal.created_at FROM journal WHERE journal.id = transfer.journal_id;
ALTER TABLE transfer ENABLE TRIGGER transfer_is_history;
ALTER TABLE transfer ALTER COLUMN posted_at SET DEFAULT clock_timestamp(), ALTER COLUMN posted_at SET NOT NULL;
-- The legs of an account in the order of its statement; whatever asks for an account alone finds them here as well.
DROP INDEX transfer_debit_account, transfer_credit_account;
CREATE INDEX transfer_debit_account ON transfer (debit_account_id, posted_at, journal_id, leg);
CREATE INDEX transfer_credit_account ON transfer (credit_account_id, posted_at, journal_id, leg);

-- What an account had been debited and credited before a moment, so that no statement adds up the whole history again.
CREATE TABLE balance_checkpoint (
  account_id bigint NOT NULL REFERENCES account (id),
  at timestamptz NOT NULL,
  debit numeric(78, 0) NOT NULL,
  credit numeric(78, 0) NOT NULL,
  -- The version of the balance when it was taken, which tells how much was posted since.
  version bigint NOT NULL,
  PRIMARY KEY (account_id, at)
);
CREATE TRIGGER balance_checkpoint_is_history BEFORE UPDATE OR DELETE OR TRUNCATE ON balance_checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What an account had been debited and credited before a moment: the last checkpoint and what follows it.
CREATE FUNCTION account_totals_before(account bigint, moment timestamptz)
RETURNS TABLE (debit numeric, credit numeric, legs bigint) LANGUAGE sql STABLE AS $$
  WITH known AS (
    SELECT at, debit, credit FROM balance_checkpoint WHERE account_id = account AND at <= moment ORDER BY at DESC LIMIT 1
  ), since AS (
    SELECT coalesce((SELECT at FROM known), '-infinity') AS at
  ), debited AS (
    SELECT coalesce(sum(amount), 0) AS total, count(*) AS legs FROM transfer
    WHERE debit_account_id = account AND posted_at >= (SELECT at FROM since) AND posted_at < moment
  ), credited AS (
    SELECT coalesce(sum(amount), 0) AS total, count(*) AS legs FROM transfer
    WHERE credit_account_id = account AND posted_at >= (SELECT at FROM since) AND posted_at < moment
  )
  SELECT coalesce((SELECT debit FROM known), 0) + debited.total, coalesce((SELECT credit FROM known), 0) + credited.total,
    debited.legs + credited.legs
  FROM debited, credited
$$;

-- The service may not write totals of its own making. The caller has made sure that nothing can be posted before the moment.
CREATE FUNCTION take_balance_checkpoint(account bigint, moment timestamptz)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  INSERT INTO balance_checkpoint (account_id, at, debit, credit, version)
  SELECT account, moment, totals.debit, totals.credit,
    (SELECT version FROM balance WHERE account_id = account AND bucket = 0)
  FROM account_totals_before(account, moment) AS totals
  ON CONFLICT DO NOTHING
$$;
ALTER TABLE balance_checkpoint ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON balance_checkpoint TO tollkeeper_app USING (true) WITH CHECK (true);
CREATE POLICY tenant ON balance_checkpoint TO tollkeeper_tenant USING (account_id IN (SELECT id FROM tenant_account));
GRANT SELECT ON balance_checkpoint TO tollkeeper_app, tollkeeper_tenant;
REVOKE EXECUTE ON FUNCTION take_balance_checkpoint FROM PUBLIC;
GRANT EXECUTE ON FUNCTION take_balance_checkpoint TO tollkeeper_app;

-- Lists of payments, newest first: of an address, and of it by payer, by state and by token.
DROP INDEX payment_pay_to;
CREATE INDEX payment_pay_to ON payment (network, pay_to, claimed_at, id);
CREATE INDEX payment_pay_to_payer ON payment (network, pay_to, payer, claimed_at, id);
CREATE INDEX payment_pay_to_state ON payment (network, pay_to, state, claimed_at, id);
CREATE INDEX payment_pay_to_token ON payment (network, pay_to, token, claimed_at, id);

-- What a merchant pays for a payment in one asset: a share of it in basis points, and fixed minor units. Terms are history: a
-- change is a later row, and the terms of a payment are those that held when it was claimed.
CREATE TABLE fee_terms (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  merchant_id uuid NOT NULL REFERENCES merchant (id),
  network text NOT NULL,
  token text NOT NULL,
  bps integer NOT NULL CHECK (bps BETWEEN 0 AND 10000),
  fixed numeric(78, 0) NOT NULL CHECK (fixed >= 0),
  effective_from timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT fee_terms_not_backdated CHECK (effective_from >= created_at),
  CONSTRAINT fee_terms_once UNIQUE (merchant_id, network, token, effective_from)
);
CREATE TRIGGER fee_terms_are_history BEFORE UPDATE OR DELETE OR TRUNCATE ON fee_terms
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Who brought a merchant, and its share of our fee. Set once.
CREATE TABLE referral (
  merchant_id uuid PRIMARY KEY REFERENCES merchant (id),
  referrer_id uuid NOT NULL REFERENCES merchant (id),
  share_bps integer NOT NULL CHECK (share_bps BETWEEN 1 AND 10000),
  since timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT referral_not_oneself CHECK (merchant_id <> referrer_id)
);
CREATE INDEX referral_referrer ON referral (referrer_id);
CREATE TRIGGER referral_is_history BEFORE UPDATE OR DELETE OR TRUNCATE ON referral
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One at a time, so that two referrals that close a loop together see each other.
CREATE FUNCTION keep_referrals_acyclic() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  -- Not the table: everybody who comes here has it locked a little already, and two could not both have more of it.
  PERFORM pg_advisory_xact_lock(hashtextextended('referral', 0));
  IF EXISTS (
    WITH RECURSIVE above AS (
      SELECT NEW.referrer_id AS id
      UNION
      SELECT referral.referrer_id FROM referral JOIN above ON referral.merchant_id = above.id
    )
    SELECT FROM above WHERE id = NEW.merchant_id AND NEW.referrer_id <> NEW.merchant_id
  ) THEN
    RAISE EXCEPTION 'The referrer was brought by this merchant' USING ERRCODE = 'check_violation', CONSTRAINT = 'referral_no_loop';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER referral_closes_no_loop BEFORE INSERT ON referral FOR EACH ROW EXECUTE FUNCTION keep_referrals_acyclic();

-- How a payment was shared out when it became final. Once for each payment, and to the last unit.
CREATE TABLE payment_fee (
  payment_id uuid PRIMARY KEY REFERENCES payment (id),
  merchant_id uuid NOT NULL REFERENCES merchant (id),
  terms_id bigint NOT NULL REFERENCES fee_terms (id),
  gross numeric(78, 0) NOT NULL CHECK (gross > 0),
  net numeric(78, 0) NOT NULL CHECK (net >= 0),
  fee numeric(78, 0) NOT NULL CHECK (fee >= 0),
  referral numeric(78, 0) NOT NULL CHECK (referral >= 0),
  rounding numeric(78, 0) NOT NULL CHECK (rounding >= 0),
  referrer_id uuid REFERENCES merchant (id),
  -- Why the referrer got nothing although it was due a share, which stayed with the fee then.
  refused_reward text,
  CONSTRAINT payment_fee_adds_up CHECK (net + fee + referral + rounding = gross),
  CHECK (referral = 0 OR referrer_id IS NOT NULL)
);
CREATE TRIGGER payment_fee_is_history BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_fee
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE fee_terms ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral ENABLE ROW LEVEL SECURITY;
ALTER TABLE payment_fee ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON fee_terms TO tollkeeper_app USING (true) WITH CHECK (true);
CREATE POLICY service ON referral TO tollkeeper_app USING (true) WITH CHECK (true);
CREATE POLICY service ON payment_fee TO tollkeeper_app USING (true) WITH CHECK (true);
CREATE POLICY tenant ON fee_terms TO tollkeeper_tenant USING (merchant_id = current_merchant());
CREATE POLICY tenant ON referral TO tollkeeper_tenant USING (merchant_id = current_merchant());
CREATE POLICY tenant ON payment_fee TO tollkeeper_tenant USING (merchant_id = current_merchant());
GRANT SELECT ON fee_terms, referral, payment_fee TO tollkeeper_app, tollkeeper_tenant;
GRANT INSERT (merchant_id, network, token, bps, fixed, effective_from) ON fee_terms TO tollkeeper_app;
GRANT INSERT (merchant_id, referrer_id, share_bps) ON referral TO tollkeeper_app;
GRANT INSERT ON payment_fee TO tollkeeper_app;
