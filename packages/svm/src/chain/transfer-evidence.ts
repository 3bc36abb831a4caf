import type { Block, ExpectedTransfer, OnChainEffect, ObservedTransaction } from '@tollkeeper/protocol';
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
  // The message may also name the account of the other token program, which has no balance.
  const after = landed.tokensAfter.find(({ accountIndex }) => destinations.includes(accountKeys[accountIndex] ?? ''));
  const position = accountKeys[after?.accountIndex ?? -1];
  if (position === undefined || after === undefined) return undefined;
  const rise = after.amount - (balanceAt(landed.tokensBefore, after.accountIndex)?.amount ?? 0n);
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

/**
 * Whether the node says whose balances it changed. A transfer leaves balances, and its payer had one before; not every node has
 * kept them with each transaction.
 */
export function namesBalances({ tokensBefore, tokensAfter }: LandedTransaction): boolean {
  return tokensBefore.length > 0 && tokensAfter.length > 0;
}

/**
 * Solana's transactions say in which slot they are; a slot has one confirmed block, so the slot names it. Should another block
 * take its place all the same, a transaction may fail there that did not fail before, which the name tells.
 */
export function blockOf({ slot, error }: { readonly slot: bigint; readonly error: unknown }): Block {
  return { number: slot, hash: error === null ? slot.toString() : `${slot} failed` };
}

function balanceAt(balances: readonly RpcTokenBalance[], index: number): RpcTokenBalance | undefined {
  return balances.find(({ accountIndex }) => accountIndex === index);
}

/** Nodes that do not name the owner of a balance leave it to the address, which the owner is part of. */
function belongsToPayee(balance: RpcTokenBalance, expected: ExpectedTransfer): boolean {
  return balance.mint === expected.asset.token && (balance.owner === undefined || balance.owner === expected.payTo);
}
