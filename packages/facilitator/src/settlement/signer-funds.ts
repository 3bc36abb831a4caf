import { isFault, type Chain, type Network } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { SettlementEvents } from './settlement-events.js';

/** Which signers of a network can pay for what they sign. */
export function createSignerFunds(parts: {
  readonly chain: Chain;
  /** A signer with less native coin than this signs nothing, in wei or lamports. */
  readonly balanceMin: (network: Network) => bigint;
  readonly events: Pick<SettlementEvents, 'onBalance'>;
  readonly log: Logger;
}) {
  const { chain, events, log } = parts;
  const { network } = chain;
  const poor = new Set<string>();

  return { isPoor: (signer: string) => poor.has(signer), countPoor: () => poor.size, look };

  /** Answers whether all were seen. Where no node answers for one, none is asked about the next. */
  async function look(): Promise<boolean> {
    try {
      for (const signer of chain.signers) note(signer, await chain.nativeBalance(signer));
      return true;
    } catch (error) {
      if (!isFault(error, 'CHAIN_RPC_UNAVAILABLE')) throw error;
      return false;
    }
  }

  function note(signer: string, balance: bigint): void {
    events.onBalance({ network, signer, balance });
    if (balance >= parts.balanceMin(network)) poor.delete(signer);
    else if (!poor.has(signer)) {
      poor.add(signer);
      const fields = { network, signer, balance: balance.toString() };
      log.error(fields, 'a signer is short of native coin and leaves rotation');
    }
  }
}
