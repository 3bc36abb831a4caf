import { isCheckViolation, type Sql } from '@tollkeeper/database';
import { Fault, networkFamily, type Asset, type Chain, type Network, type NetworkFamily } from '@tollkeeper/protocol';
import type { KeyVault } from './key-vault.js';

/** A network on which wallets get addresses, and the assets that they can receive there. */
export interface CustodyNetwork {
  readonly chain: Chain;
  readonly assets: readonly Asset[];
}

/** Makes a new key pair for an address of each family. */
export type KeyGenerators = Readonly<
  Record<NetworkFamily, () => { readonly address: string; readonly secret: Uint8Array }>
>;

export type DepositAddresses = ReturnType<typeof createDepositAddresses>;

/** Gives wallets addresses whose keys are made here and sealed before they are stored. */
export function createDepositAddresses(parts: {
  readonly vault: KeyVault;
  readonly networks: readonly CustodyNetwork[];
  readonly generateKey: KeyGenerators;
}) {
  const { vault, networks } = parts;
  let loading: Promise<void> | undefined;
  return { add };

  /**
   * Adds what a wallet lacks on the configured networks: its address, and a row for each asset that it has to be made ready
   * for. Asks no chain, so that it belongs to the transaction that makes the wallet.
   * @throws Fault `WALLET_KEY_UNREADABLE`; `WALLET_KEYS_ROTATING` when the transaction has to be run again
   */
  async function add(sql: Sql, walletId: string): Promise<void> {
    await loadKeys();
    for (const { chain, assets } of networks) {
      const address =
        (await addressOn(sql, { walletId, network: chain.network })) ?? (await make(sql, walletId, chain));
      await planAssets(sql, { address, assets, network: chain.network });
    }
  }

  /** Asks once which encryption key is in use, and again after it has changed. */
  async function loadKeys(): Promise<void> {
    loading ??= vault.load();
    try {
      await loading;
    } catch (error) {
      loading = undefined;
      throw error;
    }
  }

  async function make(sql: Sql, walletId: string, { network }: Chain): Promise<string> {
    const { address, secret } = parts.generateKey[networkFamily(network)]();
    const sealed = vault.seal({ walletId, network }, secret);
    try {
      await sql`
        INSERT INTO deposit_address (network, address, wallet_id, encrypted_key, key_version)
        VALUES (${network}, ${address}, ${walletId}::uuid, ${sealed}, ${vault.version})`;
    } catch (error) {
      if (!isCheckViolation(error, 'deposit_address_key_in_use')) throw error;
      loading = undefined;
      throw new Fault('WALLET_KEYS_ROTATING', {}, { cause: error });
    }
    return address;
  }
}

async function addressOn(
  sql: Sql,
  { walletId, network }: { readonly walletId: string; readonly network: Network },
): Promise<string | undefined> {
  const [known] = await sql<{ address: string }>`
    SELECT address FROM deposit_address WHERE wallet_id = ${walletId}::uuid AND network = ${network}`;
  return known?.address;
}

/** On EVM every address can receive every token; elsewhere the chain has to be asked first. */
async function planAssets(
  sql: Sql,
  deposit: { readonly network: Network; readonly address: string; readonly assets: readonly Asset[] },
): Promise<void> {
  const isReady = networkFamily(deposit.network) === 'eip155';
  await sql`
    INSERT INTO deposit_account (network, address, token, ready_at, rent)
    SELECT ${deposit.network}, ${deposit.address}, token, CASE WHEN ${isReady} THEN now() END, CASE WHEN ${isReady} THEN 0 END
    FROM unnest(${deposit.assets.map(({ token }) => token)}::text[]) AS token
    ON CONFLICT DO NOTHING`;
}
