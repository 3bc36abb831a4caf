import { isTokenProgram, type TokenProgram } from '../token/programs.js';
import type { ParsedInstruction } from '../transaction/parse-transaction.js';

const transferChecked = 12;

/** A TransferChecked instruction of one of the two token programs. */
export interface Transfer {
  readonly program: TokenProgram;
  readonly source: string;
  readonly mint: string;
  readonly destination: string;
  /** Who consents to the transfer: the payer. */
  readonly authority: string;
  readonly amount: bigint;
}

/** Reads the instruction in third place; undefined when it is no TransferChecked with its four accounts. */
export function readTransfer(instruction: ParsedInstruction | undefined): Transfer | undefined {
  if (instruction === undefined || !isTokenProgram(instruction.program)) return undefined;
  const { program, data } = instruction;
  // One byte of discriminator, eight of amount, one of decimals.
  if (data.length !== 10 || data[0] !== transferChecked) return undefined;
  const [source, mint, destination, authority] = instruction.accounts;
  if (source === undefined || mint === undefined || destination === undefined || authority === undefined) {
    return undefined;
  }
  return { program, source, mint, destination, authority, amount: Buffer.from(data).readBigUInt64LE(1) };
}
