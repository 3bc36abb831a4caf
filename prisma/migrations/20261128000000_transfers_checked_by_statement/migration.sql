-- A leg belongs to a journal of its own database transaction, and both its accounts are in its asset. Foreign keys asked that
-- three times for each leg, which was most of the cost of a posting; one check for each statement asks the same. It need not be
-- asked again afterwards, because neither journals nor accounts are ever removed or become others: triggers refuse it to
-- everybody, the owner included.
ALTER TABLE transfer
  DROP CONSTRAINT transfer_journal_id_xid_fkey,
  DROP CONSTRAINT transfer_debit_account_id_asset_id_fkey,
  DROP CONSTRAINT transfer_credit_account_id_asset_id_fkey,
  -- The transaction's id is in the journal.
  DROP COLUMN xid;
ALTER TABLE journal DROP CONSTRAINT journal_id_xid_key;

CREATE FUNCTION check_transfers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  journals bigint[];
  asset integer;
  accounts bigint[];
BEGIN
  -- What is looked up is named in arrays, which keeps the plans to the indexes however large the tables are.
  journals := ARRAY(SELECT DISTINCT journal_id FROM posted);
  IF cardinality(journals) <> (
    SELECT count(*) FROM journal WHERE id = ANY (journals) AND xid = pg_current_xact_id()
  ) THEN
    RAISE EXCEPTION 'A leg joins only a journal of its own transaction'
      USING ERRCODE = 'foreign_key_violation', TABLE = 'transfer', CONSTRAINT = 'transfer_joins_own_journal';
  END IF;
  FOR asset IN SELECT DISTINCT asset_id FROM posted LOOP
    accounts := ARRAY(
      SELECT debit_account_id FROM posted WHERE asset_id = asset
      UNION
      SELECT credit_account_id FROM posted WHERE asset_id = asset
    );
    IF cardinality(accounts) <> (SELECT count(*) FROM account WHERE id = ANY (accounts) AND asset_id = asset) THEN
      RAISE EXCEPTION 'Both accounts of a leg are in its asset'
        USING ERRCODE = 'foreign_key_violation', TABLE = 'transfer', CONSTRAINT = 'transfer_accounts_in_asset';
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;
CREATE TRIGGER transfer_belongs AFTER INSERT ON transfer
  REFERENCING NEW TABLE AS posted FOR EACH STATEMENT EXECUTE FUNCTION check_transfers();
