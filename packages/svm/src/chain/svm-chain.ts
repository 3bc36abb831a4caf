import type { Chain, Clock, FaultFacts, Network } from '@tollkeeper/protocol';
import type { SvmCommitment } from '../limits.js';
import { readIdentity } from '../rpc/read-identity.js';
import type { SolanaRpc } from '../rpc/solana-rpc.js';
import type { SvmSigner } from '../signing/secret-key.js';
import type { MintRegistry } from '../token/mint-registry.js';
import { readBalancesAtFinalized } from './balances-at-finalized.js';
import { broadcastTransaction } from './broadcast-transaction.js';
import { readFinality } from './finality.js';
import { observeOlder, observeTransactions } from './observe-transactions.js';
import { prepareToReceive } from './prepare-to-receive.js';
import { createSearchBeside, type FindOlder } from './search-beside.js';
import { createSearchPace } from './search-pace.js';
import { readTokenBalance } from './token-balance.js';

const searchFailed = 'Whether old transactions are in a block could not be found out; it is tried again';

/** One Solana cluster as the settlement engine sees it. */
export function createSvmChain(parts: {
  readonly network: Network;
  readonly rpc: SolanaRpc;
  readonly mints: MintRegistry;
  readonly signer: SvmSigner;
  readonly commitment: SvmCommitment;
  readonly clock: Clock;
  readonly onWarning: (message: string, facts?: FaultFacts) => void;
}): Chain {
  const { network, rpc, signer, commitment } = parts;
  const pace = createSearchPace(parts.clock);
  // What is due is due on the next endpoint too, when the first one does not answer.
  const findAtOnce: FindOlder = async (missing) => {
    const due = missing.filter(({ id }) => pace.isDue(id));
    if (due.length === 0) return new Map();
    return rpc.onOneEndpoint((one) => observeOlder({ rpc: one, pace, commitment }, due));
  };
  const findBeside = createSearchBeside({
    find: findAtOnce,
    onFailure: (trouble) => {
      parts.onWarning(searchFailed, { network, trouble });
    },
  });
  return {
    network,
    signers: [signer.address],
    ordered: false,
    identify: () => readIdentity(network, rpc),
    // Solana numbers no transactions of an account; the blockhash and the message make each of them unique.
    nextAccountNonce: async () => undefined,
    blockHeight: () => rpc.blockHeight(commitment),
    broadcast: (transaction) => broadcastTransaction(rpc, transaction),
    observe: (submitted, { isHasty = false } = {}) =>
      observeTransactions({ rpc, commitment, findOlder: isHasty ? findBeside : findAtOnce }, submitted),
    finality(inclusions) {
      const due = new Set(inclusions.map(({ transaction }) => transaction).filter((id) => pace.isDue(id)));
      return rpc.onOneEndpoint((one) => readFinality({ rpc: one, pace, due }, inclusions));
    },
    // Nothing stands behind anything else, and only our own signature completes what a payer signed.
    replace: async () => undefined,
    fitsBlock: async () => true,
    fill: async () => undefined,
    findForeignTransfers: async (claims) => claims.map(() => undefined),
    tokenBalance: (query) => readTokenBalance(rpc, query),
    balancesAtFinalized: (holders) => rpc.onOneEndpoint((one) => readBalancesAtFinalized(one, holders)),
    nativeBalance: (address) => rpc.balance(address),
    prepareToReceive: (query) => prepareToReceive(parts, query),
  };
}
