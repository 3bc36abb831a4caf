-- What moved on chain names its asset, the payment that it proves and the journal that credits it. Foreign keys asked for the
-- three of them apart for every row and locked each, which was half the cost of recording a settlement; one check for each
-- statement asks the same. It need not be asked again afterwards, because assets and journals are never removed or become
-- others, and a payment that signed something is never removed: triggers refuse it to everybody, the owner included.
CREATE TRIGGER asset_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON asset
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE effect
  DROP CONSTRAINT effect_asset_id_fkey,
  DROP CONSTRAINT effect_payment_id_fkey,
  DROP CONSTRAINT effect_journal_id_fkey;

CREATE FUNCTION check_effects() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  assets integer[] := ARRAY(SELECT DISTINCT asset_id FROM recorded);
  payments uuid[] := ARRAY(SELECT DISTINCT payment_id FROM recorded WHERE payment_id IS NOT NULL);
  journals bigint[] := ARRAY(SELECT DISTINCT journal_id FROM recorded WHERE journal_id IS NOT NULL);
BEGIN
  IF cardinality(assets) <> (SELECT count(*) FROM asset WHERE id = ANY (assets)) THEN
    RAISE EXCEPTION 'What moved on chain is in a known asset'
      USING ERRCODE = 'foreign_key_violation', TABLE = 'effect', CONSTRAINT = 'effect_asset';
  END IF;
  IF cardinality(payments) <> (
    SELECT count(*) FROM payment WHERE id = ANY (payments) AND state NOT IN ('claimed', 'refused')
  ) THEN
    RAISE EXCEPTION 'What moved on chain proves only a payment that signed something'
      USING ERRCODE = 'foreign_key_violation', TABLE = 'effect', CONSTRAINT = 'effect_proves_payment';
  END IF;
  IF cardinality(journals) <> (SELECT count(*) FROM journal WHERE id = ANY (journals)) THEN
    RAISE EXCEPTION 'What moved on chain is credited by a journal'
      USING ERRCODE = 'foreign_key_violation', TABLE = 'effect', CONSTRAINT = 'effect_credited_by_journal';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER effect_belongs AFTER INSERT ON effect
  REFERENCING NEW TABLE AS recorded FOR EACH STATEMENT EXECUTE FUNCTION check_effects();
CREATE TRIGGER effect_still_belongs AFTER UPDATE ON effect
  REFERENCING NEW TABLE AS recorded FOR EACH STATEMENT EXECUTE FUNCTION check_effects();

-- Nothing is released when it is recorded, so it has no entry there yet.
ALTER TABLE effect DROP CONSTRAINT effect_release_journal_id_key;
CREATE UNIQUE INDEX effect_release_journal ON effect (release_journal_id) WHERE release_journal_id IS NOT NULL;
