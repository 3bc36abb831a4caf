import { Writable } from 'node:stream';
import { faultOn } from '@tollkeeper/sandbox';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { swallowing } from '../soak/svm/node-faults.js';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { families, freshRequest, settle, settleWithoutOutcome, type Family } from '../support/wire.js';

let facilitator: TestFacilitator;
let owner: pg.Client;
let logged = '';

beforeAll(async () => {
  facilitator = await startTestFacilitator({
    env: () => ({ SETTLE_WAIT_MS: '1000' }),
    overrides: { tendMs: 50 },
    log: new Writable({
      write(chunk: Buffer, _encoding, written) {
        logged += chunk.toString();
        written();
      },
    }),
  });
  owner = new pg.Client({ connectionString: facilitator.database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await facilitator.stop();
});
afterEach(async () => {
  expect(await facilitator.bookProblems()).toEqual([]);
});

/** Nobody can tell what became of a payment, until what is answered is called. */
const obscure: Record<Family, () => Promise<() => Promise<void>>> = {
  EVM: async () => {
    await stopTime(facilitator, 'EVM');
    return () => resumeTime(facilitator, 'EVM');
  },
  Solana: async () => {
    const { svmRpc } = facilitator;
    svmRpc.use(swallowing());
    // Its history begins too late to say that a transaction is in no block.
    svmRpc.use(faultOn('getBlock', { kind: 'error', code: -32_001, message: 'Block cleaned up' }));
    await Promise.resolve();
    return async () => {
      svmRpc.reset();
      await Promise.resolve();
    };
  },
};

test.each(families)(
  'whoever asks, and the operator, learn of a payment that has no outcome for too long (%s)',
  async (family) => {
    const network = family === 'EVM' ? 'eip155:84532' : facilitator.config.svm?.network;
    const clear = await obscure[family]();
    const request = await freshRequest(facilitator, family);
    const { body } = await settleWithoutOutcome(facilitator.url(), request);
    expect(body.errorReason).toBe('settlement_pending');
    const id = String(body.extra?.['paymentId']);
    if (family === 'Solana') facilitator.svm.advanceSlots(400);
    expect(await told(id)).toMatchObject({ state: 'submitted', overdue: false });
    expect(await signs()).toEqual([]);

    await owner.query(`UPDATE payment SET submitted_at = now() - interval '11 minutes' WHERE id = $1`, [id]);
    expect(await told(id)).toMatchObject({ state: 'submitted', overdue: true });
    expect(await signs()).toEqual([`outcomes ${network}`, `tollkeeper_settlements_overdue{network="${network}"} 1`]);
    const again = await settle(facilitator.url(), request);
    expect(again.body).toMatchObject({
      errorReason: 'settlement_pending',
      errorMessage: expect.stringContaining('outcome is still not known') as string,
    });
    await eventually(() => expect(linesAbout(id)).toHaveLength(1));

    await clear();
    await eventually(async () => expect((await told(id))['state']).toBe(family === 'EVM' ? 'settled' : 'failed'));
    expect(await told(id)).toMatchObject({ overdue: false });
    expect(await signs()).toEqual([]);
    expect(linesAbout(id)).toHaveLength(1);
  },
);

async function told(id: string): Promise<Record<string, unknown>> {
  return (await (await fetch(`${facilitator.url()}/payments/${id}`)).json()) as Record<string, unknown>;
}

/** What readiness and the metrics say of payments that are overdue. */
async function signs(): Promise<readonly string[]> {
  // A check that a busy machine does not finish in three seconds has failed.
  const ready = await eventually(async () => {
    const answer = await fetch(`${facilitator.url()}/ready`);
    expect(answer.status).toBe(200);
    return answer;
  });
  const { checks } = (await ready.json()) as { checks: readonly { name: string; detail?: string }[] };
  const metrics = await (await fetch(`${facilitator.url()}/metrics`)).text();
  return [
    ...checks.flatMap(({ name, detail }) => (name.startsWith('outcomes') && detail !== undefined ? [name] : [])),
    ...metrics.split('\n').filter((line) => /^tollkeeper_settlements_overdue\{.*\} [^0]/.test(line)),
  ];
}

function linesAbout(id: string): readonly string[] {
  return logged.split('\n').filter((line) => line.includes(id) && line.includes('has no outcome'));
}
