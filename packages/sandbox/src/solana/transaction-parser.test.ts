import { describe, expect, test } from 'vitest';
import { assembleTransaction, buildMessage } from './message-builder.js';
import { isParseFailure, parseTransaction } from './transaction-parser.js';

const payer = 'SysvarC1ock11111111111111111111111111111111';
const program = 'MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr';
const message = buildMessage({
  payer,
  blockhash: payer,
  instructions: [{ program, accounts: [{ address: payer }], data: Uint8Array.of(1, 2, 3) }],
});
const wire = Uint8Array.from(assembleTransaction(message));

/** Where the parts of the transaction above begin. */
const at = { signatureCount: 0, header: 65, keyCount: 68, instructionCount: 165, program: 166, firstAccount: 168 };

function failureOf(bytes: Uint8Array): string | undefined {
  const parsed = parseTransaction(bytes);
  return isParseFailure(parsed) ? `${parsed.kind}: ${parsed.reason}` : undefined;
}

function withByte(position: number, value: number): Uint8Array {
  const changed = Uint8Array.from(wire);
  changed[position] = value;
  return changed;
}

describe('a transaction', () => {
  test('is read to its last byte', () => {
    const parsed = parseTransaction(wire);
    expect(parsed).toMatchObject({
      message: {
        version: 'legacy',
        accountKeys: [payer, program],
        instructions: [{ programIdIndex: 1, accounts: [0], data: Uint8Array.of(1, 2, 3) }],
      },
    });
  });

  test.each([
    ['with a byte too many', Buffer.concat([wire, Uint8Array.of(0)]), 'decode: trailing bytes'],
    ['with a byte too few', wire.subarray(0, -1), 'decode: unexpected end of data'],
    ['without bytes', new Uint8Array(), 'decode: unexpected end of data'],
    ['above the packet limit', new Uint8Array(1233), 'decode: transaction exceeds the packet limit'],
    ['of a newer version', withByte(at.header, 0x81), 'decode: unsupported message version'],
    ['with more signatures than signers', withByte(at.header, 0), 'sanitize: signature count differs from the header'],
    ['whose payer is read-only', withByte(at.header + 1, 1), 'sanitize: fee payer is not writable'],
    [
      'that counts too many accounts',
      withByte(at.header + 2, 2),
      'sanitize: header counts more accounts than there are',
    ],
    ['whose program is no key', withByte(at.program, 2), 'sanitize: program index is out of range'],
    ['whose program pays', withByte(at.program, 0), 'sanitize: program index is out of range'],
    ['with an account that is no key', withByte(at.firstAccount, 2), 'sanitize: account index is out of range'],
  ])('%s is refused', (_name, bytes, failure) => {
    expect(failureOf(bytes)).toBe(failure);
  });

  test('whose length is written in more bytes than it needs is refused', () => {
    const longer = Buffer.concat([
      wire.subarray(0, at.keyCount),
      Uint8Array.of(0x82, 0),
      wire.subarray(at.keyCount + 1),
    ]);
    expect(failureOf(longer)).toBe('decode: compact length is not canonical');
  });
});
