import type { ExpectedTransfer } from '@tollkeeper/protocol';
import { addressWord, uintWord } from '../abi-word.js';
import { keccakOfText } from '../keccak.js';
import type { Log } from '../rpc/evm-node.js';

const transferTopic = `0x${keccakOfText('Transfer(address,address,uint256)').toString('hex')}`;

/**
 * The place among a transaction's logs of the token's own statement that it moved exactly the expected money (ERC-20);
 * undefined when it made none at `start` or after.
 */
export function ordinalOfTransfer(logs: readonly Log[], expected: ExpectedTransfer, start = 0): number | undefined {
  const topics = [transferTopic, `0x${addressWord(expected.payer)}`, `0x${addressWord(expected.payTo)}`];
  const data = `0x${uintWord(expected.amount)}`;
  const ordinal = logs.findIndex(
    (log, index) =>
      index >= start &&
      log.address.toLowerCase() === expected.asset.token.toLowerCase() &&
      log.topics.length === topics.length &&
      log.topics.every((topic, place) => topic === topics[place]) &&
      log.data.toLowerCase() === data,
  );
  return ordinal === -1 ? undefined : ordinal;
}
