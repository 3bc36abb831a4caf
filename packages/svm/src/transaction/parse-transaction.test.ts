import {
  MessageV0,
  PublicKey,
  TransactionInstruction,
  TransactionMessage,
  VersionedTransaction,
} from '@solana/web3.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeBase58 } from '../address/base58.js';
import { decodeCanonicalBase64 } from './canonical-base64.js';
import { parseTransaction } from './parse-transaction.js';
import { serializeTransaction } from './serialize-transaction.js';

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const keys = (limits: { minLength: number; maxLength: number }) =>
  fc.uniqueArray(bytesOf(32), { ...limits, selector: (key) => Buffer.from(key).toString('hex') });

/** Any instructions over a few accounts, as a program library would write them down. */
const uncompiled = fc.record({
  accounts: keys({ minLength: 3, maxLength: 6 }),
  blockhash: bytesOf(32),
  legacy: fc.boolean(),
  instructions: fc.array(
    fc.record({
      program: fc.nat(),
      accounts: fc.array(fc.record({ index: fc.nat(), isSigner: fc.boolean(), isWritable: fc.boolean() }), {
        maxLength: 4,
      }),
      data: fc.uint8Array({ maxLength: 60 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

const wellFormed = uncompiled.map(({ accounts, blockhash, legacy, instructions }) => {
  const all = accounts.map((key) => new PublicKey(key));
  const [payerKey, ...others] = all;
  const pick = (index: number): PublicKey => others[index % others.length] ?? PublicKey.default;
  const message = new TransactionMessage({
    payerKey: payerKey ?? PublicKey.default,
    recentBlockhash: encodeBase58(blockhash),
    instructions: instructions.map(({ program, accounts: used, data }) => {
      const keys = used.map(({ index, isSigner, isWritable }) => ({ pubkey: pick(index), isSigner, isWritable }));
      return new TransactionInstruction({ programId: pick(program), keys, data: Buffer.from(data) });
    }),
  });
  return new VersionedTransaction(legacy ? message.compileToLegacyMessage() : message.compileToV0Message());
});

const lookups = fc.array(
  fc.record({
    table: bytesOf(32),
    writable: fc.uint8Array({ maxLength: 5 }),
    readonly: fc.uint8Array({ minLength: 1, maxLength: 5 }),
  }),
  { minLength: 1, maxLength: 3 },
);

describe('agrees with web3.js', () => {
  test('on every well-formed transaction', () => {
    fc.assert(
      fc.property(wellFormed, (transaction) => {
        const bytes = transaction.serialize();
        const parsed = parseTransaction(bytes);
        const { message } = transaction;
        expect(parsed).toMatchObject({
          version: message.version,
          requiredSignatures: message.header.numRequiredSignatures,
          lookupTableCount: 0,
          accountKeys: message.staticAccountKeys.map((key) => key.toBase58()),
        });
        const keyAt = (index: number) => message.staticAccountKeys[index]?.toBase58();
        expect(
          parsed?.instructions.map(({ program, accounts, data }) => ({ program, accounts, data: [...data] })),
        ).toEqual(
          message.compiledInstructions.map(({ programIdIndex, accountKeyIndexes, data }) => ({
            program: keyAt(programIdIndex),
            accounts: accountKeyIndexes.map(keyAt),
            data: [...data],
          })),
        );
        expect(Buffer.from(parsed?.message ?? []).equals(message.serialize())).toBe(true);
        expect(parsed && Buffer.from(serializeTransaction(parsed)).equals(bytes)).toBe(true);
      }),
    );
  });

  test('on lookup tables, whose accounts stay unnamed', () => {
    fc.assert(
      fc.property(wellFormed, lookups, ({ message }, tables) => {
        const { header, staticAccountKeys, recentBlockhash, compiledInstructions } = message;
        const withTables = new MessageV0({
          header,
          staticAccountKeys,
          recentBlockhash,
          compiledInstructions: compiledInstructions.map((instruction) => ({
            ...instruction,
            accountKeyIndexes: [...instruction.accountKeyIndexes, staticAccountKeys.length],
          })),
          addressTableLookups: tables.map(({ table, writable, readonly }) => ({
            accountKey: new PublicKey(table),
            writableIndexes: [...writable],
            readonlyIndexes: [...readonly],
          })),
        });
        const parsed = parseTransaction(new VersionedTransaction(withTables).serialize());
        expect(parsed?.lookupTableCount).toBe(tables.length);
        for (const { accounts } of parsed?.instructions ?? []) expect(accounts.at(-1)).toBeUndefined();
      }),
    );
  });
});

describe('never throws', () => {
  test('on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1300 }), (bytes) => {
        parseTransaction(bytes);
      }),
      { numRuns: 500 },
    );
  });

  test('on a transaction with some bytes changed, and what it accepts has one spelling and web3.js reads the same', () => {
    const change = fc.record({ place: fc.nat(), value: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(wellFormed, fc.array(change, { minLength: 1, maxLength: 3 }), (transaction, changes) => {
        const bytes = transaction.serialize();
        for (const { place, value } of changes) bytes[place % bytes.length] = value;
        const parsed = parseTransaction(bytes);
        if (parsed === undefined) return;
        expect(Buffer.from(serializeTransaction(parsed)).equals(bytes)).toBe(true);
        const theirs = VersionedTransaction.deserialize(bytes).message;
        expect(parsed.accountKeys).toEqual(theirs.staticAccountKeys.map((key) => key.toBase58()));
        expect(parsed.requiredSignatures).toBe(theirs.header.numRequiredSignatures);
      }),
      { numRuns: 400 },
    );
  });

  test('and refuses every transaction that is cut short or has a byte too many', () => {
    fc.assert(
      fc.property(wellFormed, fc.nat(), (transaction, place) => {
        const bytes = transaction.serialize();
        expect(parseTransaction(bytes.subarray(0, place % bytes.length))).toBeUndefined();
        expect(parseTransaction(Uint8Array.of(...bytes, place % 256))).toBeUndefined();
      }),
    );
  });
});

describe('refuses', () => {
  const payer = new PublicKey(Uint8Array.from({ length: 32 }, () => 1));
  const program = new PublicKey(Uint8Array.from({ length: 32 }, () => 2));
  const transactionOf = (data: Buffer): Uint8Array => {
    const instructions = [new TransactionInstruction({ programId: program, keys: [], data })];
    const message = new TransactionMessage({
      payerKey: payer,
      recentBlockhash: PublicKey.default.toBase58(),
      instructions,
    });
    return new VersionedTransaction(message.compileToLegacyMessage()).serialize();
  };
  const bytes = Array.from(transactionOf(Buffer.of(7)));
  /** Where the message begins: one count byte and one signature. */
  const start = 65;
  const accountsStart = start + 4;
  const instructionStart = accountsStart + 64 + 32 + 1;

  const changed = (place: number, ...values: number[]): Uint8Array =>
    Uint8Array.from([...bytes.slice(0, place), ...values, ...bytes.slice(place + values.length)]);

  test('nothing of the unchanged example', () => {
    expect(parseTransaction(Uint8Array.from(bytes))).toMatchObject({ version: 'legacy' });
  });

  test.each([
    ['no bytes at all', new Uint8Array()],
    ['an instruction that calls the fee payer', changed(instructionStart, 0)],
    ['an instruction that calls an account out of range', changed(instructionStart, 2)],
    ['an account twice', changed(accountsStart + 32, ...payer.toBytes())],
    ['no writable fee payer', changed(start + 1, 1)],
    ['no signer at all', changed(start, 0)],
    ['more signatures than signers', Uint8Array.from([2, ...new Array<number>(64).fill(0), ...bytes.slice(1)])],
    ['more read-only accounts than accounts', changed(start + 2, 2)],
    ['version 1', Uint8Array.from([...bytes.slice(0, start), 0x81, ...bytes.slice(start)])],
    ['a length in a longer form', Uint8Array.from([0x81, 0x00, ...bytes.slice(1)])],
    ['a length of more than three bytes', Uint8Array.from([0x81, 0x80, 0x80, 0x00, ...bytes.slice(1)])],
    ['a length of more than 16 bits', Uint8Array.from([0xff, 0xff, 0x7f, ...bytes.slice(1)])],
    ['an account index out of range', Uint8Array.from([...bytes.slice(0, -3), 1, 9, 1, 7])],
  ])('%s', (_, transaction) => {
    expect(parseTransaction(transaction)).toBeUndefined();
  });

  test('more than a packet holds', () => {
    // The longer data needs a second length byte.
    const fits = transactionOf(Buffer.alloc(1232 - bytes.length));
    expect(fits.length).toBe(1232);
    expect(parseTransaction(fits)).toBeDefined();
    expect(parseTransaction(Uint8Array.of(...fits, 0))).toBeUndefined();
  });
});

describe('base64', () => {
  test('is read in its one spelling', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = Buffer.from(bytes).toString('base64');
        expect(decodeCanonicalBase64(text)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test.each(['AQ', 'AQ=', 'AR==', ' AQ==', 'AQ==\n', 'A-__', 'AQ==AQ==', 'A?==', '====', 'AAAA='])(
    'not as %j',
    (text) => {
      expect(decodeCanonicalBase64(text)).toBeUndefined();
    },
  );
});
