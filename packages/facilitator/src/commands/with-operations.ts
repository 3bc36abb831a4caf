import { composeOperations, type Operations } from '../compose-operations.js';
import type { Config } from '../config/config.js';
import { createLogger } from '../logging/logger.js';

/** The parts of the operator's commands, for as long as `work` runs. */
export async function withOperations(config: Config, work: (operations: Operations) => Promise<void>): Promise<void> {
  const operations = await composeOperations(config, createLogger({ level: 'warn', destination: process.stderr }));
  try {
    await work(operations);
  } finally {
    await operations.close();
  }
}
