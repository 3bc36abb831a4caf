// Type-aware linting for code that moves money. Layout belongs to prettier; these rules are about what can go wrong.
import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const TESTS = ['packages/*/src/**/*.test.ts', 'packages/*/src/testing/**/*.ts', 'test/**/*.ts'];
const BENCH = ['bench/**/*.ts'];

/** The only files that may read the wall clock; everything else receives a `Clock`. */
const WALL_CLOCK = ['packages/protocol/src/clock.ts', 'packages/sandbox/**/*.ts', ...TESTS, ...BENCH];

/** The only files that may read the environment; everything else receives a `Config`. */
const ENVIRONMENT = [
  'packages/facilitator/src/config/process-environment.ts',
  'packages/sandbox/src/sandbox-config.ts',
  ...TESTS,
  ...BENCH,
];

/** The only files of the facilitator that build real parts: the service, and the database that the commands share with it. */
const COMPOSITION = ['packages/facilitator/src/compose*.ts', 'packages/facilitator/src/storage.ts'];

const useTheClock = 'Take the time from the injected Clock, so that a test can set it.';
const wallClock = [
  { selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']", message: useTheClock },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: useTheClock },
  { selector: "CallExpression[callee.name='Date']", message: useTheClock },
];

const shape = [
  { selector: 'ExportDefaultDeclaration', message: 'Export by name, so that one thing has one name everywhere.' },
  {
    selector: 'ClassDeclaration:not([id.name=/^(Fault|[A-Za-z]+Error)$/])',
    message: 'Write a function that returns a record of functions; classes are for errors.',
  },
];

const useTheConfig = 'Only the configuration reads the environment; take the value from Config.';
const useTheAmountCodec = 'Money is bigint minor units; parse it with the Amount codec.';

/** Reading the environment through an import would slip past `no-restricted-properties`. */
const environmentImports = ['node:process', 'process'].map((name) => ({
  name,
  importNames: ['env'],
  message: useTheConfig,
}));

export default defineConfig(
  {
    name: 'tollkeeper/ignored',
    ignores: ['**/dist/', 'packages/database/src/generated/', 'coverage/', 'data/', 'test/tooling/fixtures/'],
  },
  { name: 'tollkeeper/directives', linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  { name: 'tollkeeper/everywhere', rules: { eqeqeq: 'error' } },
  {
    name: 'tollkeeper/scripts',
    files: ['**/*.{js,cjs,mjs}'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        module: 'writable',
        require: 'readonly',
        __dirname: 'readonly',
      },
    },
  },
  {
    // One program for the whole repository: half the time of one per package, and it reads source, not build output.
    name: 'tollkeeper/typed',
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: 'tsconfig.lint.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Fastify handlers and the ports are async by contract, whether or not one of them awaits.
      '@typescript-eslint/require-await': 'off',
      // A bigint counts as a number here.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // A new payment state must show up in every switch over states, so `default` does not count as handled.
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    name: 'tollkeeper/size',
    files: ['**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 300 }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/max-params': ['error', { max: 3 }],
    },
  },
  {
    name: 'tollkeeper/money-and-effects',
    files: ['packages/**/*.ts', 'test/**/*.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-globals': [
        'error',
        { globals: [{ name: 'parseFloat', message: useTheAmountCodec }], checkGlobalObject: true },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Number', property: 'parseFloat', message: useTheAmountCodec },
        { object: 'process', property: 'env', message: useTheConfig },
      ],
      'no-restricted-imports': ['error', { paths: environmentImports }],
      'no-restricted-syntax': ['error', ...wallClock, ...shape],
    },
  },
  {
    name: 'tollkeeper/composition',
    files: ['packages/facilitator/src/**/*.ts'],
    ignores: [...COMPOSITION, ...TESTS],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: environmentImports,
          patterns: [
            {
              group: ['@tollkeeper/*'],
              // These reach nothing outside; whoever is called by many joins their calls with one of its own.
              importNamePattern: '^(create(?!Batcher$|GroupCommit$)|open|start|connect)',
              message: 'compose.ts builds the real parts; receive this one as an argument.',
            },
          ],
        },
      ],
    },
  },
  { name: 'tollkeeper/wall-clock', files: WALL_CLOCK, rules: { 'no-restricted-syntax': ['error', ...shape] } },
  {
    name: 'tollkeeper/environment',
    files: ENVIRONMENT,
    rules: {
      'no-restricted-imports': 'off',
      'no-restricted-properties': ['error', { object: 'Number', property: 'parseFloat', message: useTheAmountCodec }],
    },
  },
  {
    name: 'tollkeeper/test-size',
    files: [...TESTS, ...BENCH],
    rules: {
      'max-lines': ['error', { max: 600 }],
      'max-lines-per-function': 'off',
      '@typescript-eslint/max-params': 'off',
    },
  },
);
