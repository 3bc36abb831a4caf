import type { SandboxConfig } from '../sandbox-config.js';
import { buyOnEachChain } from './buy-once.js';
import type { Progress } from './progress.js';
import { describeSandbox } from './report.js';
import { evmPath, startParts, svmPath, type OnStop } from './start-parts.js';

/** A running sandbox. */
export interface Sandbox {
  /** What to show the user. */
  readonly description: string;
  /** Whether every receipt, balance and account agreed. */
  readonly allAgree: boolean;
  /** Resolves with the name of a part that ended by itself. */
  readonly broken: Promise<string>;
}

/** Starts every part, pays once on each chain with stock packages, and holds the books against the chains. */
export async function startSandbox(
  config: SandboxConfig,
  { progress, onStop }: { readonly progress: Progress; readonly onStop: OnStop },
): Promise<Sandbox> {
  const parts = await startParts(config, { progress, onStop });
  const purchases = await buyOnEachChain(parts, progress);
  const { merchant, wallet, broken } = parts;
  return {
    description: describeSandbox({
      config,
      merchantUrl: merchant.url,
      paths: [evmPath, svmPath],
      wallet,
      ...purchases,
    }),
    allAgree: purchases.payments.every(({ problems }) => problems.length === 0),
    broken,
  };
}
