import { base64Bytes } from '../base64.js';
import { transactionFee } from '../fees.js';
import { rpcFailure } from '../rpc-failure.js';
import type { RpcMethod } from '../rpc-server.js';
import { blockhashLifetime, genesisSlot, slotsPerEpoch } from '../slot-clock.js';
import { isParseFailure, parseMessage } from '../transaction-parser.js';
import { inContext, nodeVersion, viewOfCall, type NodeContext } from './node-context.js';

/** Methods about the cluster, its slots and its blockhashes. */
export function clusterMethods(node: NodeContext): Record<string, RpcMethod> {
  const { clock, history, vm } = node;
  return {
    getHealth: () => 'ok',
    getGenesisHash: () => node.genesisHash,
    getIdentity: () => ({ identity: node.identity }),
    getVersion: () => ({ 'solana-core': nodeVersion, 'feature-set': 3073396398 }),
    getSlotLeader: () => node.identity,
    getSlot: (params) => clock.slot(viewOfCall(clock, params.config(0))),
    getBlockHeight: (params) => clock.blockHeight(clock.slot(viewOfCall(clock, params.config(0)))),
    getFirstAvailableBlock: () => genesisSlot,
    getTransactionCount: () => history.all().length,
    getBlockTime(params) {
      const slot = params.integer(0);
      if (slot > clock.slot()) throw rpcFailure('blockNotAvailable', `Block not available for slot ${String(slot)}`);
      return slot < genesisSlot ? null : node.blockTime(slot);
    },
    getEpochInfo(params) {
      const absoluteSlot = clock.slot(viewOfCall(clock, params.config(0)));
      return {
        absoluteSlot,
        blockHeight: clock.blockHeight(absoluteSlot),
        epoch: Math.floor(absoluteSlot / slotsPerEpoch),
        slotIndex: absoluteSlot % slotsPerEpoch,
        slotsInEpoch: slotsPerEpoch,
        transactionCount: history.all().length,
      };
    },
    getLatestBlockhash(params) {
      const slot = clock.slot(viewOfCall(clock, params.config(0)));
      const lastValidBlockHeight = clock.blockHeight(slot) + blockhashLifetime;
      return inContext(slot, { blockhash: clock.blockhash(slot), lastValidBlockHeight });
    },
    isBlockhashValid(params) {
      const slot = clock.slot(viewOfCall(clock, params.config(1)));
      return inContext(slot, clock.slotOfLiveBlockhash(params.address(0)) !== undefined);
    },
    getFeeForMessage(params) {
      const slot = clock.slot(viewOfCall(clock, params.config(1)));
      const message = parseMessage(base64Bytes(params.string(0)));
      if (isParseFailure(message))
        throw rpcFailure('invalidParams', `failed to deserialize message: ${message.reason}`);
      const isLive = clock.slotOfLiveBlockhash(message.recentBlockhash) !== undefined;
      return inContext(slot, isLive ? transactionFee(message) : null);
    },
    getRecentPrioritizationFees(params) {
      if (params.count > 0) params.addresses(0, 128);
      const first = clock.slot() - blockhashLifetime + 1;
      return Array.from({ length: blockhashLifetime }, (_, age) => ({ slot: first + age, prioritizationFee: 0 }));
    },
    getMinimumBalanceForRentExemption: (params) => vm.rentExemption(BigInt(params.integer(0, maxAccountLength))),
  };
}

/** No account is larger than 10 MiB. */
const maxAccountLength = 10 * 1024 * 1024;
