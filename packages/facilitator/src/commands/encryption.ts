import type { Command } from 'commander';
import { composeKeyRotation } from '../compose-operations.js';
import type { Config } from '../config/config.js';
import type { KeyRotation } from '../custody/key-rotation.js';
import { createLogger } from '../logging/logger.js';
import { print, printJson } from './output.js';

interface Output {
  readonly json?: true;
}

/** `tollkeeper encryption`: the key that encrypts the keys of deposit addresses. It is never on a command line. */
export function addEncryptionCommands(program: Command, config: () => Config): void {
  const encryption = program
    .command('encryption')
    .description('the encryption of deposit keys')
    .addHelpText('after', '\nExample:\n  tollkeeper encryption verify');

  encryption
    .command('rotate')
    .description('seal every deposit key under WALLET_ENCRYPTION_KEY_NEXT, while the service runs')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nGive WALLET_ENCRYPTION_KEY_NEXT to every process of the service first. It may be stopped anywhere and run again.\n' +
        '\nExample:\n  export WALLET_ENCRYPTION_KEY_NEXT=$(openssl rand -hex 32)\n  tollkeeper encryption rotate',
    )
    .action(async ({ json }: Output) => {
      await withRotation(config(), async ({ rotate }) => {
        const result = await rotate();
        if (json) {
          printJson(result);
          return;
        }
        print(`${result.resealed} deposit keys sealed anew; all ${result.verified} open under the next key alone.`);
        print('Now give every process that key as WALLET_ENCRYPTION_KEY, and take WALLET_ENCRYPTION_KEY_NEXT away.');
        print('In a development data folder it belongs into the file wallet-encryption-key.');
      });
    });

  encryption
    .command('verify')
    .description('open every deposit key and hold it against its address; changes nothing')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  tollkeeper encryption verify')
    .action(async ({ json }: Output) => {
      await withRotation(config(), async ({ verify }) => {
        const verified = await verify();
        if (json) printJson({ verified });
        else print(`All ${verified} deposit keys open and belong to their addresses.`);
      });
    });
}

async function withRotation(config: Config, work: (rotation: KeyRotation) => Promise<void>): Promise<void> {
  const { rotation, close } = await composeKeyRotation(
    config,
    createLogger({ level: 'warn', destination: process.stderr }),
  );
  try {
    await work(rotation);
  } finally {
    await close();
  }
}
