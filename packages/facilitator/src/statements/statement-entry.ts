import type { StatementLeg } from '@tollkeeper/ledger';
import type { Asset } from '@tollkeeper/protocol';
import { nothing, type WalletAccount, type WalletMoney } from './wallet-accounts.js';

/** One movement of a wallet's money: what came in or went out, or what became available of what was pending. */
export interface StatementEntry {
  readonly postedAt: string;
  /** Which journal of the ledger, and which of its legs. */
  readonly journalId: bigint;
  readonly leg: number;
  readonly type: string;
  /** What it belongs to: the id of a payment, a transfer, a hold, a charge. */
  readonly reference: string;
  readonly asset: Asset;
  /** What changed, with its sign. */
  readonly change: WalletMoney;
}

/** The names of what the ledger calls by its own words. */
const types: Readonly<Record<string, string>> = {
  effect: 'payment',
  release: 'payment_final',
  reversal: 'payment_reversed',
  hold: 'hold_captured',
  charge_refund: 'refund',
};

/** @param paymentOf the payment that a leg belongs to, if it belongs to one */
export function toEntry(
  leg: StatementLeg,
  parts: {
    readonly accounts: ReadonlyMap<bigint, WalletAccount>;
    readonly paymentOf: (leg: StatementLeg) => string | undefined;
  },
): StatementEntry {
  const debited = parts.accounts.get(leg.debitAccountId);
  const credited = parts.accounts.get(leg.creditAccountId);
  const asset = (debited ?? credited)?.asset;
  if (asset === undefined) throw new TypeError('A leg of a statement touches none of its accounts');
  let change = nothing;
  if (debited !== undefined) change = add(change, debited.part, -leg.amount);
  if (credited !== undefined) change = add(change, credited.part, leg.amount);
  return {
    postedAt: leg.postedAt,
    journalId: leg.journalId,
    leg: leg.leg,
    ...describe(leg, parts.paymentOf(leg)),
    asset,
    change,
  };
}

/** A transfer is posted once for each of its steps, so its journals are named after both. */
function describe({ scope, key }: StatementLeg, payment: string | undefined): { type: string; reference: string } {
  const [id = key, step] = key.split('/');
  if (scope === 'wallet_transfer' && step !== undefined) return { type: `transfer_${step}`, reference: id };
  return { type: types[scope] ?? scope, reference: payment ?? key };
}

export function addMoney(one: WalletMoney, other: WalletMoney): WalletMoney {
  return { pending: one.pending + other.pending, available: one.available + other.available };
}

function add(money: WalletMoney, part: WalletAccount['part'], change: bigint): WalletMoney {
  return { ...money, [part]: money[part] + change };
}
