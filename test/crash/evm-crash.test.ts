import type { EvmChain } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, describe } from 'vitest';
import { startFundedEvm } from '../support/test-facilitator.js';
import { crashCases } from './crash-cases.js';
import { evmCrashChain } from './evm-crash-chain.js';
import { killFacilitatorProcesses } from './facilitator-process.js';

let evm: EvmChain;

beforeAll(async () => {
  evm = await startFundedEvm();
});
afterAll(async () => {
  await killFacilitatorProcesses();
  await evm.stop();
});

describe('EVM', () => {
  crashCases(() => evmCrashChain(evm));
});
