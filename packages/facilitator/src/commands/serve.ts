import closeWithGrace from 'close-with-grace';
import { composeService } from '../compose.js';
import type { Config } from '../config/config.js';
import { createLogger } from '../logging/logger.js';

/** What a stop may take besides the wait of a settle call: for its answer, and then to let go of everything. */
const graceMs = 10_000;

/** Runs the service until SIGTERM or SIGINT; then requests under way finish before the process ends. */
export async function serve(config: Config): Promise<void> {
  if (config.evm === undefined && config.svm === undefined) {
    throw new Error('there is no network to settle on; set EVM_NETWORK or SVM_NETWORK and what belongs to it');
  }
  const log = createLogger({ level: config.logLevel });
  const service = await composeService(config, log);
  const shutdown = closeWithGrace(
    { delay: config.settlement.waitMs + graceMs, logger: false },
    async ({ signal, err }) => {
      if (err !== undefined) log.fatal({ err }, 'stopping after an unexpected error');
      else log.info({ signal }, 'stopping');
      await service.close();
      log.info('stopped');
    },
  );
  try {
    const address = await service.app.listen({ host: config.host, port: config.port });
    log.info({ address, environment: config.environment }, `Facilitator listening on ${address}`);
  } catch (error) {
    shutdown.uninstall();
    await service.close();
    throw error;
  }
}
