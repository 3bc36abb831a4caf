import type { Observation, ObservedTransaction } from '@tollkeeper/protocol';
import { expect, test } from 'vitest';
import { createSearchBeside } from './search-beside.js';

const expired: Observation = {
  state: 'expired',
  rejection: { reason: 'invalid_exact_svm_transaction_failed', detail: 'It expired' },
};

const sent = (...ids: readonly string[]): readonly ObservedTransaction[] =>
  ids.map((id) => ({ id, raw: new Uint8Array() }));

/** A node that tells when it is let go, or fails then. */
function searchBeside({ trouble }: { readonly trouble?: string } = {}) {
  const asked: string[][] = [];
  const failures: string[] = [];
  let letGo: () => void = () => undefined;
  const isLetGo = new Promise<void>((resolve) => (letGo = resolve));
  const search = createSearchBeside({
    async find(missing) {
      const ids = missing.map(({ id }) => id);
      asked.push(ids);
      await isLetGo;
      if (trouble !== undefined) throw new Error(trouble);
      return new Map(ids.filter((id) => id !== 'fresh').map((id) => [id, expired]));
    },
    onFailure: (failure) => failures.push(failure),
  });
  const look = async (...ids: readonly string[]) => [...(await search(sent(...ids))).keys()];
  return { asked, failures, letGo, look };
}

test('what is found at once is told at once, and looked for again by who asks again', async () => {
  const { asked, letGo, look } = searchBeside();
  letGo();
  for (let count = 0; count < 2; count += 1) expect(await look('old', 'fresh')).toEqual(['old']);
  expect(asked).toEqual([
    ['old', 'fresh'],
    ['old', 'fresh'],
  ]);
});

test('a search that takes long is told when it is over, and no other goes on beside it', async () => {
  const { asked, letGo, look } = searchBeside();
  for (const id of ['old', 'old', 'other']) expect(await look(id)).toEqual([]);
  expect(asked).toEqual([['old']]);
  letGo();
  await expect.poll(() => look('old', 'other')).toEqual(['old', 'other']);
  expect(asked).toEqual([['old'], ['other']]);
});

test('a search that fails is told of and begins again with the next look', async () => {
  const { asked, failures, letGo, look } = searchBeside({ trouble: 'no answer' });
  letGo();
  for (let count = 0; count < 2; count += 1) expect(await look('old')).toEqual([]);
  expect(asked).toEqual([['old'], ['old']]);
  expect(failures).toEqual(['Error: no answer', 'Error: no answer']);
});
