import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPlantedRepository, packageNames, repositoryRoot, type PlantedRepository } from './planted-repository.js';

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
}

/** One import that must be refused: the rule that refuses it, the file it stands in, and what that file says. */
interface Breach {
  readonly rule: string;
  readonly file: string;
  readonly text: string;
}

const thirdParty = ['ethers', '@solana/web3.js', '@prisma/client', 'pg', 'fastify', 'litesvm', '@x402/fetch', 'vitest'];

/** What another package must not reach, and one file that a rule may not see. */
const surroundings = {
  'packages/database/src/testing/index.ts': 'export {};\n',
  'packages/evm/src/index.ts': 'export const part = 1;\n',
  'packages/evm/src/verify.ts': 'export const verify = 1;\n',
  'packages/facilitator/src/compose.ts': "import { part } from '@tollkeeper/evm';\nexport const composed = part;\n",
  'packages/facilitator/src/routes.ts':
    "import type { part } from '@tollkeeper/evm';\nexport type Part = typeof part;\n",
  'packages/ledger/src/balance.test.ts': "import '@tollkeeper/database/testing';\n",
  'packages/svm/src/verify.test.ts': "import '@tollkeeper/sandbox';\nimport 'litesvm';\n",
  'test/e2e.test.ts': "import '@tollkeeper/facilitator';\nimport '@x402/fetch';\nimport '@solana/web3.js';\n",
};

const breaches: readonly Breach[] = [
  { rule: 'protocol-imports', file: 'packages/protocol/src/planted.ts', text: "import '@tollkeeper/evm';" },
  { rule: 'evm-imports', file: 'packages/evm/src/planted.ts', text: "import '@tollkeeper/svm';" },
  { rule: 'svm-imports', file: 'packages/svm/src/planted.ts', text: "import '@tollkeeper/ledger';" },
  { rule: 'database-imports', file: 'packages/database/src/planted.ts', text: "import '@tollkeeper/ledger';" },
  { rule: 'ledger-imports', file: 'packages/ledger/src/planted.ts', text: "import '@tollkeeper/evm';" },
  { rule: 'facilitator-imports', file: 'packages/facilitator/src/planted.ts', text: "import '@tollkeeper/sandbox';" },
  { rule: 'client-imports', file: 'packages/client/src/planted.ts', text: "import '@tollkeeper/database';" },
  { rule: 'evm-test-imports', file: 'packages/evm/src/planted.test.ts', text: "import '@tollkeeper/ledger';" },
  {
    rule: 'ethers-belongs-to-evm',
    file: 'packages/facilitator/src/signs.ts',
    text: "import { Wallet } from 'ethers';\nexport { Wallet };",
  },
  {
    rule: 'solana-belongs-to-svm-and-sandbox',
    file: 'packages/facilitator/src/cluster.ts',
    text: "import type { Connection } from '@solana/web3.js';\nexport type Cluster = Connection;",
  },
  { rule: 'postgres-belongs-to-database', file: 'packages/ledger/src/pool.ts', text: "import 'pg';" },
  { rule: 'postgres-belongs-to-database', file: 'packages/ledger/src/client.ts', text: "import '@prisma/client';" },
  { rule: 'service-belongs-to-facilitator', file: 'packages/protocol/src/server.ts', text: "import 'fastify';" },
  { rule: 'local-chains-belongs-to-sandbox', file: 'packages/svm/src/vm.ts', text: "import 'litesvm';" },
  { rule: 'local-chains-belongs-to-sandbox', file: 'packages/client/src/pay.ts', text: "import '@x402/fetch';" },
  {
    rule: 'no-insides-of-another-package',
    file: 'packages/sandbox/src/reaches.ts',
    text: "import '../../facilitator/src/compose.js';",
  },
  {
    rule: 'no-insides-of-another-package',
    file: 'packages/facilitator/src/compose.test.ts',
    text: "import '../../evm/src/verify.js';",
  },
  {
    rule: 'no-insides-in-cross-package-tests',
    file: 'test/reaches.test.ts',
    text: "import '../packages/evm/src/verify.js';",
  },
  {
    rule: 'only-compose-knows-the-chains',
    file: 'packages/facilitator/src/constructs.ts',
    text: "import { part } from '@tollkeeper/evm';\nexport const constructed = part;",
  },
  {
    rule: 'testing-is-for-tests',
    file: 'packages/ledger/src/tested.ts',
    text: "import '@tollkeeper/database/testing';",
  },
  { rule: 'no-cycles', file: 'packages/svm/src/chicken.ts', text: "import './egg.js';" },
  { rule: 'no-tests-in-source', file: 'packages/svm/src/uses-test.ts', text: "import './verify.test.js';" },
  { rule: 'no-tests-in-source', file: 'packages/svm/src/asserts.ts', text: "import 'vitest';" },
  { rule: 'declared-dependencies', file: 'packages/svm/src/undeclared.ts', text: "import 'fastify';" },
  { rule: 'resolvable', file: 'packages/svm/src/lost.ts', text: "import './nowhere.js';" },
  { rule: 'says-what-it-is-for', file: 'packages/svm/src/vague.ts', text: "import './utils.js';" },
  { rule: 'says-what-it-is-for', file: 'packages/svm/src/camel.ts', text: "import './someThing.js';" },
];

async function createRepository(): Promise<PlantedRepository> {
  const repository = await createPlantedRepository('.dependency-cruiser.cjs');
  for (const name of thirdParty) {
    await repository.plant({
      [`node_modules/${name}/package.json`]: JSON.stringify({ name, version: '1.0.0', main: 'index.js' }),
      [`node_modules/${name}/index.js`]: '',
    });
  }
  await mkdir(join(repository.root, 'node_modules/@tollkeeper'));
  for (const name of packageNames) {
    await symlink(join('../../packages', name), join(repository.root, 'node_modules/@tollkeeper', name));
  }
  await repository.plant(surroundings);
  return repository;
}

async function findViolations(root: string): Promise<readonly Violation[]> {
  const cruiser = join(repositoryRoot, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const output = await new Promise<string>((resolve, reject) => {
    // Violations make the exit code non-zero, so only an empty answer is a failure to run.
    execFile(
      process.execPath,
      [cruiser, '.', '--output-type', 'json'],
      { cwd: root, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (stdout === '') reject(new Error(stderr, { cause: error }));
        else resolve(stdout);
      },
    );
  });
  return (JSON.parse(output) as { summary: { violations: Violation[] } }).summary.violations;
}

describe('import boundaries', () => {
  let repository: PlantedRepository;
  let before: readonly Violation[];
  let after: readonly Violation[];

  beforeAll(async () => {
    repository = await createRepository();
    before = await findViolations(repository.root);
    await repository.plant({
      'packages/svm/src/egg.ts': "import './chicken.js';\n",
      'packages/svm/src/utils.ts': 'export {};\n',
      'packages/svm/src/someThing.ts': 'export {};\n',
    });
    await repository.plant(Object.fromEntries(breaches.map(({ file, text }) => [file, `${text}\n`])));
    after = await findViolations(repository.root);
  }, 300_000);
  afterAll(() => repository.remove());

  test('allowed imports pass', () => {
    expect(before).toEqual([]);
  });

  test.each(breaches)('$rule refuses what $file imports', ({ rule, file }) => {
    expect(after.filter(({ from }) => from === file).map((violation) => violation.rule.name)).toContain(rule);
  });

  test('the check looks at the whole repository, as this test does', async () => {
    const { scripts } = JSON.parse(await readFile(join(repositoryRoot, 'package.json'), 'utf8')) as {
      scripts: { boundaries: string };
    };
    expect(scripts.boundaries).toBe('depcruise .');
  });

  test('only the planted files are refused', () => {
    const planted = new Set(breaches.map(({ file }) => file));
    expect(after.filter(({ from }) => !planted.has(from))).toEqual([]);
  });
});
