import { rpcFailure } from '../rpc-failure.js';
import {
  asSignature,
  choiceOf,
  commitmentOf,
  flagOf,
  integerOf,
  stringOf,
  type RpcConfig,
  type RpcParams,
} from '../rpc-params.js';
import type { RpcMethod } from '../rpc-server.js';
import { genesisSlot, type Commitment } from '../slot-clock.js';
import { encodeLanded, transactionEncodings, type TransactionFormat } from '../transaction-encoding.js';
import type { TransactionError } from '../transaction-error.js';
import { createVotes, type Votes } from '../votes.js';
import { inContext, viewOfCall, type NodeContext } from './node-context.js';

/** A node answers from memory for about this many slots; older statuses need `searchTransactionHistory`. */
const recentSlots = 300;

/** Methods that tell what became of transactions. */
export function historyMethods(node: NodeContext): Record<string, RpcMethod> {
  const { clock, history } = node;
  const votes = createVotes(clock);
  return {
    getSignatureStatuses(params) {
      const signatures = params.strings(0);
      if (signatures.length > 256) throw rpcFailure('invalidParams', 'Too many inputs provided; max 256');
      const searches = flagOf(params.config(1), 'searchTransactionHistory');
      const oldest = searches ? 0 : clock.slot() - recentSlots;
      const statuses = signatures.map((signature) => {
        const landed = history.bySignature(asSignature(signature));
        const slot = landed?.slot ?? votes.slotOf(signature);
        return slot === undefined || slot < oldest ? null : statusOf(node, slot, landed?.meta.err ?? null);
      });
      return inContext(clock.slot(), statuses);
    },
    getTransaction(params) {
      const signature = params.signature(0);
      const config = legacyConfig(params, 1);
      const commitment = blockCommitment(config);
      const format = transactionFormat(config);
      const landed = history.bySignature(signature);
      if (landed === undefined || landed.slot > clock.slot(commitment)) return null;
      return { blockTime: landed.blockTime, slot: landed.slot, ...encodeLanded(landed, format) };
    },
    getSignaturesForAddress: (params) => signaturesForAddress(node, params),
    getBlock: (params) => block(node, votes, params),
  };
}

function statusOf({ clock }: NodeContext, slot: number, err: TransactionError | null): object {
  const confirmationStatus = clock.commitmentOf(slot);
  return {
    confirmationStatus,
    confirmations: confirmationStatus === 'finalized' ? null : clock.slot() - slot,
    err,
    slot,
    status: err === null ? { Ok: null } : { Err: err },
  };
}

/** In place of the configuration object, older clients pass the encoding alone. */
function legacyConfig(params: RpcParams, index: number): RpcConfig {
  try {
    return { encoding: params.string(index) };
  } catch {
    return params.config(index);
  }
}

function transactionFormat(config: RpcConfig): TransactionFormat {
  return {
    encoding: choiceOf(config, 'encoding', transactionEncodings),
    maxVersion: integerOf(config, 'maxSupportedTransactionVersion'),
  };
}

/** Blocks are told only once a supermajority has voted for them. */
function blockCommitment(config: RpcConfig): Commitment {
  const commitment = commitmentOf(config);
  if (commitment === 'processed') {
    throw rpcFailure('invalidParams', 'Method does not support commitment below `confirmed`');
  }
  return commitment;
}

function signaturesForAddress({ clock, history }: NodeContext, params: RpcParams): object[] {
  const address = params.address(0);
  const config = params.config(1);
  const newest = clock.slot(blockCommitment(config));
  viewOfCall(clock, config);
  const limit = integerOf(config, 'limit') ?? 1000;
  if (limit === 0 || limit > 1000) throw rpcFailure('invalidParams', 'Invalid limit; max 1000');
  const before = signatureOf(config, 'before');
  const until = signatureOf(config, 'until');
  const found: object[] = [];
  let started = before === undefined;
  for (const landed of [...history.byAddress(address)].reverse()) {
    if (landed.signature === until || found.length === limit) break;
    if (started && landed.slot <= newest) {
      const { signature, slot, memo, blockTime } = landed;
      const confirmationStatus = clock.commitmentOf(slot);
      found.push({ blockTime, confirmationStatus, err: landed.meta.err, memo, signature, slot });
    }
    started ||= landed.signature === before;
  }
  return found;
}

function signatureOf(config: RpcConfig, key: string): string | undefined {
  const text = stringOf(config, key);
  return text === undefined ? undefined : asSignature(text);
}

function block(node: NodeContext, votes: Votes, params: RpcParams): object {
  const { clock, history } = node;
  const slot = params.integer(0);
  const config = legacyConfig(params, 1);
  const details = choiceOf(config, 'transactionDetails', ['full', 'signatures', 'none']);
  const format = transactionFormat(config);
  if (slot < genesisSlot || slot > clock.slot(blockCommitment(config))) {
    throw rpcFailure('blockNotAvailable', `Block not available for slot ${String(slot)}`);
  }
  const landed = history.inSlot(slot);
  return {
    blockHeight: clock.blockHeight(slot),
    blockTime: node.blockTime(slot),
    blockhash: clock.blockhash(slot),
    parentSlot: slot - 1,
    previousBlockhash: clock.blockhash(slot - 1),
    rewards: [],
    signatures:
      details === 'signatures' ? [...landed.map(({ signature }) => signature), votes.inSlot(slot)] : undefined,
    transactions: details === 'full' ? landed.map((transaction) => encodeLanded(transaction, format)) : undefined,
  };
}
