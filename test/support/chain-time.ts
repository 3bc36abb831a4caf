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
