import { isCheckViolation, isUniqueViolation, type Database } from '@tollkeeper/database';
import type { AccountBalance, Ledger } from '@tollkeeper/ledger';
import {
  Fault,
  networkFamily,
  type Asset,
  type Chain,
  type Clock,
  type Network,
  type NetworkFamily,
} from '@tollkeeper/protocol';
import { uuidv7 } from '../uuid.js';
import type { KeyVault } from './key-vault.js';

/** A merchant's wallet and the address on each network that belongs to it alone. */
export interface Wallet {
  readonly id: string;
  readonly merchant: string;
  readonly name: string;
  readonly addresses: readonly DepositAddress[];
}

export interface DepositAddress {
  readonly network: Network;
  readonly address: string;
}

/** A network on which wallets get addresses, and the assets that they can receive there. */
export interface CustodyNetwork {
  readonly chain: Chain;
  readonly assets: readonly Asset[];
}

export type Wallets = ReturnType<typeof createWallets>;

/**
 * Wallets with custodial deposit addresses. Each address is one merchant's own, because the payer's signature binds the
 * payee: no merchant can present another's payment.
 */
export function createWallets(parts: {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly vault: KeyVault;
  readonly clock: Clock;
  readonly networks: readonly CustodyNetwork[];
  /** Makes a new key pair for an address of the family. */
  readonly generateKey: Readonly<
    Record<NetworkFamily, () => { readonly address: string; readonly secret: Uint8Array }>
  >;
}) {
  const { prisma } = parts.database;
  return { create, prepare, list, find, balances };

  /**
   * Creates a wallet, and its merchant on first use, with an address on every configured network.
   * @throws Fault `WALLET_EXISTS` when the merchant has a wallet of this name, and `WALLET_KEY_UNREADABLE`.
   */
  async function create(names: { readonly merchant: string; readonly name: string }): Promise<Wallet> {
    await parts.vault.load();
    const id = uuidv7(parts.clock);
    try {
      await parts.database.transaction(async (sql) => {
        await sql`
          INSERT INTO merchant (id, name) VALUES (${uuidv7(parts.clock)}::uuid, ${names.merchant})
          ON CONFLICT (name) DO NOTHING`;
        await sql`
          INSERT INTO wallet (id, merchant_id, name)
          SELECT ${id}::uuid, merchant.id, ${names.name} FROM merchant WHERE merchant.name = ${names.merchant}`;
      });
    } catch (error) {
      if (isUniqueViolation(error)) throw new Fault('WALLET_EXISTS', { ...names });
      throw error;
    }
    return prepare(id);
  }

  /**
   * Gives a wallet what it lacks on the configured networks: an address, and the means to receive each asset there. Repeating
   * it changes nothing, so it also finishes a creation that was interrupted.
   * @throws Fault `WALLET_NOT_FOUND`, `WALLET_KEY_UNREADABLE`, `CHAIN_RPC_UNAVAILABLE`
   */
  async function prepare(walletId: string): Promise<Wallet> {
    await parts.vault.load();
    const wallet = await find(walletId);
    for (const { chain, assets } of parts.networks) {
      const known = wallet.addresses.find((each) => each.network === chain.network);
      const owner = known?.address ?? (await addAddress(walletId, chain.network));
      for (const asset of assets) await chain.prepareToReceive({ asset, owner });
    }
    return find(walletId);
  }

  async function addAddress(walletId: string, network: Network): Promise<string> {
    const { address, secret } = parts.generateKey[networkFamily(network)]();
    const store = () => parts.database.sql`
      INSERT INTO deposit_address (network, address, wallet_id, encrypted_key, key_version)
      VALUES (${network}, ${address}, ${walletId}::uuid, ${parts.vault.seal({ walletId, network }, secret)},
        ${parts.vault.version})`;
    try {
      await store();
    } catch (error) {
      if (!isCheckViolation(error, 'deposit_address_key_in_use')) throw error;
      // The encryption keys are being rotated.
      await parts.vault.load();
      await store();
    }
    return address;
  }

  async function list(): Promise<readonly Wallet[]> {
    const rows = await prisma.wallet.findMany({ include: withAddresses, orderBy: { id: 'asc' } });
    return rows.map(toWallet);
  }

  /** @throws Fault `WALLET_NOT_FOUND` */
  async function find(walletId: string): Promise<Wallet> {
    const row = await prisma.wallet.findUnique({ where: { id: walletId }, include: withAddresses });
    if (row === null) throw new Fault('WALLET_NOT_FOUND', { walletId });
    return toWallet(row);
  }

  /**
   * What a wallet holds, one line for each account and asset.
   * @throws Fault `WALLET_NOT_FOUND`
   */
  async function balances(walletId: string): Promise<readonly AccountBalance[]> {
    const { id } = await find(walletId);
    return parts.ledger.balancesOf([id]);
  }
}

const withAddresses = { merchant: true, addresses: { orderBy: { network: 'asc' } } } as const;

function toWallet(row: {
  readonly id: string;
  readonly name: string;
  readonly merchant: { readonly name: string };
  readonly addresses: readonly { readonly network: string; readonly address: string }[];
}): Wallet {
  return {
    id: row.id,
    merchant: row.merchant.name,
    name: row.name,
    addresses: row.addresses.map(({ network, address }) => ({ network: network as Network, address })),
  };
}
