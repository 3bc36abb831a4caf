import { encodeBase58 } from '../address/base58.js';
import { createByteReader, MalformedTransactionError, type ByteReader } from './byte-reader.js';

/** What fits into one packet of the network; validators drop anything longer. */
export const maximumTransactionBytes = 1232;

/** A transaction as its bytes say, each index resolved. Whether it is a payment is another question. */
export interface ParsedTransaction {
  readonly version: 'legacy' | 0;
  /** One for each required signer, in their order; all zero where a signer has not signed yet. */
  readonly signatures: readonly Uint8Array[];
  /** The bytes that every signer signs. */
  readonly message: Uint8Array;
  /** Accounts that must sign: the first of `accountKeys`, the fee payer at their head. */
  readonly requiredSignatures: number;
  readonly accountKeys: readonly string[];
  readonly instructions: readonly ParsedInstruction[];
  readonly lookupTableCount: number;
}

export interface ParsedInstruction {
  readonly program: string;
  /** Undefined stands for an account that only a lookup table names. */
  readonly accounts: readonly (string | undefined)[];
  readonly data: Uint8Array;
}

/**
 * Reads the wire form of a legacy or version 0 transaction, as strictly as a validator would: no byte too many, every length
 * in its shortest form, every index in range, no account twice. Undefined for anything else; never throws.
 */
export function parseTransaction(bytes: Uint8Array): ParsedTransaction | undefined {
  if (bytes.length > maximumTransactionBytes) return undefined;
  try {
    return readTransaction(bytes);
  } catch (error) {
    if (error instanceof MalformedTransactionError) return undefined;
    throw error;
  }
}

function readTransaction(bytes: Uint8Array): ParsedTransaction {
  const reader = createByteReader(bytes);
  const signatures = readList(reader, () => reader.take(64));
  const message = bytes.subarray(reader.position);
  const version = readVersion(reader);
  const requiredSignatures = reader.byte();
  const readonlySigned = reader.byte();
  const readonlyUnsigned = reader.byte();
  const accountKeys = readList(reader, () => encodeBase58(reader.take(32)));
  reader.take(32); // The recent blockhash, which only the chain can judge.
  const compiled = readList(reader, () => readInstruction(reader));
  const lookups = version === 0 ? readList(reader, () => readLookup(reader)) : [];

  assertForm(reader.isAtEnd, 'has bytes after its end');
  assertForm(signatures.length === requiredSignatures, 'has another number of signatures than signers');
  assertForm(readonlySigned < requiredSignatures, 'has no writable fee payer');
  assertForm(
    requiredSignatures + readonlyUnsigned <= accountKeys.length,
    'names fewer accounts than its header counts',
  );
  assertForm(new Set(accountKeys).size === accountKeys.length, 'names an account twice');
  const accountCount = lookups.reduce((count, lookup) => count + lookup, accountKeys.length);
  assertForm(accountCount <= 256, 'names more accounts than an index can reach');

  const instructions = compiled.map((instruction) => resolve(instruction, accountKeys, accountCount));
  return {
    version,
    signatures,
    message,
    requiredSignatures,
    accountKeys,
    instructions,
    lookupTableCount: lookups.length,
  };
}

/** The high bit of a message's first byte tells a version from the first header byte of a legacy message. */
function readVersion(reader: ByteReader): 'legacy' | 0 {
  if ((reader.peek() & 0x80) === 0) return 'legacy';
  assertForm(reader.byte() === 0x80, 'has a version other than 0');
  return 0;
}

interface CompiledInstruction {
  readonly programIndex: number;
  readonly accountIndexes: Uint8Array;
  readonly data: Uint8Array;
}

function readInstruction(reader: ByteReader): CompiledInstruction {
  const programIndex = reader.byte();
  const accountIndexes = reader.take(reader.compactLength());
  const data = reader.take(reader.compactLength());
  return { programIndex, accountIndexes, data };
}

/** Skips one lookup table and counts the accounts that it adds. */
function readLookup(reader: ByteReader): number {
  reader.take(32);
  const writable = reader.take(reader.compactLength());
  const readonly = reader.take(reader.compactLength());
  assertForm(writable.length + readonly.length > 0, 'has a lookup table that it does not use');
  return writable.length + readonly.length;
}

function resolve(
  instruction: CompiledInstruction,
  accountKeys: readonly string[],
  accountCount: number,
): ParsedInstruction {
  const program = accountKeys[instruction.programIndex];
  // The fee payer is no program, and a program never comes from a lookup table.
  if (program === undefined || instruction.programIndex === 0) throw new MalformedTransactionError('calls no program');
  const accounts = Array.from(instruction.accountIndexes, (index) => {
    assertForm(index < accountCount, 'has an account index out of range');
    return accountKeys[index];
  });
  return { program, accounts, data: instruction.data };
}

function readList<Item>(reader: ByteReader, readItem: () => Item): Item[] {
  return Array.from({ length: reader.compactLength() }, readItem);
}

function assertForm(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new MalformedTransactionError(otherwise);
}
