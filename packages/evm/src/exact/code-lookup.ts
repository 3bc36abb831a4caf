import type { Clock } from '@tollkeeper/protocol';
import { createBoundedCache } from '../bounded-cache.js';
import type { EvmNode } from '../rpc/evm-node.js';

/** Answers whether there is code at an address, and remembers answers for as long as they can be relied on. */
export interface CodeLookup {
  /** A contract stays a contract; that there is none yet is asked again each time. */
  isContract(asset: string): Promise<boolean>;
  /** A payer may become or stop being a smart wallet at any time (EIP-7702), so this is remembered for seconds only. */
  hasPayerCode(payer: string): Promise<boolean>;
}

const contractTtlMs = 15 * 60 * 1000;
const payerTtlMs = 10 * 1000;
const maximumEntries = 4096;

export function createCodeLookup(parts: { node: EvmNode; clock: Clock }): CodeLookup {
  const contractsUntil = createBoundedCache<number>(maximumEntries);
  const codelessUntil = createBoundedCache<number>(maximumEntries);
  const nowMs = () => parts.clock.now().getTime();

  return {
    async isContract(asset) {
      if ((contractsUntil.get(asset) ?? 0) > nowMs()) return true;
      const found = await parts.node.hasCode(asset);
      if (found) contractsUntil.set(asset, nowMs() + contractTtlMs);
      return found;
    },
    async hasPayerCode(payer) {
      if ((codelessUntil.get(payer) ?? 0) > nowMs()) return false;
      const found = await parts.node.hasCode(payer);
      if (!found) codelessUntil.set(payer, nowMs() + payerTtlMs);
      return found;
    },
  };
}
