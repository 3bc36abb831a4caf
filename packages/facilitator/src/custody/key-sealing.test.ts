import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { baseSepolia, isFault, solanaDevnet } from '@tollkeeper/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { secret } from '../config/secret.js';
import { createKeySealing, type SealedKeyName } from './key-sealing.js';

const vault = createKeySealing(secret(randomBytes(32).toString('hex')));
const name: SealedKeyName = { walletId: '019b0000-0000-7000-8000-000000000001', network: baseSepolia };
const key = randomBytes(32);

function outcomeOf(open: () => Uint8Array): unknown {
  try {
    return new Uint8Array(open());
  } catch (error) {
    return isFault(error) ? error.code : error;
  }
}

test('what was sealed opens under its name', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 128 }), (bytes) => {
      expect(outcomeOf(() => vault.open(name, vault.seal(name, bytes)))).toEqual(bytes);
    }),
  );
});

test('what is sealed holds no part of the key, and is another text each time', () => {
  const [first, second] = [vault.seal(name, key), vault.seal(name, key)].map((bytes) => Buffer.from(bytes));
  expect(first?.equals(second ?? Buffer.alloc(0))).toBe(false);
  for (let start = 0; start + 4 <= key.length; start += 1) {
    expect(first?.includes(key.subarray(start, start + 4))).toBe(false);
  }
});

describe('nothing opens', () => {
  const sealed = vault.seal(name, key);

  test.each<[string, SealedKeyName]>([
    ['another wallet', { ...name, walletId: '019b0000-0000-7000-8000-000000000002' }],
    ['another network', { ...name, network: solanaDevnet }],
    ['no wallet', { ...name, walletId: '' }],
  ])('under %s', (_what, other) => {
    expect(outcomeOf(() => vault.open(other, sealed))).toBe('WALLET_KEY_UNREADABLE');
  });

  test('under another encryption key', () => {
    const other = createKeySealing(secret(randomBytes(32).toString('hex')));
    expect(outcomeOf(() => other.open(name, sealed))).toBe('WALLET_KEY_UNREADABLE');
  });

  test('after one bit of it changed, whichever', () => {
    for (let place = 0; place < sealed.length * 8; place += 1) {
      const changed = Uint8Array.from(sealed);
      changed[place >> 3] = (changed[place >> 3] ?? 0) ^ (1 << (place & 7));
      expect(
        outcomeOf(() => vault.open(name, changed)),
        `bit ${place}`,
      ).toBe('WALLET_KEY_UNREADABLE');
    }
  });

  test('that was cut, at whichever place, or made longer', () => {
    for (let length = 0; length < sealed.length; length += 1) {
      expect(
        outcomeOf(() => vault.open(name, sealed.slice(0, length))),
        `${length} bytes`,
      ).toBe('WALLET_KEY_UNREADABLE');
    }
    expect(outcomeOf(() => vault.open(name, Uint8Array.from([...sealed, 0])))).toBe('WALLET_KEY_UNREADABLE');
  });

  test('and the error names the wallet but tells nothing else', () => {
    const error: unknown = (() => {
      try {
        return vault.open({ ...name, network: solanaDevnet }, sealed);
      } catch (caught) {
        return caught;
      }
    })();
    expect(isFault(error) && error.facts).toEqual({ walletId: name.walletId, network: solanaDevnet });
    expect(inspect(error, { depth: 10 })).not.toContain(key.toString('hex'));
  });
});
