import type { ClaimedTransfer, OnChainEffect } from '@tollkeeper/protocol';
import { addressWord, uintWord } from '../abi-word.js';
import { keccakOfText } from '../keccak.js';
import type { Log, Receipt } from '../rpc/evidence-methods.js';

const transferTopic = `0x${keccakOfText('Transfer(address,address,uint256)').toString('hex')}`;
export const usedTopic = `0x${keccakOfText('AuthorizationUsed(address,bytes32)').toString('hex')}`;
export const canceledTopic = `0x${keccakOfText('AuthorizationCanceled(address,bytes32)').toString('hex')}`;

/** Where among a transaction's logs a transfer stands; why not, where there is none. */
export type TransferLog =
  | { readonly found: true; readonly ordinal: number }
  /** Whether the token says that the authorization was used: then other money moved than expected, or none. */
  | { readonly found: false; readonly isUsed: boolean };

/** The logs of one transaction, by what they say. */
export interface TransferLogs {
  /**
   * The token's own statement that it moved exactly the expected money (ERC-20), next to the one that it used this authorization
   * (EIP-3009): another payment of the transaction may have an equal transfer. A token that writes nothing of the uses has only
   * its transfers; then the one counts which has as many equal ones before it as `place` says.
   */
  find(claim: ClaimedTransfer, place?: () => number): TransferLog;
}

/** The topic of an authorization's nonce, with which its claim key ends. */
export const nonceTopic = ({ claimKey }: ClaimedTransfer): string => `0x${claimKey.slice(-64)}`;

/** Sorts the logs once, so that two hundred payments can be looked up among four hundred logs. */
export function indexTransferLogs(logs: readonly Log[]): TransferLogs {
  // Ordinals in rising order: of all that a token wrote, of what concerns one payer, and of what says the same in every word.
  const transfers = new Map<string, number[]>();
  const uses = new Map<string, number[]>();
  logs.forEach((log, ordinal) => {
    const [event, account] = log.topics;
    const token = log.address.toLowerCase();
    const lists = event === transferTopic ? transfers : event === usedTopic ? uses : undefined;
    if (lists === undefined || account === undefined) return;
    for (const key of [keyOf(token), keyOf(token, account), keyOf(token, ...log.topics, log.data.toLowerCase())]) {
      append(lists, key, ordinal);
    }
  });

  return {
    find(claim, place = () => 0) {
      const token = claim.asset.token.toLowerCase();
      const payer = `0x${addressWord(claim.payer)}`;
      const payTo = `0x${addressWord(claim.payTo)}`;
      const amount = `0x${uintWord(claim.amount)}`;
      const equal = transfers.get(keyOf(token, transferTopic, payer, payTo, amount)) ?? [];
      const usesOfToken = uses.get(keyOf(token)) ?? [];
      const [use] = uses.get(keyOf(token, usedTopic, payer, nonceTopic(claim), '0x')) ?? [];
      if (use === undefined) {
        return found(usesOfToken.length === 0 && equal.length > 0 ? equal[place()] : undefined, false);
      }
      const ofToken = transfers.get(keyOf(token)) ?? [];
      const ofPayer = transfers.get(keyOf(token, payer)) ?? [];
      return found(nextTo({ use, usesOfToken, equal, ofToken, ofPayer }), true);
    },
  };
}

/**
 * The equal transfer behind a use and before the next one. EIP-3009 leaves the order open: a token that writes its transfers
 * first does so with the first use already, and then it is the one before, unless something of the payer's stands behind.
 */
function nextTo(ordinals: {
  readonly use: number;
  readonly usesOfToken: readonly number[];
  readonly equal: readonly number[];
  readonly ofToken: readonly number[];
  readonly ofPayer: readonly number[];
}): number | undefined {
  const { use, usesOfToken, equal, ofToken, ofPayer } = ordinals;
  const next = usesOfToken.find((other) => other > use) ?? Infinity;
  const isBehind = (ordinal: number) => ordinal > use && ordinal < next;
  const behind = equal.find(isBehind);
  if (behind !== undefined || ofPayer.some(isBehind)) return behind;
  if ((ofToken[0] ?? Infinity) > (usesOfToken[0] ?? 0)) return undefined;
  const previous = usesOfToken.findLast((other) => other < use) ?? -1;
  return equal.find((ordinal) => ordinal > previous && ordinal < use);
}

const keyOf = (...parts: readonly string[]): string => parts.join();

function found(ordinal: number | undefined, isUsed: boolean): TransferLog {
  return ordinal === undefined ? { found: false, isUsed } : { found: true, ordinal };
}

function append(lists: Map<string, number[]>, key: string, ordinal: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [ordinal]);
  else list.push(ordinal);
}

/** The transfer as one effect of a transaction. */
export function effectOf(
  claim: ClaimedTransfer,
  { transaction, ordinal, receipt }: { transaction: string; ordinal: number; receipt: Receipt },
): OnChainEffect {
  return {
    transaction,
    position: ordinal.toString(),
    asset: claim.asset,
    from: claim.payer,
    to: claim.payTo,
    amount: claim.amount,
    block: receipt.block,
  };
}
