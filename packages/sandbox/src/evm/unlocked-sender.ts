import { setTimeout as sleep } from 'node:timers/promises';
import type { Address, Hex } from 'viem';
import { numberToHex } from 'viem';
import { sandboxKeys } from '../demo/sandbox-keys.js';
import type { RpcCall } from './json-rpc.js';

/** Sends transactions from accounts that the local node itself holds the keys of. */
export interface UnlockedSender {
  /** A rich account that is free for such errands. */
  readonly bank: Address;
  /** Sends, waits until the transaction is mined, and throws when it reverted. */
  send(transaction: { from: Address; to: Address; data?: Hex; value?: bigint }): Promise<void>;
  /** Whether to mine a block right after sending, rather than to wait for the next. */
  mineAtOnce(yes: boolean): void;
}

const WAIT_MS = 30_000;

export function createUnlockedSender(rpc: RpcCall, options: { readonly mineAtOnce: boolean }): UnlockedSender {
  let isMiningAtOnce = options.mineAtOnce;
  let last: Promise<unknown> = Promise.resolve();

  // The node takes the next nonce when it gets the request, so requests that overlap could take the same.
  function submit(transaction: Record<string, unknown>): Promise<Hex> {
    const submitted = last.then(() => rpc('eth_sendTransaction', [transaction])) as Promise<Hex>;
    last = submitted.catch(() => undefined);
    return submitted;
  }

  return {
    bank: sandboxKeys.evm.tokenOwner.address,
    mineAtOnce: (yes) => {
      isMiningAtOnce = yes;
    },
    send: async ({ from, to, data = '0x', value = 0n }) => {
      const hash = await submit({ from, to, data, value: numberToHex(value) });
      if (isMiningAtOnce) await rpc('evm_mine');
      await waitUntilMined(rpc, hash);
    },
  };
}

async function waitUntilMined(rpc: RpcCall, hash: Hex): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  while (Date.now() < deadline) {
    const receipt = (await rpc('eth_getTransactionReceipt', [hash])) as { readonly status: Hex } | null;
    if (receipt?.status === '0x1') return;
    if (receipt !== null) throw new Error(`Sandbox transaction ${hash} reverted`);
    await sleep(20);
  }
  throw new Error(`Sandbox transaction ${hash} was not mined within ${WAIT_MS} ms; is mining switched off?`);
}
