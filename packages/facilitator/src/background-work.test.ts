import { expect, test } from 'vitest';
import { createBackgroundWork } from './background-work.js';

const longMs = 3_600_000;

function signalled() {
  let now = (): void => undefined;
  const happened = new Promise<void>((resolve) => (now = resolve));
  return { happened, now: () => now() };
}

test('one round follows another, and starting again changes nothing', async () => {
  const third = signalled();
  let [rounds, atOnce] = [0, 0];
  const work = createBackgroundWork(async () => {
    atOnce += 1;
    await Promise.resolve();
    expect(atOnce).toBe(1);
    atOnce -= 1;
    rounds += 1;
    if (rounds === 3) third.now();
    return rounds < 3 ? 0 : longMs;
  });
  work.start();
  work.start();
  await third.happened;
  await work.stop();
  expect(rounds).toBe(3);
});

test('stopping ends the pause and waits for the round under way, which is told', async () => {
  const [begun, may] = [signalled(), signalled()];
  let told: AbortSignal | undefined;
  let isOver = false;
  const work = createBackgroundWork(async (signal) => {
    told = signal;
    begun.now();
    await may.happened;
    isOver = true;
    return longMs;
  });
  work.start();
  await begun.happened;
  const stopped = work.stop();
  expect([told?.aborted, isOver]).toEqual([true, false]);
  may.now();
  await stopped;
  expect(isOver).toBe(true);
});

test('what was stopped before it began does nothing', async () => {
  const work = createBackgroundWork(() => Promise.reject(new Error('a round after the end')));
  await work.stop();
  work.start();
  await work.stop();
});
