import type { Database, Sql } from '@tollkeeper/database';
import { isFault, type Clock } from '@tollkeeper/protocol';
import { appendAudit } from '../audit/audit.js';
import type { TenantTransaction } from '../tenancy/as-tenant.js';
import { findMerchant, findOrInsertMerchant } from '../tenancy/merchants.js';
import { uuidv7 } from '../uuid.js';
import type { DepositAccounts } from './deposit-accounts.js';
import type { DepositAddresses } from './deposit-addresses.js';
import { readBalances, type WalletBalance } from './wallet-balances.js';
import { insertWallet, listWallets, readWallet, type Wallet } from './wallet-rows.js';

/** More wallets than an operator lists by hand; a longer list is cut. */
const listedWallets = 10_000;

export type Wallets = ReturnType<typeof createWallets>;

/**
 * Wallets with custodial deposit addresses. Each address is one merchant's own, because the payer's signature binds the
 * payee: no merchant can present another's payment.
 */
export function createWallets(parts: {
  readonly database: Database;
  readonly addresses: DepositAddresses;
  readonly accounts: DepositAccounts;
  readonly clock: Clock;
}) {
  const { database, addresses, accounts } = parts;
  return { createFor, create, prepare, list, find, balances };

  /**
   * Creates a wallet for a tenant in its own transaction, with an address on every configured network. Those that have to be
   * made ready on chain become so behind the request, whatever happens to this process.
   * @throws Fault `WALLET_EXISTS`, `WALLET_QUOTA_REACHED`, `WALLET_KEY_UNREADABLE`, `WALLET_KEYS_ROTATING`
   */
  async function createFor(
    { sql, service }: Pick<TenantTransaction, 'sql' | 'service'>,
    { merchantId, name }: { readonly merchantId: string; readonly name: string },
  ): Promise<Wallet> {
    const id = uuidv7(parts.clock);
    await insertWallet(sql, { id, merchantId, name });
    await service((asService) => addresses.add(asService, id));
    return readWallet(sql, id);
  }

  /**
   * Creates a wallet, and its merchant on first use, and makes it ready to receive.
   * @throws Fault as `createFor` does, and `CHAIN_RPC_UNAVAILABLE`: the wallet is there then, and `prepare` finishes it
   */
  async function create(names: { readonly merchant: string; readonly name: string }): Promise<Wallet> {
    const id = uuidv7(parts.clock);
    await sealing(async (sql) => {
      const merchantId = await findOrInsertMerchant(sql, { id: uuidv7(parts.clock), name: names.merchant });
      await insertWallet(sql, { id, merchantId, name: names.name });
      await addresses.add(sql, id);
      const created = { action: 'wallet.create', subject: id, after: names };
      await appendAudit(sql, { ...created, merchantId, actor: { kind: 'operator' } });
    });
    return prepare(id);
  }

  /**
   * Gives a wallet what it lacks on the configured networks: an address, and the means to receive each asset there. Repeating
   * it changes nothing, so it also finishes a creation that was interrupted.
   * @throws Fault `WALLET_NOT_FOUND`, `WALLET_KEY_UNREADABLE`, `CHAIN_RPC_UNAVAILABLE`
   */
  async function prepare(walletId: string): Promise<Wallet> {
    await sealing(async (sql) => {
      const before = await readWallet(sql, walletId);
      await addresses.add(sql, walletId);
      const after = await readWallet(sql, walletId);
      if (after.addresses.length === before.addresses.length) return;
      const { id: merchantId } = await findMerchant(sql, after.merchant);
      const prepared = { action: 'wallet.prepare', subject: walletId, before, after };
      await appendAudit(sql, { ...prepared, merchantId, actor: { kind: 'operator' } });
    });
    for (const account of await accounts.unreadyOf(walletId)) await accounts.prepare(account);
    return readWallet(database.sql, walletId);
  }

  /** A transaction that seals keys runs again where the encryption key in use changed meanwhile. */
  async function sealing(work: (sql: Sql) => Promise<void>): Promise<void> {
    try {
      await database.transaction(work);
    } catch (error) {
      if (!isFault(error, 'WALLET_KEYS_ROTATING')) throw error;
      await database.transaction(work);
    }
  }

  async function list(): Promise<readonly Wallet[]> {
    return listWallets(database.sql, { after: null, limit: listedWallets });
  }

  /** @throws Fault `WALLET_NOT_FOUND` */
  async function find(walletId: string): Promise<Wallet> {
    return readWallet(database.sql, walletId);
  }

  /** @throws Fault `WALLET_NOT_FOUND` */
  async function balances(walletId: string): Promise<readonly WalletBalance[]> {
    return readBalances(database.sql, walletId);
  }
}
