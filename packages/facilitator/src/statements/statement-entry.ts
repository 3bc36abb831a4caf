import type { StatementLeg } from '@tollkeeper/ledger';
import type { Asset } from '@tollkeeper/protocol';
import { nothing, type WalletAccount, type WalletMoney } from './wallet-accounts.js';

/** One movement of a wallet's money: what came in or went out, or what became available of what was pending. */
export interface StatementEntry {
  readonly postedAt: string;
  /** Which journal of the ledger, and which of its legs. */
  readonly journal: string;
  readonly leg: number;
  readonly type: string;
  /** What it belongs to: the id of a payment, a transfer, a hold, a charge. */
  readonly reference: string;
  readonly asset: Asset;
  /** What changed, with its sign. */
  readonly change: WalletMoney;
}

/** The names of what the ledger calls by its own words; everything else is called the same on both sides. */
const types: Readonly<Record<string, string>> = {
  effect: 'payment',
  release: 'payment_final',
  reversal: 'payment_reversed',
};

/** @param referenceOf what the leg belongs to, where that is not the key of its journal */
export function toEntry(
  leg: StatementLeg,
  parts: {
    readonly accounts: ReadonlyMap<bigint, WalletAccount>;
    readonly referenceOf: (leg: StatementLeg) => string | undefined;
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
    journal: leg.journalId.toString(),
    leg: leg.leg,
    type: types[leg.scope] ?? leg.scope,
    reference: parts.referenceOf(leg) ?? leg.key,
    asset,
    change,
  };
}

export function addMoney(one: WalletMoney, other: WalletMoney): WalletMoney {
  return { pending: one.pending + other.pending, available: one.available + other.available };
}

function add(money: WalletMoney, part: WalletAccount['part'], change: bigint): WalletMoney {
  return { ...money, [part]: money[part] + change };
}
