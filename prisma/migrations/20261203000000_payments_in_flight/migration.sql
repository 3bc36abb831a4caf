-- A payment's state changes three times within seconds, and while indexes told one state from another, each change wrote to every
-- index of its row, which was a third of what a settlement cost the database. What is in flight is found in a table of its own,
-- which is short and which triggers keep; what failed is found by a column that the way to a success never changes.
CREATE TABLE payment_in_flight (
  payment_id uuid PRIMARY KEY,
  network text NOT NULL,
  pay_to text NOT NULL,
  token text NOT NULL,
  payer text NOT NULL,
  claimed_at timestamptz NOT NULL
);
CREATE INDEX payment_in_flight_queue ON payment_in_flight (network, claimed_at);
CREATE INDEX payment_in_flight_payer ON payment_in_flight (payer, token);

INSERT INTO payment_in_flight (payment_id, network, pay_to, token, payer, claimed_at)
SELECT id, network, pay_to, token, payer, claimed_at FROM payment WHERE concluded_at IS NULL;

CREATE FUNCTION keep_in_flight() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO payment_in_flight (payment_id, network, pay_to, token, payer, claimed_at)
    SELECT id, network, pay_to, token, payer, claimed_at FROM changed WHERE concluded_at IS NULL;
  ELSE
    DELETE FROM payment_in_flight USING changed
    WHERE payment_id = changed.id AND (TG_OP = 'DELETE' OR changed.concluded_at IS NOT NULL);
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER payment_begins AFTER INSERT ON payment
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_in_flight();
CREATE TRIGGER payment_ends AFTER UPDATE ON payment
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_in_flight();
CREATE TRIGGER payment_is_forgotten AFTER DELETE ON payment
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_in_flight();

GRANT SELECT ON payment_in_flight TO tollkeeper_app, tollkeeper_tenant;
ALTER TABLE payment_in_flight ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON payment_in_flight TO tollkeeper_app USING (true) WITH CHECK (true);
CREATE POLICY tenant ON payment_in_flight TO tollkeeper_tenant USING (
  (network, pay_to) IN (SELECT network, address FROM tenant_address)
);

-- More than half of each page is room for the next versions of its rows, which all change together under load.
ALTER TABLE payment
  SET (fillfactor = 40),
  ADD COLUMN failed_at timestamptz GENERATED ALWAYS AS (CASE WHEN state = 'failed' THEN concluded_at END) STORED;
DROP INDEX payment_unconcluded, payment_of_payer, payment_failed, payment_failed_of_payer, payment_watched;
CREATE INDEX payment_failed ON payment (network, pay_to, token, claimed_at, id) WHERE failed_at IS NOT NULL;
CREATE INDEX payment_failed_of_payer ON payment (payer, failed_at) WHERE failed_at IS NOT NULL;
CREATE INDEX payment_watched ON payment (network, valid_before) WHERE failed_at IS NOT NULL AND valid_before IS NOT NULL;
