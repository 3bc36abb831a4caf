import { describe, expect, test } from 'vitest';
import { Fault, faults, isFault, type FaultCode } from './faults.js';

describe('the catalogue of faults', () => {
  const all = Object.entries(faults);

  test.each(all)('%s is named, worded and mapped for callers', (code, { status, message }) => {
    expect(code).toMatch(/^[A-Z][A-Z_]*[A-Z]$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    expect(message).toMatch(/^[A-Z].*[^.]$/);
  });

  test('asks to try again where the trouble may pass, and never after a caller’s own mistake', () => {
    for (const [, { status, retryable }] of all) {
      if (status === 503) expect(retryable).toBe(true);
      // A conflict may be with a request that is still under way.
      if (status < 500 && status !== 409) expect(retryable).toBe(false);
    }
  });
});

describe('a fault', () => {
  test('says what the catalogue says, and keeps its facts and its cause', () => {
    const cause = new Error('below');
    const fault = new Fault('CHAIN_RPC_UNAVAILABLE', { network: 'eip155:1', tried: 2 }, { cause });
    expect(fault).toMatchObject({
      name: 'Fault',
      code: 'CHAIN_RPC_UNAVAILABLE',
      status: 503,
      retryable: true,
      message: faults.CHAIN_RPC_UNAVAILABLE.message,
      facts: { network: 'eip155:1', tried: 2 },
      cause,
    });
  });

  test('is told from other errors, and by its code', () => {
    const fault: unknown = new Fault('NOT_FOUND');
    expect(isFault(fault)).toBe(true);
    expect(isFault(fault, 'NOT_FOUND')).toBe(true);
    expect(isFault(fault, 'INTERNAL')).toBe(false);
    for (const other of [new Error('NOT_FOUND'), { code: 'NOT_FOUND' satisfies FaultCode }, 'NOT_FOUND', undefined]) {
      expect(isFault(other)).toBe(false);
    }
  });
});
