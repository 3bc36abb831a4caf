-- What is in flight is looked up by the ids of what ended, named in an array. A join with the changed rows compared each of them with
-- everything in flight when its plan was made while nothing was, which is what the table looks like between two bursts: a third of
-- a second for each statement that changed two hundred payments of a thousand.
CREATE OR REPLACE FUNCTION keep_in_flight() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO payment_in_flight (payment_id, network, pay_to, token, payer, claimed_at)
    SELECT id, network, pay_to, token, payer, claimed_at FROM changed WHERE concluded_at IS NULL;
  ELSE
    DELETE FROM payment_in_flight
    WHERE payment_id = ANY (ARRAY(SELECT id FROM changed WHERE TG_OP = 'DELETE' OR concluded_at IS NOT NULL));
  END IF;
  RETURN NULL;
END
$$;
