import type { BenchOptions } from '../options.js';
import { reference, referenceWithNonces, tollkeeper } from '../subject.js';
import type { Scenario } from './scenario.js';

/** A phase of so many settlements at once may take this long for each, but never less than twenty seconds. */
const burstSecondsPerPayment = 0.04;

/** Before each phase of verifies; V8 needs about as long until it has compiled what is hot. */
const rampSeconds = 2;

/** Before the first round of settlements, for each contender; V8 compiles them for thousands of payments. */
const warmUpSeconds = 10;

/** The scenarios that the user asked for, in the order of the report. */
export function chooseScenarios(options: BenchOptions): readonly Scenario[] {
  const { groups } = options;
  return [
    ...(groups.includes('verify') ? verifyScenarios(options) : []),
    ...(groups.includes('settle') ? settleScenarios(options) : []),
    ...(groups.includes('svm') ? svmScenarios(options) : []),
  ];
}

function verifyScenarios({ seconds }: BenchOptions): readonly Scenario[] {
  const shared = {
    family: 'evm',
    endpoint: 'verify',
    // The nonce manager has no part in a verify.
    contenders: [tollkeeper(), reference],
    rival: reference,
    mining: 'automine',
    stopAfterSeconds: seconds,
    giveUpAfterSeconds: seconds + 10,
  } as const;
  const ramp = (paymentsPerSecond: number) => ({ payments: paymentsPerSecond * rampSeconds, seconds: rampSeconds });
  return [
    {
      ...shared,
      name: 'evm-verify-alone',
      title: 'EVM verify, one at a time',
      concurrency: 1,
      ramp: ramp(1_000),
      payments: 1_000 * seconds,
      warmUp: { payments: 150, seconds: 0 },
      weight: 1,
    },
    {
      ...shared,
      name: 'evm-verify-64',
      title: 'EVM verify, 64 concurrent',
      concurrency: 64,
      ramp: ramp(4_000),
      payments: 4_000 * seconds,
      warmUp: { payments: 600, seconds: 0 },
      weight: 2,
    },
  ];
}

function settleScenarios({ payments, lanes }: BenchOptions): readonly Scenario[] {
  const shared = {
    family: 'evm',
    endpoint: 'settle',
    contenders: [tollkeeper(), reference, referenceWithNonces],
    rival: referenceWithNonces,
  } as const;
  const burst = {
    ...shared,
    contenders: [...lanes.map((count) => tollkeeper(count)), reference, referenceWithNonces],
    concurrency: payments,
    ramp: { payments: Math.min(300, payments), seconds: Infinity },
    payments,
    // Whole bursts: in a process that has seen only a few, compilation takes as much time as payments do.
    warmUp: { payments, seconds: warmUpSeconds },
    stopAfterSeconds: Infinity,
    giveUpAfterSeconds: Math.max(20, payments * burstSecondsPerPayment),
    weight: 6,
  };
  return [
    {
      ...shared,
      name: 'evm-settle-alone',
      title: 'EVM settle, one at a time, automine',
      mining: 'automine',
      concurrency: 1,
      ramp: { payments: 5, seconds: 5 },
      payments: 60,
      warmUp: { payments: 50, seconds: warmUpSeconds },
      stopAfterSeconds: 5,
      giveUpAfterSeconds: 15,
      weight: 2,
    },
    {
      ...burst,
      name: 'evm-settle-burst-automine',
      title: `EVM settle, ${payments} at once, automine`,
      mining: 'automine',
    },
    {
      ...burst,
      name: 'evm-settle-burst-1s',
      title: `EVM settle, ${payments} at once, 1 s blocks`,
      mining: '1 s blocks',
    },
  ];
}

function svmScenarios({ seconds }: BenchOptions): readonly Scenario[] {
  const shared = {
    family: 'svm',
    contenders: [tollkeeper(), reference],
    rival: reference,
    mining: 'automine',
    concurrency: 64,
    weight: 2,
  } as const;
  return [
    {
      ...shared,
      name: 'svm-verify-64',
      title: 'Solana verify, 64 concurrent',
      endpoint: 'verify',
      ramp: { payments: 2_000 * rampSeconds, seconds: rampSeconds },
      payments: 2_000 * seconds,
      warmUp: { payments: 300, seconds: 0 },
      stopAfterSeconds: seconds,
      giveUpAfterSeconds: seconds + 10,
    },
    {
      ...shared,
      name: 'svm-settle-64',
      title: 'Solana settle, 64 concurrent',
      endpoint: 'settle',
      ramp: { payments: 0, seconds: 0 },
      payments: 512,
      warmUp: { payments: 64, seconds: 0 },
      stopAfterSeconds: Infinity,
      giveUpAfterSeconds: 20,
    },
  ];
}
