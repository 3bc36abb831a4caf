import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withOriginalGenesis } from './genesis-cleaning.js';

/** How often the file is looked at; anvil is taken to be done with it when it did not change between two looks. */
const LOOK_MS = 250;
/** Copies are no closer than this. */
const COPY_MS = 5_000;

/**
 * Makes the file one that anvil loads well. anvil rewrites its state in place, so a SIGKILL may leave half of it; then
 * the last copy is taken instead.
 */
export function prepareStateFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  if (!existsSync(file)) {
    // A copy without its file is of a chain that somebody threw away.
    rmSync(copyOf(file), { force: true });
    return;
  }
  const text = readComplete(file) ?? readComplete(copyOf(file));
  if (text === undefined) throw new Error(`${file} is damaged; delete it to start the EVM chain anew`);
  writeFileSync(`${file}.new`, withOriginalGenesis(text));
  renameSync(`${file}.new`, file);
  copyFileSync(file, copyOf(file));
}

/** Keeps a complete copy of anvil's state beside it, until `ended` resolves. */
export function keepCopyOfStateFile(file: string, ended: Promise<unknown>): void {
  let hasEnded = false;
  let isBusy = false;
  let seen = '';
  let copied = '';
  let nextCopyAt = 0;

  async function look(): Promise<void> {
    const before = await versionOf(file);
    const isQuiet = before === seen;
    seen = before;
    if (!isQuiet || before === copied || Date.now() < nextCopyAt) return;
    await copyFile(file, `${copyOf(file)}.new`);
    // What anvil left behind when it died may be half a file, and what it writes meanwhile certainly is.
    if (hasEnded || (await versionOf(file)) !== before) return;
    await rename(`${copyOf(file)}.new`, copyOf(file));
    copied = before;
    nextCopyAt = Date.now() + COPY_MS;
  }

  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    look()
      .catch(() => undefined)
      .finally(() => (isBusy = false));
  }, LOOK_MS).unref();
  void ended.then(() => {
    hasEnded = true;
    clearInterval(timer);
  });
}

function copyOf(file: string): string {
  return `${file}.previous`;
}

async function versionOf(file: string): Promise<string> {
  const { mtimeMs, size } = await stat(file);
  return `${mtimeMs} ${size}`;
}

/** The text of the file, or undefined when it is missing or torn. */
function readComplete(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}
