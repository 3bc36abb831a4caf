import { amount, type Chain, type Clock, Fault, type FaultFacts, type Network } from '@tollkeeper/protocol';
import { tokenInterface } from '../exact/token-calls.js';
import type { BlockGas } from '../gas/block-gas.js';
import type { EvmNode } from '../rpc/evm-node.js';
import { readIdentity } from '../rpc/read-identity.js';
import { RpcError } from '../rpc/rpc-error.js';
import { createAuthorizationUses } from './authorization-use.js';
import { readBalancesAtFinalized } from './balances-at.js';
import { broadcastTransaction } from './broadcast-transaction.js';
import type { FeeQuoting } from './fee-quote.js';
import { fillPlace } from './fill-place.js';
import { createFinality } from './finality.js';
import { fitsBlock } from './fits-block.js';
import { createForeignTransfers } from './foreign-transfers.js';
import { createObservation } from './observe-transactions.js';
import { replaceTransaction } from './replace-transaction.js';
import type { SharedTransactions } from './shared-transactions.js';
import type { TransactionSigner } from './transaction-signer.js';

/** One EVM network as the settlement engine sees it. */
export function createEvmChain(parts: {
  network: Network;
  node: EvmNode;
  clock: Clock;
  signers: ReadonlyMap<string, TransactionSigner>;
  shared: SharedTransactions;
  quoteFee: FeeQuoting;
  blockGas: BlockGas;
  maxFeePerGasWei: bigint;
  confirmations: number;
  finalityDepth: number;
  onWarning: (message: string, facts?: FaultFacts) => void;
}): Chain {
  const { network, node, confirmations } = parts;
  const signers = [...parts.signers.keys()];
  const findForeignTransfers = createForeignTransfers(parts);

  return {
    network,
    signers,
    ordered: true,
    async identify() {
      const [identity] = await Promise.all([readIdentity(parts), parts.shared.arePossible()]);
      return identity;
    },
    nextAccountNonce: (signer) => node.minedTransactions(signer),
    blockHeight: () => node.blockNumber(),
    broadcast: (transaction) => broadcastTransaction(node, transaction),
    observe: createObservation({ ...parts, findForeignTransfers }),
    finality: createFinality(parts),
    get sharing() {
      return parts.shared.limits();
    },
    replace: (sent, purpose) => replaceTransaction(parts, sent, purpose),
    fitsBlock: (sent) => fitsBlock(parts, sent),
    fill: (signer) => fillPlace(parts, signer),
    async findForeignTransfers(claims) {
      const found = await findForeignTransfers(claims);
      return found.map((effect) => (effect === 'unclear' ? undefined : effect));
    },
    ...createAuthorizationUses(parts),
    async tokenBalance({ asset, owner }) {
      const tag = confirmations === 1 ? 'latest' : await confirmedHeight(node, confirmations);
      return amount(await readBalance({ node, network }, { token: asset.token, owner, tag }));
    },
    balancesAtFinalized: (holders) =>
      node.onOneEndpoint((one) => readBalancesAtFinalized({ ...parts, signers, node: one }, holders)),
    nativeBalance: (address) => node.balance(address),
    // Any EVM address can hold any token.
    prepareToReceive: async () => amount(0n),
  };
}

async function confirmedHeight(node: EvmNode, confirmations: number): Promise<bigint> {
  const height = (await node.blockNumber()) - BigInt(confirmations - 1);
  return height > 0n ? height : 0n;
}

async function readBalance(
  { node, network }: { node: EvmNode; network: Network },
  { token, owner, tag }: { token: string; owner: string; tag: 'latest' | bigint },
): Promise<bigint> {
  try {
    const answer = await node.call({ to: token, data: tokenInterface.encodeFunctionData('balanceOf', [owner]) }, tag);
    const balance: unknown = tokenInterface.decodeFunctionResult('balanceOf', answer)[0];
    if (typeof balance === 'bigint') return balance;
  } catch (error) {
    // A token that does not answer leaves the balance unknown, which must not read as zero.
    if (!(error instanceof RpcError) && !isDecodingError(error)) throw error;
  }
  throw new Fault('CHAIN_RPC_UNAVAILABLE', { network, token, trouble: 'the token did not tell the balance' });
}

function isDecodingError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'BAD_DATA';
}
