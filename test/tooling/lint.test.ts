import { execFile } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPlantedRepository, repositoryRoot, type PlantedRepository } from './planted-repository.js';

interface LintResult {
  readonly filePath: string;
  readonly messages: readonly { readonly ruleId: string | null; readonly message: string }[];
}

/** What each file says, and the rule that refuses it; no rule: it is allowed there. */
const plants: readonly { readonly rule?: string; readonly file: string; readonly text: string }[] = [
  { rule: 'no-restricted-globals', file: 'packages/evm/src/fee.ts', text: "export const fee = parseFloat('1');" },
  {
    rule: 'no-restricted-globals',
    file: 'packages/evm/src/global.ts',
    text: "export const fee = globalThis.parseFloat('1');",
  },
  {
    rule: 'no-restricted-properties',
    file: 'packages/evm/src/number.ts',
    text: "export const fee = Number.parseFloat('1');",
  },
  { rule: 'no-restricted-syntax', file: 'packages/ledger/src/now.ts', text: 'export const now = Date.now();' },
  { rule: 'no-restricted-syntax', file: 'packages/ledger/src/date.ts', text: 'export const now = new Date();' },
  { file: 'packages/ledger/src/parsed.ts', text: 'export const date = new Date(0);' },
  { file: 'packages/protocol/src/clock.ts', text: 'export const systemNow = () => new Date();' },
  { file: 'packages/sandbox/src/slot.ts', text: 'export const now = Date.now();' },
  { file: 'packages/ledger/src/now.test.ts', text: 'export const now = Date.now();' },
  { rule: 'no-restricted-syntax', file: 'packages/ledger/src/default.ts', text: 'export default 1;' },
  {
    rule: 'no-restricted-syntax',
    file: 'packages/ledger/src/class.ts',
    text: 'export class Book {\n  readonly pages = 1;\n}',
  },
  { file: 'packages/protocol/src/faults.ts', text: 'export class Fault extends Error {}' },
  {
    rule: 'no-restricted-properties',
    file: 'packages/facilitator/src/reads.ts',
    text: "export const port = process.env['PORT'];",
  },
  {
    rule: 'no-restricted-imports',
    file: 'packages/facilitator/src/imports.ts',
    text: "import { env } from 'node:process';\nexport const port = env['PORT'];",
  },
  {
    file: 'packages/facilitator/src/config/process-environment.ts',
    text: "export const port = process.env['PORT'];",
  },
  {
    rule: 'no-restricted-imports',
    file: 'packages/facilitator/src/builds.ts',
    text: "import { createLedger } from '@tollkeeper/ledger';\nexport const ledger = createLedger;",
  },
  {
    file: 'packages/facilitator/src/compose.ts',
    text: "import { createLedger } from '@tollkeeper/ledger';\nexport const ledger = createLedger;",
  },
  { rule: 'no-console', file: 'packages/evm/src/prints.ts', text: "console.log('paid');" },
  {
    rule: '@typescript-eslint/no-floating-promises',
    file: 'packages/evm/src/floats.ts',
    text: 'export const forget = (sent: Promise<void>): void => {\n  sent.then(() => 1);\n};',
  },
  {
    rule: '@typescript-eslint/no-floating-promises',
    file: 'test/floats.test.ts',
    text: 'export const forget = (sent: Promise<void>): void => {\n  sent.then(() => 1);\n};',
  },
  {
    rule: '@typescript-eslint/switch-exhaustiveness-check',
    file: 'packages/evm/src/switches.ts',
    text: [
      "export const next = (state: 'signed' | 'sent'): number => {",
      "  switch (state) {\n    case 'signed':\n      return 1;\n    default:\n      return 2;\n  }\n};",
    ].join('\n'),
  },
  {
    rule: '@typescript-eslint/restrict-template-expressions',
    file: 'packages/evm/src/template.ts',
    text: 'export const text = (value: object): string => `${value}`;',
  },
  {
    file: 'packages/evm/src/numbers.ts',
    text: 'export const text = (value: bigint, count: number): string => `${value} ${count}`;',
  },
  {
    rule: '@typescript-eslint/max-params',
    file: 'packages/evm/src/params.ts',
    text: 'export const sum = (a: number, b: number, c: number, d: number): number => a + b + c + d;',
  },
  { rule: 'max-lines', file: 'packages/evm/src/long.ts', text: 'export {};\n'.repeat(301) },
  {
    rule: 'max-lines-per-function',
    file: 'packages/evm/src/long-function.ts',
    text: `export const long = (sum: bigint): bigint => {\n${'  sum += 1n;\n'.repeat(70)}  return sum;\n};`,
  },
];

async function lint(root: string): Promise<readonly LintResult[]> {
  const eslint = join(repositoryRoot, 'node_modules/eslint/bin/eslint.js');
  const output = await new Promise<string>((resolve, reject) => {
    // Findings make the exit code non-zero, so only an empty answer is a failure to run.
    execFile(
      process.execPath,
      [eslint, 'packages', 'test', '--format', 'json'],
      { cwd: root, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (stdout === '') reject(new Error(stderr, { cause: error }));
        else resolve(stdout);
      },
    );
  });
  return JSON.parse(output) as LintResult[];
}

describe('lint rules', () => {
  let repository: PlantedRepository;
  let results: readonly LintResult[];

  beforeAll(async () => {
    repository = await createPlantedRepository('eslint.config.js');
    await symlink(join(repositoryRoot, 'node_modules'), join(repository.root, 'node_modules'));
    await repository.plant(Object.fromEntries(plants.map(({ file, text }) => [file, `${text}\n`])));
    results = await lint(repository.root);
  }, 300_000);
  afterAll(() => repository.remove());

  const rulesIn = (file: string): readonly (string | null)[] =>
    results
      .filter(({ filePath }) => relative(repository.root, filePath) === file)
      .flatMap(({ messages }) => messages.map(({ ruleId }) => ruleId));

  test.each(plants.filter(({ rule }) => rule !== undefined))('$rule refuses $file', ({ rule, file }) => {
    expect(rulesIn(file)).toContain(rule);
  });

  test.each(plants.filter(({ rule }) => rule === undefined))('$file is allowed what only it may do', ({ file }) => {
    const restrictions = rulesIn(file).filter((rule) => rule === null || /^no-(restricted-.*|console)$/.test(rule));
    expect(restrictions).toEqual([]);
    expect(rulesIn(file)).not.toContain('@typescript-eslint/restrict-template-expressions');
  });
});
