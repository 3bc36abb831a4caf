import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import solc from 'solc';

const folder = new URL('./', import.meta.url);
const artifactFile = new URL('../src/evm/contract-artifacts.ts', import.meta.url);

/** The contracts that the sandbox places. The chain takes runtime code, so none of them may need its constructor. */
const placed = [
  'FeeToken',
  'GasBurnerToken',
  'LyingFeeToken',
  'Multicall3',
  'PlainToken',
  'SilentToken',
  'TestSmartWalletFactory',
  'TestUsdc',
  'TrapToken',
];
const called = ['GasBurnerToken', 'Multicall3', 'PlainToken', 'TestSmartWallet', 'TestSmartWalletFactory', 'TestUsdc'];

/** Compiles the contracts of this folder and returns the text of the artifact module. */
export function compileContracts() {
  const names = readdirSync(folder).filter((name) => name.endsWith('.sol'));
  const sources = names.map((name) => [name, { content: readFileSync(new URL(name, folder), 'utf8') }]);
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries(sources),
    settings: {
      optimizer: { enabled: true, runs: 10_000 },
      evmVersion: 'cancun',
      // Without metadata the bytecode depends on the code alone, not on comments.
      metadata: { bytecodeHash: 'none', appendCBOR: false },
      outputSelection: { '*': { '*': ['abi', 'evm.deployedBytecode.object'] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const problems = output.errors ?? [];
  if (problems.length > 0) throw new Error(problems.map((problem) => problem.formattedMessage).join('\n'));
  return render(Object.assign({}, ...Object.values(output.contracts)));
}

function render(contracts) {
  const code = (name) => JSON.stringify(`0x${contracts[name].evm.deployedBytecode.object}`);
  const entries = placed.map((name) => `  ${lowerFirst(name)}: ${code(name)},\n`).join('');
  const abis = called.map((name) => declaration(`${lowerFirst(name)}Abi`, JSON.stringify(contracts[name].abi)));
  const parts = [
    '// Written by `npm run contracts` from packages/sandbox/contracts; do not edit.\n',
    '/** Runtime code by contract. */',
    declaration('contractCode', `{\n${entries}}`),
    ...abis,
  ];
  return parts.join('\n');
}

function declaration(name, value) {
  return `// prettier-ignore\nexport const ${name} = ${value} as const;\n`;
}

function lowerFirst(name) {
  return name[0].toLowerCase() + name.slice(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(artifactFile, compileContracts());
