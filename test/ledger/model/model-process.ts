import { deepStrictEqual } from 'node:assert';
import { openDatabase } from '@tollkeeper/database';
import fc from 'fast-check';
import { operations, ownWallets } from './operations.js';
import { createRealLedger } from './real-ledger.js';
import { createReferenceLedger } from './reference-ledger.js';

/** What a process of the model test is told. */
export interface ModelTask {
  readonly databaseUrl: string;
  readonly scope: string;
  readonly wallets: readonly string[];
  readonly seed: number;
  readonly operations: number;
}

/** What it found when every operation had come to what the reference says. Amounts are decimal texts. */
export interface ModelResult {
  readonly outcomes: Readonly<Record<string, number>>;
  /** What it brought to each shared wallet. */
  readonly brought: readonly string[];
  readonly deposited: string;
}

const balancesEvery = 25;

process.once('message', (task: ModelTask) => {
  run(task).then(
    (result) => process.send?.({ result }, () => process.disconnect()),
    (error: unknown) =>
      process.send?.({ failure: error instanceof Error ? error.message : String(error) }, () => process.exit(1)),
  );
});

async function run(task: ModelTask): Promise<ModelResult> {
  const database = await openDatabase({ url: task.databaseUrl, poolSize: 4, onWarning: () => undefined });
  try {
    return await compare(task, createRealLedger({ ...task, database }));
  } finally {
    await database.close();
  }
}

/** Carries the same operations out on both, and stops at the first difference. */
async function compare(task: ModelTask, real: ReturnType<typeof createRealLedger>): Promise<ModelResult> {
  const reference = createReferenceLedger();
  const outcomes: Record<string, number> = {};
  const chosen = fc.sample(operations, { seed: task.seed, numRuns: task.operations });
  for (const [index, operation] of chosen.entries()) {
    const expected = reference.apply(operation);
    const where = `operation ${index} of ${task.scope}, seed ${task.seed}: ${operation.kind}`;
    deepStrictEqual(await real.apply(operation), expected, `${where} came to another end than ${expected.join(', ')}`);
    for (const outcome of expected) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    const isRefused = expected.some((outcome) => outcome !== 'done');
    // What is refused leaves everything as it was; what is done is looked at now and then.
    if (isRefused || index % balancesEvery === 0 || index === chosen.length - 1) await compareBalances(where);
  }
  return {
    outcomes,
    brought: reference
      .balances()
      .slice(ownWallets)
      .map(({ balance }) => balance.toString()),
    deposited: reference.deposited().toString(),
  };

  async function compareBalances(where: string): Promise<void> {
    const escrow = reference.escrow();
    const expected = reference
      .balances()
      .slice(0, ownWallets)
      .map((line, wallet) => ({ ...line, escrow: escrow[wallet] ?? 0n }));
    deepStrictEqual(texts(await real.balances()), texts(expected), `${where} left other balances`);
  }
}

function texts(lines: readonly Readonly<Record<string, bigint>>[]) {
  return lines.map((line) => Object.fromEntries(Object.entries(line).map(([name, value]) => [name, value.toString()])));
}
