import { addressWord } from '../abi-word.js';

/**
 * A program that reads many token balances in one `eth_call` without a `to`: its init code runs, nothing is deployed. It works at
 * any block, also where no helper contract stood yet.
 */
export interface BalanceQuestion {
  readonly token: string;
  readonly owner: string;
}

/** 8 kB of init code, and 6.6 kB of answer, for which the node counts 200 gas a byte as if it were deployed. */
export const maximumQuestions = 200;

/** A proxy token such as USDC uses about 12,000. */
const gasEach = 60_000;

const answerBytes = 33;

/** Gas that suffices for all questions even if each token uses all it may; nodes may refuse more (EIP-7825). */
export const balanceProgramGas = 16_777_216n;

/** The init code with the questions behind it, in hex with `0x`. */
export function balanceProgram(questions: readonly BalanceQuestion[]): string {
  const data = questions.map(({ token, owner }) => addressWord(token).slice(24) + addressWord(owner).slice(24));
  return `0x${code}${data.join('')}`;
}

/** What each token answered, undefined where it did not; undefined for all when the program did not run as it should. */
export function readBalanceAnswer(answer: string, questions: number): readonly (bigint | undefined)[] | undefined {
  const bytes = Buffer.from(answer.slice(2), 'hex');
  if (bytes.length !== questions * answerBytes) return undefined;
  return Array.from({ length: questions }, (_, index) => {
    const start = index * answerBytes;
    if (bytes[start] !== 1) return undefined;
    return BigInt(`0x${bytes.subarray(start + 1, start + answerBytes).toString('hex')}`);
  });
}

/** Where the code jumps to, and how long it is, in bytes. */
const [next, done, end] = [15, 80, 88];

/** Memory: the calldata in the first 36 bytes, the token's word at 0x40, the answers from 0x80 on. */
const code = [
  '6370a0823160e01b600052', // mstore(0, the selector of balanceOf(address))
  `60${hex(end)}6080`, // the first question, the first answer             [place, out]
  '5b', // next:
  `3882101560${hex(done)}57`, // is this place behind the last question? Then go to done
  '601482604c39', // codecopy(0x4c, place, 20), the token
  '601482601401601039', // codecopy(16, place + 20, 20), the owner
  '60208160010160246000', // 32 bytes to out + 1; 36 bytes from 0
  `60405162${hex(gasEach, 3)}fa`, // staticcall(gas, token, ...)       [.., succeeded]
  '3d601f1016', // and it returned a word
  '6040513b1517', // or there is no such contract, so nobody has any of it
  '8153', // mstore8(out, whether that holds)
  '602101', // out + 33
  '9060280190', // place + 40
  `60${hex(next)}56`, // go to next
  '5b60809003', // done: out - 0x80
  '6080f3', // return(0x80, that)
].join('');

function hex(value: number, bytes = 1): string {
  return value.toString(16).padStart(2 * bytes, '0');
}
