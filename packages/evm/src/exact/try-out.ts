import type { Rejection } from '@tollkeeper/protocol';
import { revertReason, RpcError } from '../rpc/rpc-error.js';
import type { Transfer } from './checks.js';
import { diagnose } from './diagnose.js';
import type { ReadTokenState } from './token-state.js';

/** What came of trying a transfer out. */
export type Trial<Value> =
  { readonly executes: true; readonly value: Value } | { readonly executes: false; readonly rejection: Rejection };

/**
 * Tries a transfer out and finds out why it fails. What fails for no reason that the token tells is tried once more: the chain may
 * have been between two states, in a reorg, or seen by two nodes behind one address.
 * @throws what the attempt threw when that says nothing about the transfer.
 */
export async function tryOut<Value>(
  parts: {
    readonly readTokenState: ReadTokenState;
    readonly gasLimitMax: bigint;
    readonly attempt: () => Promise<Value>;
  },
  transfer: Transfer,
): Promise<Trial<Value>> {
  const first = await tryOnce(parts, transfer);
  const last = 'failure' in first ? await tryOnce(parts, transfer) : first;
  if (!('failure' in last)) return last;
  const reason = revertReason(last.failure);
  const detail = `The transfer does not execute within ${parts.gasLimitMax} gas${reason === undefined ? '' : `: ${reason}`}`;
  return { executes: false, rejection: { reason: 'invalid_exact_evm_transaction_simulation_failed', detail } };
}

async function tryOnce<Value>(
  { readTokenState, attempt }: { readonly readTokenState: ReadTokenState; readonly attempt: () => Promise<Value> },
  transfer: Transfer,
): Promise<Trial<Value> | { readonly failure: RpcError }> {
  try {
    return { executes: true, value: await attempt() };
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    const rejection = diagnose(await readTokenState(transfer), transfer);
    return rejection === undefined ? { failure: error } : { executes: false, rejection };
  }
}
