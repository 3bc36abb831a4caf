import { composeWallets } from '../compose-commands.js';
import type { Config } from '../config/config.js';
import { createLogger } from '../logging/logger.js';

/** The parts of the commands about wallets, for as long as `work` runs. */
export async function withWallets(
  config: Config,
  work: (parts: Awaited<ReturnType<typeof composeWallets>>) => Promise<void>,
): Promise<void> {
  const parts = await composeWallets(config, createLogger({ level: 'warn', destination: process.stderr }));
  try {
    await work(parts);
  } finally {
    await parts.close();
  }
}
