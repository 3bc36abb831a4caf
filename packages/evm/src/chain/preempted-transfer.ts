import type { OnChainEffect, SubmittedTransaction } from '@tollkeeper/protocol';
import { Transaction } from 'ethers';
import { addressWord } from '../abi-word.js';
import { keccakOfText } from '../keccak.js';
import type { EvmNode, Log } from '../rpc/evm-node.js';
import { ordinalOfTransfer } from './transfer-log.js';

const usedTopic = `0x${keccakOfText('AuthorizationUsed(address,bytes32)').toString('hex')}`;

/** Selector and five words stand before the nonce in the calldata of `transferWithAuthorization`. */
const nonceStart = 2 + 8 + 5 * 64;

/** How far back the payer's authorization is looked for. It was unused when we simulated it, a few blocks before ours. */
const searchedBlocks = 1_000n;

/**
 * Anybody who sees a payer's authorization may send it. If somebody did, our transaction reverts although the payer has paid:
 * then this is the transfer that paid, in that other transaction. Undefined when the authorization was not used.
 * @param revertedIn the number of the block in which our transaction reverted.
 */
export async function findPreemptedTransfer(
  node: EvmNode,
  transaction: SubmittedTransaction,
  revertedIn: bigint,
): Promise<OnChainEffect | undefined> {
  const { expected } = transaction;
  const nonce = `0x${Transaction.from(hexOf(transaction.raw)).data.slice(nonceStart, nonceStart + 64)}`;
  const topics = [usedTopic, `0x${addressWord(expected.payer)}`, nonce];
  const fromBlock = revertedIn > searchedBlocks ? revertedIn - searchedBlocks : 0n;
  const [use] = await node.logs({ address: expected.asset.token, topics, fromBlock, toBlock: revertedIn });
  const receipt = use === undefined ? undefined : await node.receipt(use.transaction);
  if (use === undefined || receipt?.succeeded !== true) return undefined;
  const ordinal = ordinalOfTransfer(receipt.logs, expected, indexOf(receipt.logs, topics));
  if (ordinal === undefined) return undefined;
  return {
    transaction: use.transaction,
    position: ordinal.toString(),
    asset: expected.asset,
    from: expected.payer,
    to: expected.payTo,
    amount: expected.amount,
    block: receipt.block,
  };
}

/** Where the token noted the use: its Transfer follows, and another payment's equal Transfer may stand before. */
function indexOf(logs: readonly Log[], topics: readonly string[]): number {
  return logs.findIndex((log) => topics.every((topic, index) => log.topics[index] === topic));
}

function hexOf(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}
