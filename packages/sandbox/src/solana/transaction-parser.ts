import { createHash } from 'node:crypto';
import { encodeBase58 } from './base58.js';
import { createByteReader, malformed, type ByteReader } from './byte-reader.js';

/** The largest transaction that fits one UDP packet of the network, in bytes. */
export const packetLimit = 1232;

export interface CompiledInstruction {
  readonly programIdIndex: number;
  readonly accounts: readonly number[];
  readonly data: Uint8Array;
}

export interface AddressTableLookup {
  readonly accountKey: string;
  readonly writableIndexes: readonly number[];
  readonly readonlyIndexes: readonly number[];
}

export interface MessageHeader {
  readonly numRequiredSignatures: number;
  readonly numReadonlySignedAccounts: number;
  readonly numReadonlyUnsignedAccounts: number;
}

export interface ParsedMessage {
  readonly version: 'legacy' | 0;
  readonly header: MessageHeader;
  /** Static keys only; keys from lookup tables are resolved against the chain. */
  readonly accountKeys: readonly string[];
  readonly recentBlockhash: string;
  readonly instructions: readonly CompiledInstruction[];
  readonly addressTableLookups: readonly AddressTableLookup[];
}

export interface ParsedTransaction {
  readonly wire: Uint8Array;
  readonly signatures: readonly Uint8Array[];
  readonly message: ParsedMessage;
  /** Hex sha256 of the message: the identity of a transaction, whatever its signatures are. */
  readonly messageHash: string;
}

/** Why bytes are not a transaction; `sanitize` means that they decode but break a rule between their fields. */
export interface ParseFailure {
  readonly kind: 'decode' | 'sanitize';
  readonly reason: string;
}

/**
 * Reads a legacy or version 0 transaction, strictly. The VM aborts the whole process on bytes that do not decode, so
 * nothing reaches it that did not pass here.
 */
export function parseTransaction(wire: Uint8Array): ParsedTransaction | ParseFailure {
  if (wire.length > packetLimit) return { kind: 'decode', reason: 'transaction exceeds the packet limit' };
  try {
    const reader = createByteReader(wire);
    const signatures = readMany(reader, () => reader.bytes(64));
    const messageStart = reader.position();
    const message = readMessage(reader);
    const broken = brokenRule(signatures.length, message);
    if (broken !== undefined) return { kind: 'sanitize', reason: broken };
    const messageHash = createHash('sha256').update(wire.subarray(messageStart)).digest('hex');
    return { wire, signatures, message, messageHash };
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'decode', reason: error.message };
    throw error;
  }
}

/** Reads a bare message, as `getFeeForMessage` takes it. */
export function parseMessage(bytes: Uint8Array): ParsedMessage | ParseFailure {
  if (bytes.length > packetLimit) return { kind: 'decode', reason: 'message exceeds the packet limit' };
  try {
    const message = readMessage(createByteReader(bytes));
    const broken = brokenRule(message.header.numRequiredSignatures, message);
    return broken === undefined ? message : { kind: 'sanitize', reason: broken };
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'decode', reason: error.message };
    throw error;
  }
}

export function isParseFailure(result: object): result is ParseFailure {
  return 'kind' in result;
}

function readMessage(reader: ByteReader): ParsedMessage {
  const first = reader.u8();
  const isVersioned = (first & 0x80) !== 0;
  if (isVersioned && first !== 0x80) throw malformed('unsupported message version');
  const header = {
    numRequiredSignatures: isVersioned ? reader.u8() : first,
    numReadonlySignedAccounts: reader.u8(),
    numReadonlyUnsignedAccounts: reader.u8(),
  };
  const accountKeys = readMany(reader, () => encodeBase58(reader.bytes(32)));
  const recentBlockhash = encodeBase58(reader.bytes(32));
  const instructions = readMany(reader, () => ({
    programIdIndex: reader.u8(),
    accounts: [...reader.bytes(reader.compactU16())],
    data: reader.bytes(reader.compactU16()),
  }));
  const addressTableLookups = isVersioned
    ? readMany(reader, () => ({
        accountKey: encodeBase58(reader.bytes(32)),
        writableIndexes: [...reader.bytes(reader.compactU16())],
        readonlyIndexes: [...reader.bytes(reader.compactU16())],
      }))
    : [];
  if (reader.remaining() > 0) throw malformed('trailing bytes');
  return {
    version: isVersioned ? 0 : 'legacy',
    header,
    accountKeys,
    recentBlockhash,
    instructions,
    addressTableLookups,
  };
}

function readMany<T>(reader: ByteReader, readOne: () => T): T[] {
  const count = reader.compactU16();
  // Each element takes at least one byte, so a count beyond the rest is refused before anything is allocated.
  if (count > reader.remaining()) throw malformed('unexpected end of data');
  return Array.from({ length: count }, readOne);
}

/** The rules the runtime calls sanitizing: https://docs.rs/solana-message `sanitize`. */
function brokenRule(signatureCount: number, message: ParsedMessage): string | undefined {
  const { header, accountKeys, instructions, addressTableLookups } = message;
  if (header.numRequiredSignatures !== signatureCount) return 'signature count differs from the header';
  if (header.numReadonlySignedAccounts >= header.numRequiredSignatures) return 'fee payer is not writable';
  if (header.numRequiredSignatures + header.numReadonlyUnsignedAccounts > accountKeys.length) {
    return 'header counts more accounts than there are';
  }
  let keyCount = accountKeys.length;
  for (const lookup of addressTableLookups) {
    const loaded = lookup.writableIndexes.length + lookup.readonlyIndexes.length;
    if (loaded === 0) return 'address table lookup loads nothing';
    keyCount += loaded;
  }
  if (keyCount > 256) return 'too many account keys';
  for (const instruction of instructions) {
    // Programs must be static keys, and the fee payer cannot be one.
    if (instruction.programIdIndex === 0 || instruction.programIdIndex >= accountKeys.length) {
      return 'program index is out of range';
    }
    if (instruction.accounts.some((index) => index >= keyCount)) return 'account index is out of range';
  }
  return undefined;
}

/** Whether the static key at `index` may be written, by the header alone. */
export function isStaticKeyWritable(message: ParsedMessage, index: number): boolean {
  const { numRequiredSignatures, numReadonlySignedAccounts, numReadonlyUnsignedAccounts } = message.header;
  if (index < numRequiredSignatures) return index < numRequiredSignatures - numReadonlySignedAccounts;
  return index < message.accountKeys.length - numReadonlyUnsignedAccounts;
}
