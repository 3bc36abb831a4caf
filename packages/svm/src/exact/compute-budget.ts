import type { ParsedInstruction } from '../transaction/parse-transaction.js';
import { computeBudgetProgram } from '../token/programs.js';

const setComputeUnitLimit = 2;
const setComputeUnitPrice = 3;

/** The units of a SetComputeUnitLimit instruction; undefined for any other. */
export function readComputeUnitLimit(instruction: ParsedInstruction | undefined): number | undefined {
  return argument(instruction, { discriminator: setComputeUnitLimit, length: 5 })?.readUInt32LE(0);
}

/** The price, in micro-lamports per unit, of a SetComputeUnitPrice instruction; undefined for any other. */
export function readComputeUnitPrice(instruction: ParsedInstruction | undefined): bigint | undefined {
  return argument(instruction, { discriminator: setComputeUnitPrice, length: 9 })?.readBigUInt64LE(0);
}

function argument(
  instruction: ParsedInstruction | undefined,
  form: { discriminator: number; length: number },
): Buffer | undefined {
  if (instruction?.program !== computeBudgetProgram) return undefined;
  const { data } = instruction;
  if (data.length !== form.length || data[0] !== form.discriminator) return undefined;
  return Buffer.from(data.subarray(1));
}
