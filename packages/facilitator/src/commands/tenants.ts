import { InvalidArgumentError, type Command } from 'commander';
import { composeTenants } from '../compose-commands.js';
import type { Config } from '../config/config.js';
import { Name } from '../http/v1/fields.js';
import { createLogger } from '../logging/logger.js';

/** The parts of the commands about tenants, for as long as `work` runs. */
export async function withTenants(
  config: Config,
  work: (parts: Awaited<ReturnType<typeof composeTenants>>) => Promise<void>,
): Promise<void> {
  const parts = await composeTenants(config, createLogger({ level: 'warn', destination: process.stderr }));
  try {
    await work(parts);
  } finally {
    await parts.close();
  }
}

/** An option that every command about tenants has. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON');
}

/** A moment for people: to the second, in UTC. */
export function formatMoment(moment: Date | null): string {
  return moment === null ? '-' : moment.toISOString().replace('T', ' ').slice(0, 19);
}

/** A name that may be given to something; the same as over HTTP. */
export function readName(text: string): string {
  const parsed = Name.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('1 to 100 characters, no control characters, no space at either end');
}
