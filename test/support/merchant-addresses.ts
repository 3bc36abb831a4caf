import { randomUUID } from 'node:crypto';
import type { Network } from '@tollkeeper/protocol';
import type { Client } from 'pg';

/** Makes a merchant with so many wallets, and answers the deposit address of each. */
export async function addressesOfNewMerchant(
  owner: Client,
  network: Network,
  count: number,
): Promise<readonly string[]> {
  const merchantId = randomUUID();
  await owner.query('INSERT INTO merchant (id, name) VALUES ($1, $2)', [merchantId, merchantId]);
  const wallets = Array.from({ length: count }, () => randomUUID());
  await owner.query(
    'INSERT INTO wallet (id, merchant_id, name) SELECT id, $1, id::text FROM unnest($2::uuid[]) AS id',
    [merchantId, wallets],
  );
  const { rows } = await owner.query<{ address: string }>(
    `INSERT INTO deposit_address (network, address, wallet_id, encrypted_key, key_version)
     SELECT $1, gen_random_uuid()::text, id, 'x', 1 FROM unnest($2::uuid[]) AS id RETURNING address`,
    [network, wallets],
  );
  return rows.map(({ address }) => address);
}
