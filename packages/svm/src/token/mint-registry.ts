import type { Clock, FaultFacts } from '@tollkeeper/protocol';
import { createBoundedCache } from '../bounded-cache.js';
import type { SolanaRpc } from '../rpc/solana-rpc.js';
import { readMintFacts, type MintFacts } from './mint-facts.js';

/** What is known of the mints that are asked for. */
export interface MintRegistry {
  /** @throws Fault `CHAIN_RPC_UNAVAILABLE` when the chain did not answer. */
  factsOf(mint: string): Promise<MintFacts>;
}

/** A new transfer fee takes effect two epochs after it is announced, so facts of a minute ago are never behind a fee. */
const freshForMs = 60_000;

/** Reads each mint at most once a minute, however many payments ask at the same time. */
export function createMintRegistry(parts: {
  rpc: SolanaRpc;
  clock: Clock;
  onWarning: (message: string, facts?: FaultFacts) => void;
}): MintRegistry {
  const { rpc, clock, onWarning } = parts;
  const known = createBoundedCache<{ readonly readAtMs: number; readonly facts: Promise<MintFacts> }>(1024);
  const warned = new Set<string>();

  async function read(mint: string): Promise<MintFacts> {
    const [account] = await rpc.accounts([mint]);
    const facts = readMintFacts(mint, account ?? null);
    const warning = facts.usable ? delegateWarning(facts.hasPermanentDelegate) : facts.detail;
    if (warning !== undefined && !warned.has(`${mint} ${warning}`)) {
      warned.add(`${mint} ${warning}`);
      onWarning(warning, { mint });
    }
    return facts;
  }

  return {
    factsOf(mint) {
      const nowMs = clock.now().getTime();
      const last = known.get(mint);
      if (last !== undefined && nowMs - last.readAtMs < freshForMs) return last.facts;
      const facts = read(mint);
      known.set(mint, { readAtMs: nowMs, facts });
      // Trouble with the node is nothing to remember.
      facts.catch(() => {
        if (known.get(mint)?.facts === facts) known.delete(mint);
      });
      return facts;
    },
  };
}

function delegateWarning(hasPermanentDelegate: boolean): string | undefined {
  return hasPermanentDelegate ? 'The issuer of this token can move it out of any account' : undefined;
}
