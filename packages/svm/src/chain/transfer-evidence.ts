import type { ExpectedTransfer, OnChainEffect, ObservedTransaction } from '@tollkeeper/protocol';
import type { LandedTransaction, RpcTokenBalance } from '../rpc/solana-rpc.js';
import { associatedTokenAccount } from '../token/associated-token-account.js';
import { tokenPrograms } from '../token/programs.js';
import { parseTransaction } from '../transaction/parse-transaction.js';

/**
 * The effect of a landed transaction if it is exactly the expected one: the payee's associated token account holds `amount`
 * more than before and still belongs to the payee. Undefined otherwise.
 */
export function findTransfer(submitted: ObservedTransaction, landed: LandedTransaction): OnChainEffect | undefined {
  const { expected } = submitted;
  if (expected === undefined) return undefined;
  const accountKeys = parseTransaction(submitted.raw)?.accountKeys ?? [];
  const destinations = tokenPrograms.map((program) =>
    associatedTokenAccount({ owner: expected.payTo, mint: expected.asset.token, program }),
  );
  const index = accountKeys.findIndex((key) => destinations.includes(key));
  const position = accountKeys[index];
  const after = balanceAt(landed.tokensAfter, index);
  if (position === undefined || after === undefined) return undefined;
  const rise = after.amount - (balanceAt(landed.tokensBefore, index)?.amount ?? 0n);
  if (rise !== expected.amount || !belongsToPayee(after, expected)) return undefined;
  return {
    transaction: submitted.id,
    position,
    asset: expected.asset,
    from: expected.payer,
    to: expected.payTo,
    amount: expected.amount,
    block: blockOf(landed),
  };
}

/** Solana's transactions say in which slot they are; a slot has one confirmed block, so the slot names it. */
export function blockOf({ slot }: { readonly slot: bigint }): { number: bigint; hash: string } {
  return { number: slot, hash: slot.toString() };
}

function balanceAt(balances: readonly RpcTokenBalance[], index: number): RpcTokenBalance | undefined {
  return balances.find(({ accountIndex }) => accountIndex === index);
}

/** Nodes that do not name the owner of a balance leave it to the address, which the owner is part of. */
function belongsToPayee(balance: RpcTokenBalance, expected: ExpectedTransfer): boolean {
  return balance.mint === expected.asset.token && (balance.owner === undefined || balance.owner === expected.payTo);
}
