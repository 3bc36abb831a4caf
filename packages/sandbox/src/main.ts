import { processEnvironment, readSandboxConfig, sandboxUsage, type SandboxConfig } from './sandbox-config.js';
import { environmentBeside } from './start/environment.js';
import { payAddress } from './start/pay.js';
import { createProgress } from './start/progress.js';
import { startSandbox } from './start/start-sandbox.js';
import { runTollkeeper } from './start/tollkeeper-process.js';

const args = process.argv.slice(2);
if (args[0] === 'pay' || args[0] === 'tollkeeper') process.exit(await runBeside(args[0], args.slice(1)));
if (args.includes('--help') || args.includes('-h')) {
  process.stdout.write(`${sandboxUsage}\n`);
  process.exit(0);
}

const stops: (() => Promise<void>)[] = [];
let stopping: Promise<void> | undefined;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping === undefined) process.stdout.write('\nStopping …\n');
    void stopAll().then(() => process.exit(0));
  });
}

try {
  const config = readSandboxConfig({ env: processEnvironment(), args });
  process.stdout.write('Starting the Tollkeeper sandbox\n');
  const progress = createProgress((text) => process.stdout.write(text));
  const sandbox = await startSandbox(config, { progress, onStop: (stop) => stops.unshift(stop) });
  process.stdout.write(sandbox.description);
  if (!sandbox.allAgree) throw new Error('The payments, the ledger and the chains do not agree; see PROBLEM above.');
  if (config.once) {
    await stopAll();
    process.exit(0);
  }
  process.stdout.write('Running. Ctrl-C stops everything.\n');
  const part = await sandbox.broken;
  if (stopping === undefined) throw new Error(`Stopping, because ${part} has ended by itself.`);
} catch (error) {
  if (stopping === undefined) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    await stopAll();
    process.exit(1);
  }
}

/** Stops the parts in the opposite order of their start, each whatever became of the others. */
function stopAll(): Promise<void> {
  stopping ??= (async () => {
    for (const stop of stops) await stop().catch(() => undefined);
  })();
  return stopping;
}

/** What is done beside a sandbox that runs already. Answers the exit code. */
async function runBeside(what: 'pay' | 'tollkeeper', rest: readonly string[]): Promise<number> {
  try {
    const config = readSandboxConfig({ env: processEnvironment(), args: [] });
    await requireRunning(config);
    if (what === 'tollkeeper') return await runTollkeeper(rest, environmentBeside(config));
    process.stdout.write(`${await payAddress(config, rest)}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

/** Without it the command would start a database of its own, and show books that are not the sandbox's. */
async function requireRunning({ facilitatorPort }: SandboxConfig): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${facilitatorPort}/health`).catch(() => undefined);
  if (answer?.ok !== true) throw new Error(`No sandbox runs on port ${facilitatorPort}; start one with \`npm start\``);
}
