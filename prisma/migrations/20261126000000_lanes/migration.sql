-- Lanes with holders, transactions that carry many payments, and what became of each transaction.

-- A lane is worked by one process at a time. The token grows with every change of hands: whoever writes for the lane proves in
-- the same transaction that it still holds this token, so that a process that slept through its lease cannot write.
ALTER TABLE lane
  ADD COLUMN holder uuid,
  ADD COLUMN lease_until timestamptz,
  ADD COLUMN fencing_token bigint NOT NULL DEFAULT 0 CHECK (fencing_token >= 0);

-- The processes that settle on a network now; lanes are shared out among those that have the keys.
CREATE TABLE settler (
  network text NOT NULL,
  process_id uuid NOT NULL,
  -- The accounts that it can sign with.
  signers text[] NOT NULL,
  seen_until timestamptz NOT NULL,
  PRIMARY KEY (network, process_id)
);

-- One transaction may carry many payments, and one payment may need several transactions.
CREATE TABLE transaction_leg (
  transaction_id bigint NOT NULL REFERENCES chain_transaction (id),
  payment_id uuid NOT NULL REFERENCES payment (id),
  PRIMARY KEY (transaction_id, payment_id)
);
CREATE INDEX transaction_leg_payment ON transaction_leg (payment_id);
INSERT INTO transaction_leg (transaction_id, payment_id) SELECT id, payment_id FROM chain_transaction;

ALTER TABLE chain_transaction
  DROP CONSTRAINT chain_transaction_account_nonce,
  -- The transaction whose place (account nonce) it wants; any of these siblings may be the one that the chain takes.
  ADD COLUMN replaces bigint REFERENCES chain_transaction (id),
  ADD COLUMN purpose text NOT NULL DEFAULT 'settlement' CHECK (purpose IN ('settlement', 'cancellation')),
  -- included: a block holds it. expired: no block can. replaced: its place went to another transaction, ours or not.
  ADD COLUMN state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'included', 'expired', 'replaced')),
  ADD COLUMN concluded_at timestamptz;
UPDATE chain_transaction SET
  state = CASE WHEN chain_transaction.fee_paid IS NULL THEN 'expired' ELSE 'included' END,
  concluded_at = payment.concluded_at
FROM payment
WHERE payment.id = chain_transaction.payment_id AND payment.state IN ('settled', 'failed');
ALTER TABLE chain_transaction DROP COLUMN payment_id;
-- A place in a signer's order is given once; only a replacement may want the same one.
CREATE UNIQUE INDEX chain_transaction_account_nonce ON chain_transaction (network, signer, account_nonce)
  WHERE replaces IS NULL;
CREATE INDEX chain_transaction_pending ON chain_transaction (network, id) WHERE state = 'pending';
CREATE INDEX chain_transaction_place ON chain_transaction (network, signer, account_nonce);
CREATE INDEX chain_transaction_replaces ON chain_transaction (replaces) WHERE replaces IS NOT NULL;

-- What any process needs to go on with a payment, whoever received it.
ALTER TABLE payment
  -- The request as version 2 has it, in JSON, but as text: jsonb refuses characters that JSON allows. Null for payments of before.
  ADD COLUMN request text,
  -- The second since 1970 from which on the authorization is void; null where a blockhash bounds it.
  ADD COLUMN valid_before numeric(78, 0),
  -- Its transaction was included without moving its money, in company; it awaits one of its own.
  ADD COLUMN retry_alone boolean NOT NULL DEFAULT false,
  DROP CONSTRAINT payment_state_check,
  -- refused: nothing was signed; the process that waits for the answer reads it and forgets the row.
  ADD CONSTRAINT payment_state CHECK (state IN ('claimed', 'refused', 'submitted', 'settled', 'failed')),
  DROP CONSTRAINT payment_check2,
  ADD CONSTRAINT payment_failure CHECK ((state IN ('failed', 'refused')) = (failure_reason IS NOT NULL)),
  ADD CONSTRAINT payment_retries_when_submitted CHECK (NOT retry_alone OR state = 'submitted');
DROP INDEX payment_unconcluded;
CREATE INDEX payment_unconcluded ON payment (network, claimed_at) WHERE state IN ('claimed', 'refused', 'submitted');
-- What a payer has in flight, and how often its payments failed lately.
CREATE INDEX payment_of_payer ON payment (payer, token) WHERE state = 'submitted';
CREATE INDEX payment_failed_of_payer ON payment (payer, concluded_at) WHERE state = 'failed';
-- Failed by our transaction, while the authorization can still be carried out by somebody else.
CREATE INDEX payment_watched ON payment (network, valid_before) WHERE state = 'failed' AND valid_before IS NOT NULL;

-- What settling may cost us, in the native coin, for one payTo on one day (UTC).
CREATE TABLE sponsorship (
  network text NOT NULL,
  pay_to text NOT NULL,
  day date NOT NULL,
  spent numeric(78, 0) NOT NULL CHECK (spent >= 0),
  PRIMARY KEY (network, pay_to, day)
);

CREATE OR REPLACE FUNCTION keep_submitted_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state NOT IN ('claimed', 'refused') THEN
    RAISE EXCEPTION 'Only a claim that signed nothing may be released' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN OLD;
END
$$;

GRANT SELECT, INSERT ON transaction_leg TO tollkeeper_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON settler TO tollkeeper_app;
GRANT SELECT, INSERT, UPDATE ON sponsorship TO tollkeeper_app;
-- What was signed and what was claimed never changes; where it stands does.
REVOKE UPDATE ON chain_transaction, payment FROM tollkeeper_app;
GRANT UPDATE (state, fee_paid, broadcast_at, concluded_at) ON chain_transaction TO tollkeeper_app;
GRANT UPDATE (state, lease_holder, lease_until, failure_reason, failure_detail, transaction, claimed_at_block, submitted_at,
  concluded_at, answer_open_since, delivery_lease_holder, delivery_lease_until, delivered_at, retry_alone)
  ON payment TO tollkeeper_app;
