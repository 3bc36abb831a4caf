import { setTimeout as sleep } from 'node:timers/promises';
import type { ChainCost, Testbed } from '../chains/testbed.js';
import { notAnswered, runLoad, type LoadResult } from '../http-load.js';
import { cpuMsOf } from '../processes/process-usage.js';
import { callsBetween, totalOf, type RpcCounts } from '../processes/rpc-meter.js';
import type { Subject } from '../subject.js';
import type { Scenario } from './scenario.js';

/** What one contender did in one phase. */
export interface PhaseResult {
  readonly load: LoadResult;
  readonly cpuMs: number | undefined;
  /** Processor time of PostgreSQL; undefined for who has none. */
  readonly databaseCpuMs: number | undefined;
  readonly rpcCalls: RpcCounts;
  readonly chain: ChainCost | undefined;
}

/** How long to wait for the end of work that outlasts the answers, and which silence towards the node is that end. */
const allAnswered = { silenceMs: 500, limitMs: 2_000 };
/** Settlements that were given up on go on; the silence is longer than the pause between two looks for a receipt. */
const someUnanswered = { silenceMs: 1_300, limitMs: 10_000 };
/** Pending money becomes available when its block is final; we look for that every three seconds. */
const untilBooked = { silenceMs: 3_500, limitMs: 20_000 };

/** Sends one load to one subject and reads before and after what it cost, work that outlasts the answers included. */
export async function runPhase(parts: {
  readonly scenario: Pick<Scenario, 'endpoint' | 'concurrency' | 'ramp' | 'stopAfterSeconds' | 'giveUpAfterSeconds'>;
  readonly subject: Subject;
  readonly testbed: Testbed;
  readonly bodies: readonly Buffer[];
  readonly databaseCpuMs: () => number | undefined;
}): Promise<PhaseResult> {
  const { scenario, subject, testbed } = parts;
  const isOurs = subject.contender.kind === 'tollkeeper';
  const read = async () => ({
    cpuMs: cpuMsOf(subject.pid),
    databaseCpuMs: isOurs ? parts.databaseCpuMs() : undefined,
    rpcCounts: await subject.rpcCounts(),
  });
  const send = (bodies: readonly Buffer[], stopAfterSeconds: number) =>
    runLoad({
      url: `${subject.url}/${scenario.endpoint}`,
      bodies,
      concurrency: scenario.concurrency,
      stopAfterMs: stopAfterSeconds * 1000,
      giveUpAfterMs: scenario.giveUpAfterSeconds * 1000,
      findFailure: scenario.endpoint === 'verify' ? failureOfVerify : failureOfSettle,
    });
  const ramp = await send(parts.bodies.slice(0, scenario.ramp.payments), scenario.ramp.seconds);
  if (scenario.endpoint === 'settle' && ramp.sent > 0) await waitForAfterwork(ramp);
  const endSpending = await testbed.watchSpending(subject);
  const before = await read();
  const load = await send(parts.bodies.slice(ramp.sent), scenario.stopAfterSeconds);
  if (scenario.endpoint === 'settle') {
    await waitForAfterwork(load);
    // What we do for finality must not be done in the next one's turn, nor be on nobody's account.
    await testbed.makeFinal();
    if (isOurs) await waitUntilQuiet(subject, untilBooked);
  }
  const after = await read();
  return {
    load,
    cpuMs: difference(before.cpuMs, after.cpuMs),
    databaseCpuMs: difference(before.databaseCpuMs, after.databaseCpuMs),
    rpcCalls: callsBetween(before.rpcCounts, after.rpcCounts),
    chain: scenario.endpoint === 'settle' ? await endSpending() : undefined,
  };

  async function waitForAfterwork({ failures }: LoadResult): Promise<void> {
    const isAnswered = failures[notAnswered] === undefined && failures['settlement_pending'] === undefined;
    await waitUntilQuiet(subject, isAnswered ? allAnswered : someUnanswered);
  }
}

function difference(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before;
}

async function waitUntilQuiet(subject: Subject, wait: { silenceMs: number; limitMs: number }): Promise<void> {
  const deadline = performance.now() + wait.limitMs;
  let calls = totalOf(await subject.rpcCounts());
  while (performance.now() < deadline) {
    await sleep(wait.silenceMs);
    const now = totalOf(await subject.rpcCounts());
    if (now - calls <= 1) return;
    calls = now;
  }
}

interface Body {
  readonly isValid?: unknown;
  readonly success?: unknown;
  readonly invalidReason?: unknown;
  readonly errorReason?: unknown;
}

function failureOfVerify(status: number, body: unknown): string | undefined {
  const { isValid, invalidReason } = (body ?? {}) as Body;
  return status === 200 && isValid === true ? undefined : reasonOf(status, invalidReason);
}

function failureOfSettle(status: number, body: unknown): string | undefined {
  const { success, errorReason } = (body ?? {}) as Body;
  return status === 200 && success === true ? undefined : reasonOf(status, errorReason);
}

function reasonOf(status: number, reason: unknown): string {
  return typeof reason === 'string' ? reason.slice(0, 80) : `status ${status}`;
}
