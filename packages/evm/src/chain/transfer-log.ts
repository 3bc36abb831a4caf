import type { ClaimedTransfer, OnChainEffect } from '@tollkeeper/protocol';
import { addressWord, uintWord } from '../abi-word.js';
import { keccakOfText } from '../keccak.js';
import type { Log, Receipt } from '../rpc/evidence-methods.js';

const transferTopic = `0x${keccakOfText('Transfer(address,address,uint256)').toString('hex')}`;
export const usedTopic = `0x${keccakOfText('AuthorizationUsed(address,bytes32)').toString('hex')}`;

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
  const transfers = new Map<string, number[]>();
  const uses = new Map<string, number>();
  const usesOfToken = new Map<string, number[]>();
  logs.forEach((log, ordinal) => {
    const token = log.address.toLowerCase();
    const key = [token, ...log.topics, log.data.toLowerCase()].join();
    if (log.topics[0] === transferTopic) append(transfers, key, ordinal);
    if (log.topics[0] !== usedTopic) return;
    if (!uses.has(key)) uses.set(key, ordinal);
    append(usesOfToken, token, ordinal);
  });

  return {
    find(claim, place = () => 0) {
      const token = claim.asset.token.toLowerCase();
      const payer = `0x${addressWord(claim.payer)}`;
      const moved = [
        token,
        transferTopic,
        payer,
        `0x${addressWord(claim.payTo)}`,
        `0x${uintWord(claim.amount)}`,
      ].join();
      const equal = transfers.get(moved) ?? [];
      const all = usesOfToken.get(token) ?? [];
      const use = uses.get([token, usedTopic, payer, nonceTopic(claim), '0x'].join());
      if (use !== undefined) return found(nextTo(use, equal, all), true);
      return found(all.length === 0 && equal.length > 0 ? equal[place()] : undefined, false);
    },
  };
}

/** The first between this use and the next, or else the last between the use before and this one. */
function nextTo(use: number, transfers: readonly number[], uses: readonly number[]): number | undefined {
  const next = uses.find((other) => other > use) ?? Infinity;
  const previous = uses.findLast((other) => other < use) ?? -1;
  return (
    transfers.find((ordinal) => ordinal > use && ordinal < next) ??
    transfers.findLast((ordinal) => ordinal > previous && ordinal < use)
  );
}

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
