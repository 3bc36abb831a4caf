-- Row security of the ledger core: a tenant reads what is held in its accounts, and the transfers and charges of its wallets.
-- It writes none of them; the service does, once the tenant was found to own the wallet.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['hold', 'wallet_transfer', 'charge', 'charge_refund'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY service ON %I TO tollkeeper_app USING (true) WITH CHECK (true)', name);
    EXECUTE format('GRANT SELECT ON %I TO tollkeeper_tenant', name);
  END LOOP;
END
$$;
GRANT SELECT ON account_kind TO tollkeeper_tenant;

CREATE POLICY tenant ON hold TO tollkeeper_tenant USING (account_id IN (SELECT id FROM tenant_account));
CREATE POLICY tenant ON wallet_transfer TO tollkeeper_tenant USING (
  sender_wallet_id IN (SELECT id FROM wallet) OR receiver_wallet_id IN (SELECT id FROM wallet)
);
CREATE POLICY tenant ON charge TO tollkeeper_tenant USING (
  payer_wallet_id IN (SELECT id FROM wallet) OR payee_wallet_id IN (SELECT id FROM wallet)
);
CREATE POLICY tenant ON charge_refund TO tollkeeper_tenant USING (charge_id IN (SELECT id FROM charge));
