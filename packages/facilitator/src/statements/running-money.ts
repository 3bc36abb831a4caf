import type { Asset } from '@tollkeeper/protocol';
import { addMoney, type StatementEntry } from './statement-entry.js';
import { nothing, type WalletMoney } from './wallet-accounts.js';
import type { AssetMoney } from './wallet-statements.js';

/** Adds entries to what was there before them, so that the end of a statement follows from its lines and nothing else. */
export function createRunningMoney(opening: readonly AssetMoney[]) {
  const money = new Map<string, AssetMoney>(opening.map((line) => [keyOf(line.asset), line]));
  return { take, closing: () => [...money.values()] };

  /** What the wallet has after the entry, in its asset. */
  function take({ asset, change }: StatementEntry): WalletMoney {
    const after = { asset, ...addMoney(money.get(keyOf(asset)) ?? nothing, change) };
    money.set(keyOf(asset), after);
    return after;
  }
}

function keyOf({ network, token }: Asset): string {
  return `${network} ${token}`;
}
