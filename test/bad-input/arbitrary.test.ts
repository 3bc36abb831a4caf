import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inVersion1, type WireRequest } from '../support/wire.js';
import { changed, pathsOf } from './changed.js';
import { startHostileSetup, type HostileSetup } from './hostile-setup.js';
import { operations } from './raw-request.js';

/** Whatever a caller sends is answered, in words that stock clients read, and costs nothing. */

/** Replays a run: set FC_SEED to the seed that a failed one printed. */
const seed = Number(process.env['FC_SEED'] ?? Date.now() % 1_000_000_000);
const timeoutMs = 120_000;

let setup: HostileSetup;
let requests: readonly WireRequest[];

beforeAll(async () => {
  process.stdout.write(`bad-input: FC_SEED=${seed}\n`);
  setup = await startHostileSetup();
  const [evm, svm] = [await setup.unfunded('EVM'), await setup.unfunded('Solana')];
  requests = [evm, svm, inVersion1(evm), inVersion1(svm)];
});
afterAll(async () => {
  await setup.expectNothingSpent();
  await setup.stop();
});

const values = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.bigInt({ min: -(2n ** 260n), max: 2n ** 260n }).map((value) => value.toString()),
  fc.constantFrom(
    '',
    '0',
    '__proto__',
    'constructor',
    '\u0000',
    '\ud800',
    '\u202e',
    '0x',
    'eip155:',
    '💸',
    -0,
    2 ** 53,
    1e300,
  ),
  fc.constant(undefined),
);

/** Where a mutation strikes and what it does, as fractions and choices, so that it fits any request. */
const mutations = fc.record({
  request: fc.nat(3),
  strikes: fc.array(
    fc.record({
      place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      flip: fc.boolean(),
      value: values,
      at: fc.nat(),
      to: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});

function mutated(mutation: typeof mutations extends fc.Arbitrary<infer Value> ? Value : never): unknown {
  let request: unknown = requests[mutation.request];
  for (const { place, flip, value, at, to } of mutation.strikes) {
    const paths = pathsOf(request);
    const path = paths[Math.floor(place * paths.length)] ?? [];
    const there = path.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], request);
    request = changed(request, path, flip && typeof there === 'string' ? withCharacter(there, at, to) : value);
  }
  return request;
}

function withCharacter(text: string, at: number, to: string): string {
  const index = at % (text.length + 1);
  return text.slice(0, index) + to + text.slice(index + 1);
}

describe.each(operations)('%s', (operation) => {
  test('answers any JSON at all', { timeout: timeoutMs }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        expect(await setup.ask(operation, value)).toMatchObject({ ok: false, reason: 'invalid_payload' });
      }),
      { seed, numRuns: 200 },
    );
  });

  test('answers any text and any bytes', { timeout: timeoutMs }, async () => {
    const bodies = fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 2_000 }));
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const answer = await setup.send({ path: `/${operation}`, body });
        expect(await setup.read(operation, answer)).toMatchObject({ ok: false, reason: 'invalid_payload' });
      }),
      { seed, numRuns: 200 },
    );
  });

  test('answers a good request with anything wrong in it', { timeout: timeoutMs }, async () => {
    await fc.assert(
      fc.asyncProperty(mutations, async (mutation) => {
        expect(await setup.ask(operation, mutated(mutation))).toMatchObject({ ok: false });
      }),
      { seed, numRuns: 500 },
    );
  });
});
