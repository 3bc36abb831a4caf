import { setTimeout as sleep } from 'node:timers/promises';
import { amount, baseSepolia, type ClaimedTransfer, type OnChainEffect } from '@tollkeeper/protocol';
import { expect, test } from 'vitest';
import type { FindForeignTransfers } from './foreign-transfers.js';
import { createSearchBeside } from './search-beside.js';

const wantedOf = (claimKey: string, blockHash = '0xb1') => ({
  claim: {
    claimKey,
    asset: { network: baseSepolia, token: '0xtoken' },
    payer: '0xpayer',
    payTo: '0xpayee',
    amount: amount(1n),
  },
  block: { number: 1n, hash: blockHash },
});
const effect = { transaction: '0xstranger' } as OnChainEffect;

/** A node that tells of uses when it is let go, and never of those of the claims named. */
function searchBeside({ untold = [] }: { readonly untold?: readonly string[] } = {}) {
  const asked: string[][] = [];
  const failures: string[] = [];
  let letGo: () => void = () => undefined;
  const isLetGo = new Promise<void>((resolve) => (letGo = resolve));
  const find: FindForeignTransfers = async (claims: readonly ClaimedTransfer[]) => {
    const keys = claims.map(({ claimKey }) => claimKey);
    asked.push(keys);
    await isLetGo;
    if (keys.some((key) => untold.includes(key))) throw new Error('no answer');
    return claims.map(() => effect);
  };
  const search = createSearchBeside({ find, onFailure: (trouble) => failures.push(trouble) });
  return { asked, failures, letGo, search };
}

test('what is found at once is told at once, and looked for again by who asks again', async () => {
  const { asked, letGo, search } = searchBeside();
  letGo();
  for (let count = 0; count < 2; count += 1)
    expect(await search([wantedOf('a'), wantedOf('b')])).toEqual([effect, effect]);
  expect(asked).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ]);
});

test('a search that takes long is unclear until it is over, and goes on once', async () => {
  const { asked, letGo, search } = searchBeside();
  for (let count = 0; count < 3; count += 1) expect(await search([wantedOf('a')])).toEqual(['unclear']);
  letGo();
  await expect.poll(() => search([wantedOf('a')])).toEqual([effect]);
  expect(asked).toEqual([['a']]);
});

test('what was looked for after one block says nothing of another one', async () => {
  const { asked, search } = searchBeside();
  await Promise.all([search([wantedOf('a', '0xb1')]), search([wantedOf('a', '0xb2')])]);
  expect(asked).toEqual([['a'], ['a']]);
});

test('the node must have the newest of the blocks', async () => {
  const blocks: (bigint | undefined)[] = [];
  const find: FindForeignTransfers = (claims, failedIn) => {
    blocks.push(failedIn);
    return Promise.resolve(claims.map(() => effect));
  };
  const search = createSearchBeside({ find, onFailure: (trouble) => expect.fail(trouble) });
  await search([7n, 9n, 8n].map((number) => ({ ...wantedOf(`of ${number}`), block: { number, hash: '0xb' } })));
  expect(blocks).toEqual([9n]);
});

test('one that the node does not tell about hides no other, and is looked for again', async () => {
  const { asked, failures, letGo, search } = searchBeside({ untold: ['a'] });
  letGo();
  expect(await search([wantedOf('a'), wantedOf('b')])).toEqual(['unclear', effect]);
  expect(await search([wantedOf('a')])).toEqual(['unclear']);
  expect(asked).toEqual([['a', 'b'], ['a'], ['b'], ['a']]);
  expect(failures).toEqual(['Error: no answer', 'Error: no answer']);
});

test('all are found in the end, however many failed together and however long the node takes', async () => {
  const find: FindForeignTransfers = async (claims) => {
    await sleep(700);
    return claims.map(() => effect);
  };
  const search = createSearchBeside({ find, onFailure: (trouble) => expect.fail(trouble) });
  let wanted = Array.from({ length: 9_000 }, (_, index) => wantedOf(String(index)));
  for (let looks = 0; looks < 60 && wanted.length > 0; looks += 1) {
    const found = await search(wanted);
    wanted = wanted.filter((_, index) => found[index] === 'unclear');
    await sleep(50);
  }
  expect(wanted).toEqual([]);
});

test('a node that hangs is asked a few searches at a time', async () => {
  const { asked, search } = searchBeside();
  await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((key) => search([wantedOf(key)])));
  expect(asked).toHaveLength(4);
});
