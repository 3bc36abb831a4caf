import { randomUUID } from 'node:crypto';
import { sqlStateOf, type Database, type Sql } from '@tollkeeper/database';
import {
  createCharges,
  createExpirySweeper,
  createGroupCommit,
  createHolds,
  createLedger,
  createWalletTransfers,
  type Posting,
} from '@tollkeeper/ledger';
import { amount, baseSepolia, isFault } from '@tollkeeper/protocol';
import { ownWallets, type Deposit, type Operation } from './operations.js';
import type { Outcome } from './reference-ledger.js';

const asset = { network: baseSepolia, token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' };

/** Every deposit of every process comes from here, so that all of them meet in one account. */
export const sharedAddress = 'the address that all deposits come to';

/** Carries operations out on the database, as one of several processes. */
export function createRealLedger(parts: {
  readonly database: Database;
  readonly scope: string;
  readonly wallets: readonly string[];
}) {
  const { database, scope, wallets } = parts;
  const ledger = createLedger({ database });
  const [transfers, holds, charges] = [
    createWalletTransfers({ ledger }),
    createHolds({ ledger }),
    createCharges({ ledger }),
  ];
  const sweeper = createExpirySweeper({ database, ledger });
  const deposits = createGroupCommit<Deposit>({
    database,
    ledger,
    guard: (_sql, items) => Promise.resolve(items.map((item) => ({ postings: [postingOf(item)] }))),
  });
  const made = {
    transfers: [] as { readonly id: string; readonly claimToken: string | undefined }[],
    holds: [] as string[],
    charges: [] as { readonly id: string; readonly isOwn: boolean }[],
  };
  const inTransaction = <T>(work: (sql: Sql) => Promise<T>) => database.transaction(work);
  const wallet = (number: number) => wallets[number] ?? '';
  const available = (number: number) => ({ kind: 'merchant_available', owner: wallet(number) }) as const;

  return { apply, balances };

  async function apply(operation: Operation): Promise<Outcome> {
    if (operation.kind === 'deposit') return Promise.all(operation.items.map((item) => outcomeOf(() => deposit(item))));
    return [await outcomeOf(() => single(operation))];
  }

  async function deposit(item: Deposit): Promise<string> {
    const outcome = await deposits.commit(item);
    return outcome.state === 'posted' && outcome.posted[0]?.replayed === false ? 'done' : 'replayed';
  }

  function postingOf({ key, wallet: number, units }: Deposit): Posting {
    const debit = { kind: 'custody', owner: sharedAddress } as const;
    return { scope, key: `${key}`, legs: [{ debit, credit: available(number), asset, amount: amount(units) }] };
  }

  async function single(operation: Exclude<Operation, { kind: 'deposit' }>): Promise<string> {
    switch (operation.kind) {
      case 'send': {
        const request = { ...between(operation), id: randomUUID() };
        await inTransaction((sql) => transfers.send(sql, request));
        return 'done';
      }
      case 'charge': {
        const { senderWalletId: payerWalletId, receiverWalletId: payeeWalletId, ...money } = between(operation);
        const request = { ...money, payerWalletId, payeeWalletId, id: randomUUID() };
        await inTransaction((sql) => charges.charge(sql, request));
        made.charges.push({ id: request.id, isOwn: operation.to < ownWallets });
        return 'done';
      }
      case 'create':
        return create(operation);
      case 'hold': {
        const { units, expired } = operation;
        const lifetimeSeconds = expired ? -1 : 3600;
        const request = { account: available(operation.wallet), asset, amount: amount(units), lifetimeSeconds };
        made.holds.push((await inTransaction((sql) => holds.place(sql, { ...request, id: randomUUID() }))).id);
        return 'done';
      }
      case 'claim':
      case 'cancel':
      case 'capture':
      case 'void':
      case 'refund':
        return onEarlier(operation);
    }
  }

  function between({ from, to, units }: { readonly from: number; readonly to: number; readonly units: bigint }) {
    return { senderWalletId: wallet(from), receiverWalletId: wallet(to), asset, amount: amount(units) };
  }

  async function create({ from, to, units, expired }: Operation & { kind: 'create' }): Promise<string> {
    const request = { id: randomUUID(), senderWalletId: wallet(from), asset, amount: amount(units) };
    const receiverWalletId = to === undefined ? undefined : wallet(to);
    const lifetimeSeconds = expired ? -1 : 3600;
    const { claimToken } = await inTransaction((sql) =>
      transfers.create(sql, { ...request, receiverWalletId, lifetimeSeconds }),
    );
    made.transfers.push({ id: request.id, claimToken });
    // Another process may sweep as well; either way it has gone back when this is over.
    while (expired && (await inTransaction((sql) => transfers.find(sql, request.id))).concludedAt === undefined) {
      await sweeper.sweep();
    }
    return 'done';
  }

  async function onEarlier(
    operation: Extract<Operation, { kind: 'claim' | 'cancel' | 'capture' | 'void' | 'refund' }>,
  ): Promise<string> {
    const transfer = made.transfers[operation.nth % made.transfers.length];
    const holdId = made.holds[operation.nth % made.holds.length];
    const charge = made.charges[operation.nth % made.charges.length];
    if (operation.kind === 'claim' || operation.kind === 'cancel') {
      if (transfer === undefined) return 'nothing';
      if (operation.kind === 'cancel') await inTransaction((sql) => transfers.cancel(sql, transfer.id));
      else {
        const claimToken = operation.withToken ? transfer.claimToken : undefined;
        const claim = { id: transfer.id, receiverWalletId: wallet(operation.by), claimToken };
        await inTransaction((sql) => transfers.claim(sql, claim));
      }
    } else if (operation.kind === 'refund') {
      if (charge?.isOwn !== true) return 'nothing';
      const request = { chargeId: charge.id, refundId: randomUUID(), amount: optional(operation.units) };
      await inTransaction((sql) => charges.refund(sql, request));
    } else {
      if (holdId === undefined) return 'nothing';
      if (operation.kind === 'void') await inTransaction((sql) => holds.void(sql, holdId));
      else {
        const request = { id: holdId, amount: optional(operation.units), to: available(operation.to) };
        await inTransaction((sql) => holds.capture(sql, request));
      }
    }
    return 'done';
  }

  /** What is in the own wallets, held, and on its way from them. */
  async function balances() {
    const lines = await ledger.balancesOf(wallets.slice(0, ownWallets));
    return wallets.slice(0, ownWallets).map((owner) => {
      const of = (kind: string) => lines.find((line) => line.owner === owner && line.kind === kind);
      return {
        balance: of('merchant_available')?.balance ?? 0n,
        held: of('merchant_available')?.held ?? 0n,
        escrow: of('transfer_escrow')?.balance ?? 0n,
      };
    });
  }
}

function optional(units: bigint | undefined) {
  return units === undefined ? undefined : amount(units);
}

async function outcomeOf(operation: () => Promise<string>): Promise<string> {
  try {
    return await operation();
  } catch (error) {
    const code = isFault(error) ? error.code : sqlStateOf(error);
    if (code === undefined) throw error;
    return code;
  }
}
