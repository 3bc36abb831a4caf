import type { EvmChain } from '@tollkeeper/sandbox';
import type { TestFacilitator } from './test-facilitator.js';
import type { Family } from './wire.js';

/** Keeps transactions out of blocks (EVM), or blocks from being confirmed (Solana). */
export async function stopTime({ evm, svm }: TestFacilitator, family: Family): Promise<void> {
  if (family === 'EVM') await evm.rpc('evm_setAutomine', [false]);
  else svm.pauseSlots();
}

export async function resumeTime({ evm, svm }: TestFacilitator, family: Family): Promise<void> {
  if (family === 'Solana') {
    svm.resumeSlots();
    return;
  }
  await evm.rpc('evm_setAutomine', [true]);
  await evm.mine();
}

/** Dates the next block after everything until now. Without that, a chain whose clock is a second behind dates it before. */
export async function dateNextBlock(evm: EvmChain): Promise<void> {
  await evm.rpc('evm_setNextBlockTimestamp', [Math.floor(Date.now() / 1_000) + 1]);
}
