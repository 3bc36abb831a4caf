import { randomUUID } from 'node:crypto';
import { openDatabase } from '@tollkeeper/database';
import { createCharges, createHolds, createLedger, createWalletTransfers, type AccountName } from '@tollkeeper/ledger';
import { amount, network } from '@tollkeeper/protocol';
import type { TenantService, TestTenant } from './tenant-service.js';

/** The asset of the examples, so that what is tried with them could succeed. */
const asset = { network: network('eip155:84532'), token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' };

/** The id of one thing of each kind that belongs to a tenant, by the name that routes give to such an id. */
export async function thingsOf(service: TenantService, tenant: TestTenant): Promise<Record<string, string>> {
  const [walletId = '', secondWalletId = ''] = await insertRows(service, tenant);
  const { database } = service.database;
  const ledger = createLedger({ database });
  const [holdId, chargeId, transferId] = [randomUUID(), randomUUID(), randomUUID()];
  const account: AccountName = { kind: 'merchant_available', owner: walletId };
  await database.transaction(async (sql) => {
    await ledger.post(sql, {
      scope: 'test',
      key: tenant.id,
      legs: [
        { debit: { kind: 'custody', owner: `0x${tenant.id}` }, credit: account, asset, amount: amount(10n ** 9n) },
      ],
    });
    const money = { asset, amount: amount(250_000n) };
    await createHolds({ ledger }).place(sql, { ...money, id: holdId, account, lifetimeSeconds: 3_600 });
    const parties = { payerWalletId: walletId, payeeWalletId: secondWalletId };
    await createCharges({ ledger }).charge(sql, { ...money, ...parties, id: chargeId });
    await createWalletTransfers({ ledger }).create(sql, {
      ...money,
      id: transferId,
      senderWalletId: walletId,
      receiverWalletId: secondWalletId,
      lifetimeSeconds: 3_600,
    });
  });
  const [row] = await database.sql<{ paymentId: string; payoutAddressId: string }>`
    SELECT (SELECT id FROM payment WHERE pay_to = ${`0x${walletId}`}) AS "paymentId",
      (SELECT id FROM payout_address WHERE wallet_id = ${walletId}::uuid) AS "payoutAddressId"`;
  return { keyId: tenant.keyId, subject: tenant.keyId, walletId, holdId, chargeId, transferId, ...row };
}

/** Wallets with an address, a payment to it and a payout address: as the owner, because each has its own way in otherwise. */
async function insertRows(service: TenantService, tenant: TestTenant): Promise<readonly string[]> {
  const role = decodeURIComponent(new URL(service.database.ownerUrl).username);
  const owner = await openDatabase({ url: service.database.ownerUrl, role, poolSize: 1, onWarning: () => undefined });
  const { sql } = owner;
  const walletIds = [randomUUID(), randomUUID()];
  try {
    for (const id of walletIds) {
      const address = `0x${id}`;
      await sql`INSERT INTO wallet (id, merchant_id, name) VALUES (${id}::uuid, ${tenant.id}::uuid, ${id})`;
      await sql`
        INSERT INTO deposit_address (network, address, wallet_id, encrypted_key, key_version)
        VALUES (${asset.network}, ${address}, ${id}::uuid, ${Buffer.alloc(60)}, 1)`;
      await sql`
        INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version)
        VALUES (${randomUUID()}::uuid, ${id}, 'exact', ${asset.network}, ${asset.token}, 7, '0xpayer', ${address}, 2)`;
      await sql`
        INSERT INTO payout_address (id, wallet_id, network, address, label)
        VALUES (${randomUUID()}::uuid, ${id}::uuid, ${asset.network}, ${`0xpayout${id}`}, 'bank')`;
    }
  } finally {
    await owner.close();
  }
  return walletIds;
}
