-- The foundation: who owns what, where the money is, and what was done on chain.
-- Rules that money depends on are constraints and triggers here, so that no code path can forget them.

-- Roles. The service connects as tollkeeper_app, which can neither change history nor touch balances directly.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tollkeeper_app') THEN
    CREATE ROLE tollkeeper_app NOLOGIN;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL; -- Roles belong to the whole server; another database's migration was quicker.
END
$$;
GRANT USAGE ON SCHEMA public TO tollkeeper_app;

-- What this database belongs to: its environment, and the chains it has seen.
CREATE TABLE setting (
  name text PRIMARY KEY,
  value text NOT NULL
);

CREATE TABLE chain_identity (
  network text PRIMARY KEY,
  -- EVM: the hash of block 0. Solana: the genesis hash.
  identity text NOT NULL,
  first_seen_at timestamptz NOT NULL DEFAULT now()
);

-- Custody: merchants, their wallets, and the addresses whose keys we hold.
CREATE TABLE merchant (
  id uuid PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (name <> ''),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE wallet (
  id uuid PRIMARY KEY,
  merchant_id uuid NOT NULL REFERENCES merchant (id),
  name text NOT NULL CHECK (name <> ''),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (merchant_id, name)
);

CREATE TABLE deposit_address (
  network text NOT NULL,
  address text NOT NULL,
  wallet_id uuid NOT NULL REFERENCES wallet (id),
  -- AES-256-GCM of the private key; wallet id and network are its associated data.
  encrypted_key bytea NOT NULL,
  key_version integer NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (network, address),
  UNIQUE (wallet_id, network)
);

-- Ledger. A transfer has one debit and one credit account of one asset, so an unbalanced row cannot be written.
CREATE TABLE asset (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  network text NOT NULL,
  token text NOT NULL,
  UNIQUE (network, token)
);

CREATE TABLE account (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('custody', 'merchant_pending', 'merchant_available')),
  asset_id integer NOT NULL REFERENCES asset (id),
  -- custody: the on-chain address. merchant accounts: the wallet's id.
  owner text NOT NULL,
  opened_at timestamptz NOT NULL DEFAULT now(),
  closed_at timestamptz,
  UNIQUE (kind, asset_id, owner),
  UNIQUE (id, asset_id)
);
CREATE INDEX account_owner ON account (owner);

-- The hot rows, apart from the static accounts so that foreign-key locks never land on them.
CREATE TABLE balance (
  account_id bigint NOT NULL REFERENCES account (id),
  bucket integer NOT NULL DEFAULT 0,
  debit numeric(78, 0) NOT NULL DEFAULT 0 CHECK (debit >= 0),
  credit numeric(78, 0) NOT NULL DEFAULT 0 CHECK (credit >= 0),
  held numeric(78, 0) NOT NULL DEFAULT 0 CHECK (held >= 0),
  normal_side text NOT NULL CHECK (normal_side IN ('debit', 'credit')),
  version bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, bucket),
  CONSTRAINT balance_not_overdrawn CHECK (
    CASE normal_side WHEN 'credit' THEN credit - debit - held >= 0 ELSE debit - credit - held >= 0 END
  )
) WITH (fillfactor = 50);

CREATE TABLE journal (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- (scope, idempotency_key) names the event; it is posted once, whatever is repeated.
  scope text NOT NULL,
  idempotency_key text NOT NULL,
  -- sha256 of the legs: the same key with other legs is refused instead of being taken for a repeat.
  body_hash bytea NOT NULL,
  reverses bigint REFERENCES journal (id),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT journal_event UNIQUE (scope, idempotency_key),
  UNIQUE (id, xid)
);

CREATE TABLE transfer (
  journal_id bigint NOT NULL,
  leg smallint NOT NULL,
  -- With the foreign key below, a leg joins only a journal of its own database transaction.
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  asset_id integer NOT NULL,
  debit_account_id bigint NOT NULL,
  credit_account_id bigint NOT NULL,
  amount numeric(78, 0) NOT NULL CHECK (amount > 0),
  CHECK (debit_account_id <> credit_account_id),
  PRIMARY KEY (journal_id, leg),
  FOREIGN KEY (journal_id, xid) REFERENCES journal (id, xid),
  FOREIGN KEY (debit_account_id, asset_id) REFERENCES account (id, asset_id),
  FOREIGN KEY (credit_account_id, asset_id) REFERENCES account (id, asset_id)
);
CREATE INDEX transfer_debit_account ON transfer (debit_account_id, journal_id);
CREATE INDEX transfer_credit_account ON transfer (credit_account_id, journal_id);

-- Every account has its balance row from birth, and its kind decides the side on which it may not fall below zero.
CREATE FUNCTION open_balance() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO balance (account_id, normal_side)
  VALUES (NEW.id, CASE NEW.kind WHEN 'custody' THEN 'debit' ELSE 'credit' END);
  RETURN NULL;
END
$$;
CREATE TRIGGER account_opens_balance AFTER INSERT ON account FOR EACH ROW EXECUTE FUNCTION open_balance();

-- Balances change only here, by exactly what was inserted. All rows are locked in id order first, so that opposite
-- transfers cannot deadlock; one statement's rows are summed, so that a batch updates each balance once.
CREATE FUNCTION apply_transfers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM balance
  WHERE bucket = 0
    AND account_id IN (SELECT debit_account_id FROM posted UNION SELECT credit_account_id FROM posted)
  ORDER BY account_id
  FOR UPDATE;

  UPDATE balance
  SET debit = balance.debit + change.debit, credit = balance.credit + change.credit, version = version + 1
  FROM (
    SELECT account_id, sum(debit) AS debit, sum(credit) AS credit
    FROM (
      SELECT debit_account_id AS account_id, amount AS debit, 0 AS credit FROM posted
      UNION ALL
      SELECT credit_account_id, 0, amount FROM posted
    ) AS sides
    GROUP BY account_id
  ) AS change
  WHERE balance.account_id = change.account_id AND balance.bucket = 0;
  RETURN NULL;
END
$$;
CREATE TRIGGER transfer_changes_balances AFTER INSERT ON transfer
  REFERENCING NEW TABLE AS posted FOR EACH STATEMENT EXECUTE FUNCTION apply_transfers();

-- History is not changed by anybody, the owner included; a correction is a journal that reverses another.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is history and cannot be changed', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER journal_is_history BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfer_is_history BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Settlement. A lane is one signer on one network; its account nonces exist only as rows of chain_transaction.
CREATE TABLE lane (
  network text NOT NULL,
  signer text NOT NULL,
  next_account_nonce numeric(20, 0) NOT NULL CHECK (next_account_nonce >= 0),
  PRIMARY KEY (network, signer)
);

CREATE TABLE payment (
  id uuid PRIMARY KEY,
  -- What the payer signed, in canonical bytes: one row whatever the encoding, the process or the year.
  claim_key text NOT NULL CONSTRAINT payment_claim UNIQUE,
  scheme text NOT NULL,
  network text NOT NULL,
  token text NOT NULL,
  amount numeric(78, 0) NOT NULL CHECK (amount > 0),
  payer text NOT NULL,
  pay_to text NOT NULL,
  x402_version smallint NOT NULL,
  -- claimed: nothing is signed. submitted: signed bytes exist. settled: the money moved. failed: it did not and will not
  -- by our transaction.
  state text NOT NULL DEFAULT 'claimed' CHECK (state IN ('claimed', 'submitted', 'settled', 'failed')),
  -- The process that works on it until the lease ends; another may take it over then.
  lease_holder uuid,
  lease_until timestamptz,
  failure_reason text,
  failure_detail text,
  -- The hash that settled it or that failed.
  transaction text,
  claimed_at timestamptz NOT NULL DEFAULT now(),
  claimed_at_block numeric(20, 0),
  submitted_at timestamptz,
  concluded_at timestamptz,
  -- One payment buys one answer: a success is handed out under a short lease and is delivered once it was flushed. While
  -- answer_open_since is set, the last caller left without a final answer, so a later caller may still collect it.
  answer_open_since timestamptz,
  delivery_lease_holder uuid,
  delivery_lease_until timestamptz,
  delivered_at timestamptz,
  CHECK ((state IN ('settled', 'failed')) = (concluded_at IS NOT NULL)),
  CHECK (state <> 'settled' OR transaction IS NOT NULL),
  CHECK ((state = 'failed') = (failure_reason IS NOT NULL)),
  CHECK (delivered_at IS NULL OR state = 'settled')
);
CREATE INDEX payment_unconcluded ON payment (network, claimed_at) WHERE state IN ('claimed', 'submitted');
CREATE INDEX payment_pay_to ON payment (network, pay_to, claimed_at);

-- A payment as the service asks for it; what a lease means now is decided by the database's clock alone.
CREATE VIEW payment_status AS
SELECT id, claim_key, scheme, network, token, amount, payer, pay_to AS "payTo", x402_version AS "x402Version", state, transaction,
  failure_reason AS "failureReason", failure_detail AS "failureDetail",
  claimed_at AS "claimedAt", submitted_at AS "submittedAt", concluded_at AS "concludedAt", delivered_at AS "deliveredAt",
  coalesce(lease_until > now(), false) AS leased,
  answer_open_since IS NOT NULL AS "answerOpen",
  delivered_at IS NULL AND coalesce(delivery_lease_until > now(), false) AS delivering,
  delivered_at IS NOT NULL AS delivered
FROM payment;

CREATE TABLE chain_transaction (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  payment_id uuid NOT NULL REFERENCES payment (id),
  network text NOT NULL,
  signer text NOT NULL,
  account_nonce numeric(20, 0),
  -- EVM: the transaction hash. Solana: the fee payer's signature.
  transaction text NOT NULL,
  raw bytea NOT NULL,
  last_valid_block_height numeric(20, 0),
  -- Wei or lamports, known once it is in a block.
  fee_paid numeric(78, 0),
  signed_at timestamptz NOT NULL DEFAULT now(),
  broadcast_at timestamptz,
  CONSTRAINT chain_transaction_once UNIQUE (network, transaction),
  CONSTRAINT chain_transaction_account_nonce UNIQUE (network, signer, account_nonce)
);
CREATE INDEX chain_transaction_payment ON chain_transaction (payment_id);

-- Every movement on chain that concerns us is one row, and every credit needs one: a transfer is never credited twice.
CREATE TABLE effect (
  network text NOT NULL,
  transaction text NOT NULL,
  -- EVM: the log's ordinal within its transaction. Solana: the token account whose balance changed.
  position text NOT NULL,
  asset_id integer NOT NULL REFERENCES asset (id),
  sender text NOT NULL,
  recipient text NOT NULL,
  amount numeric(78, 0) NOT NULL CHECK (amount > 0),
  block_number numeric(20, 0) NOT NULL,
  block_hash text NOT NULL,
  payment_id uuid REFERENCES payment (id),
  -- The credit, where the recipient is an address in our custody; relayed payments have none.
  journal_id bigint UNIQUE REFERENCES journal (id),
  recorded_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (network, transaction, position)
);
CREATE UNIQUE INDEX effect_payment ON effect (payment_id) WHERE payment_id IS NOT NULL;

-- Per asset, what was ever debited and credited; the two columns are equal or the books are wrong.
CREATE VIEW trial_balance AS
SELECT asset.network, asset.token, sum(balance.debit) AS debit, sum(balance.credit) AS credit
FROM balance
JOIN account ON account.id = balance.account_id
JOIN asset ON asset.id = account.asset_id
GROUP BY asset.network, asset.token;

GRANT SELECT, INSERT ON setting, chain_identity, merchant, wallet, deposit_address, asset, account, journal, transfer, effect
  TO tollkeeper_app;
GRANT SELECT ON balance, trial_balance, payment_status TO tollkeeper_app;
GRANT SELECT, INSERT, UPDATE ON lane, chain_transaction TO tollkeeper_app;
-- A claim that was refused before anything was signed leaves no row; a trigger keeps every other row.
GRANT SELECT, INSERT, UPDATE, DELETE ON payment TO tollkeeper_app;

CREATE FUNCTION keep_submitted_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> 'claimed' THEN
    RAISE EXCEPTION 'Only a claim that signed nothing may be released' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN OLD;
END
$$;
CREATE TRIGGER payment_is_kept BEFORE DELETE ON payment FOR EACH ROW EXECUTE FUNCTION keep_submitted_payments();
