import { setTimeout as sleep } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { afterAll, afterEach, beforeAll, test, vi } from 'vitest';
import { createLogger } from '../logging/logger.js';
import { createControlStore, type ControlStore } from './control-store.js';
import { watchControls, type ControlWatch } from './watch-controls.js';
import { tamper } from '../../../../test/operations/tamper.js';

let db: TestDatabase;
let controls: ControlStore;
let watch: ControlWatch;

beforeAll(async () => {
  db = await createTestDatabase();
  controls = createControlStore(db);
});
afterEach(async () => {
  await watch.stop();
  vi.useRealTimers();
  await tamper(db, 'DELETE FROM control');
});
afterAll(() => db.drop());

const open = (pollMs?: number) =>
  watchControls({
    database: db.database,
    log: createLogger({ level: 'silent' }),
    ...(pollMs === undefined ? {} : { pollMs }),
  });

/** Waits without a turn of the clock that the watch goes by. */
async function known(count: number): Promise<void> {
  while (watch.all().length !== count) await sleep(5);
}

test('a change is known by its announcement alone', async () => {
  watch = await open(3_600_000);
  await controls.stop({ kind: 'settlement' }, 'a test');
  await known(1);
  await controls.resume({ kind: 'settlement' }, 'a test');
  await known(0);
});

test('a change that nobody announces is looked for within a second', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  watch = await open();
  await controls.stop({ kind: 'settlement' }, 'a test');
  await known(1);
  await tamper(db, 'DELETE FROM control');
  vi.advanceTimersByTime(999);
  await known(0);
});
