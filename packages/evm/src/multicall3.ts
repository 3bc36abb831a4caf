import { addressWord, uintWord } from './abi-word.js';
import { keccakOfText } from './keccak.js';

/** Multicall3 has this address on every chain that has it at all. */
export const multicall3Address = '0xcA11bde05977b3631167028862bE2a173976CA11';

/** One call within a shared one. */
export interface InnerCall {
  readonly to: string;
  /** `0x` and the calldata in hex. */
  readonly data: string;
}

const selector = keccakOfText('aggregate3((address,bool,bytes)[])').subarray(0, 4).toString('hex');
const wordBytes = 32;
const [one, threeWords] = [uintWord(1n), uintWord(96n)];

/**
 * The calldata of `aggregate3` for these calls, each of which may fail alone: `0x` and hex. Written by hand, because a coder that
 * knows every type takes longer for two hundred payments than everything else that is done for them.
 */
export function encodeAggregate3(calls: readonly InnerCall[]): string {
  const tuples = calls.map(({ to, data }) => {
    const bytes = data.slice(2);
    const padding = '0'.repeat((2 * wordBytes - (bytes.length % (2 * wordBytes))) % (2 * wordBytes));
    return addressWord(to) + one + threeWords + uintWord(BigInt(bytes.length / 2)) + bytes + padding;
  });
  let place = calls.length * wordBytes;
  const places = tuples.map((tuple) => {
    const word = uintWord(BigInt(place));
    place += tuple.length / 2;
    return word;
  });
  return `0x${selector}${uintWord(32n)}${uintWord(BigInt(calls.length))}${places.join('')}${tuples.join('')}`;
}

/** The calls in calldata that {@link encodeAggregate3} wrote, in their order. */
export function decodeAggregate3(data: string): readonly InnerCall[] {
  const words = data.slice(2 + selector.length);
  const wordAt = (byte: number) => words.slice(2 * byte, 2 * (byte + wordBytes));
  const numberAt = (byte: number) => Number(BigInt(`0x${wordAt(byte)}`));
  const start = 2 * wordBytes;
  return Array.from({ length: numberAt(wordBytes) }, (_, index) => {
    const tuple = start + numberAt(start + index * wordBytes);
    const bytes = tuple + 4 * wordBytes;
    return {
      to: `0x${wordAt(tuple).slice(24)}`,
      data: `0x${words.slice(2 * bytes, 2 * (bytes + numberAt(tuple + 3 * wordBytes)))}`,
    };
  });
}
