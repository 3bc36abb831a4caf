import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { getBase58Decoder } from '@solana/kit';
import { generateDepositKey as generateEvmKey } from '@tollkeeper/evm';
import { baseMainnet, baseSepolia, solanaDevnet, solanaMainnet } from '@tollkeeper/protocol';
import { sandboxKeys } from '@tollkeeper/sandbox';
import { generateDepositKey as generateSvmKey } from '@tollkeeper/svm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeProblems, readConfig, type Config } from './config.js';
import { configurationVariables, type VariableName } from './variables.js';

type Variables = Partial<Record<VariableName, string>>;

const base58 = (bytes: Uint8Array) => getBase58Decoder().decode(bytes);
const ownEvmKey = generateEvmKey();
const ownSvmKey = generateSvmKey();
const evmKeyText = `0x${Buffer.from(ownEvmKey.secret).toString('hex')}`;
const svmKeyText = base58(ownSvmKey.secret);

const evm: Variables = {
  EVM_NETWORK: 'eip155:84532',
  EVM_RPC_URL: 'http://127.0.0.1:8545',
  EVM_PRIVATE_KEY: evmKeyText,
};
const svm: Variables = { SVM_NETWORK: solanaDevnet, SVM_RPC_URL: 'http://127.0.0.1:8899', SVM_PRIVATE_KEY: svmKeyText };
const production: Variables = {
  DATABASE_URL: 'postgresql://tollkeeper:correct-horse@db.internal:5432/tollkeeper',
  WALLET_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
};

function configOf(variables: Variables): Config {
  const result = readConfig(variables);
  if (!result.ok) throw new Error(describeProblems(result.problems));
  return result.config;
}

/** The variables that are refused, each with what is wrong. */
function problemsOf(variables: Variables): Readonly<Record<string, string>> {
  const result = readConfig(variables);
  return result.ok ? {} : Object.fromEntries(result.problems.map(({ variable, problem }) => [variable, problem]));
}

describe('an empty environment', () => {
  test('in development, has a default for everything and no network', () => {
    expect(configOf({ ENVIRONMENT: 'development' })).toEqual({
      environment: 'development',
      role: 'all',
      host: '127.0.0.1',
      port: 4022,
      logLevel: 'info',
      dataDir: './data',
      databaseUrl: undefined,
      databaseOwnerUrl: undefined,
      walletEncryptionKey: undefined,
      walletEncryptionKeyPrevious: undefined,
      walletEncryptionKeyNext: undefined,
      evm: undefined,
      svm: undefined,
      settlement: {
        waitMs: 20_000,
        queueMax: 5_000,
        replaceAfterMs: 15_000,
        payerFailuresMax: 5,
        minimumAmount: 1n,
        dailyBudget: { eip155: undefined, solana: undefined },
        signerBalanceMin: { eip155: 100_000_000_000_000n, solana: 5_000_000n },
        evmLimits: {},
        svmLimits: {},
      },
      transferLifetimeSeconds: 86_400,
      reconcileIntervalSeconds: 900,
    });
  });

  test('means production, which lacks a database and a key', () => {
    expect(problemsOf({})).toEqual({
      DATABASE_URL: expect.stringContaining('embedded database is for development only') as string,
      WALLET_ENCRYPTION_KEY: expect.stringContaining('openssl rand -hex 32') as string,
    });
  });

  test('and one of empty and blank values are the same', () => {
    const blank = Object.fromEntries(configurationVariables.map(({ name }, n) => [name, n % 2 === 0 ? '' : '  ']));
    expect(problemsOf(blank)).toEqual(problemsOf({}));
    expect(configOf({ ...blank, ENVIRONMENT: 'development' })).toEqual(configOf({ ENVIRONMENT: 'development' }));
  });
});

test('production with what it needs listens to everybody, and migrates as the owner where one is named', () => {
  const config = configOf({ ...production, ...evm, ...svm });
  expect(config).toMatchObject({ environment: 'production', host: '0.0.0.0' });
  expect(config.databaseOwnerUrl?.reveal()).toBe(production.DATABASE_URL);
  const owner = 'postgres://owner@db.internal/tollkeeper';
  expect(configOf({ ...production, DATABASE_OWNER_URL: owner }).databaseOwnerUrl?.reveal()).toBe(owner);
});

test('the configuration cannot be changed', () => {
  const config = configOf({ ENVIRONMENT: 'development' });
  expect(() => Object.assign(config, { environment: 'production' })).toThrow(TypeError);
});

describe('a network', () => {
  const development: Variables = { ENVIRONMENT: 'development' };

  test('is read with its signer, whose address it knows', () => {
    const config = configOf({ ...development, ...evm, ...svm });
    expect(config.evm).toMatchObject({ network: baseSepolia, assets: [] });
    expect(config.evm?.rpcUrls.map((url) => url.reveal())).toEqual(['http://127.0.0.1:8545']);
    expect(config.evm?.signers.map(({ address, key }) => [address, key?.reveal()])).toEqual([
      [ownEvmKey.address, evmKeyText],
    ]);
    expect(config.svm).toMatchObject({ network: solanaDevnet, assets: [] });
    expect(config.svm?.signers.map(({ address }) => address)).toEqual([ownSvmKey.address]);
  });

  test.each([
    ['base', 'solana', baseMainnet, solanaMainnet],
    ['base-sepolia', 'solana-devnet', baseSepolia, solanaDevnet],
    [baseMainnet, solanaMainnet, baseMainnet, solanaMainnet],
  ])('may be named %s or %s', (evmName, svmName, evmNetwork, svmNetwork) => {
    const config = configOf({ ...development, ...evm, ...svm, EVM_NETWORK: evmName, SVM_NETWORK: svmName });
    expect([config.evm?.network, config.svm?.network]).toEqual([evmNetwork, svmNetwork]);
  });

  test.each(['EVM', 'SVM'] as const)('%s that is configured by half is refused, part by part', (prefix) => {
    const all = prefix === 'EVM' ? evm : svm;
    const names = Object.keys(all) as VariableName[];
    for (const missing of names) {
      const rest = Object.fromEntries(Object.entries(all).filter(([name]) => name !== missing));
      expect(problemsOf({ ...development, ...rest })).toEqual({
        [missing]: expect.stringContaining('is missing') as string,
      });
    }
    const assets: Variables = { [`${prefix}_ASSETS`]: '' };
    expect(problemsOf({ ...development, ...assets })).toEqual({});
    const named: Variables = { [`${prefix}_ASSETS`]: 'some token' };
    expect(Object.keys(problemsOf({ ...development, ...named }))).toEqual(expect.arrayContaining(names));
  });

  test('has a list of tokens, with spaces and empty places as people write them, in canonical form', () => {
    const config = configOf({
      ...development,
      ...evm,
      ...svm,
      EVM_ASSETS: ' 0x036cbd53842c5426634e7929541ec2318f3dcf7e , ,0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913,',
      SVM_ASSETS: '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU , ',
    });
    expect(config.evm?.assets).toEqual([
      '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
      '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
    ]);
    expect(config.svm?.assets).toEqual(['4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU']);
  });

  test('may have several EVM signers, but a list without a key is none', () => {
    const second = sandboxKeys.evm.facilitator2;
    const config = configOf({ ...development, ...evm, EVM_PRIVATE_KEY: `${evmKeyText} , ${second.privateKey}` });
    expect(config.evm?.signers.map(({ address }) => address)).toEqual([ownEvmKey.address, second.address]);
    for (const nothing of [',', ' , ']) {
      expect(problemsOf({ ...development, ...evm, EVM_PRIVATE_KEY: nothing })).toHaveProperty('EVM_PRIVATE_KEY');
      expect(problemsOf({ ...development, ...svm, SVM_PRIVATE_KEY: nothing })).toHaveProperty('SVM_PRIVATE_KEY');
    }
  });
});

test.each<[VariableName, string[]]>([
  ['ENVIRONMENT', ['prod', 'Production', 'test']],
  ['PORT', ['65536', '-1', '4022.5', '0x10', '1e3', 'http', ' 80']],
  ['LOG_LEVEL', ['verbose', 'INFO']],
  ['DATABASE_URL', ['localhost', 'mysql://localhost/db', 'postgres//x']],
  ['DATABASE_OWNER_URL', ['mysql://localhost/db']],
  ['WALLET_ENCRYPTION_KEY', ['ab', 'g'.repeat(64), 'a'.repeat(65), `0x${'a'.repeat(62)}`]],
  ['EVM_NETWORK', ['eip155:', 'eip155:0', 'eip155:84532x', solanaDevnet, 'solana', 'Base', 'nowhere']],
  ['EVM_RPC_URL', ['127.0.0.1:8545', 'ws://127.0.0.1:8545', 'file:///etc/passwd']],
  ['EVM_PRIVATE_KEY', ['0x12', `0x${'0'.repeat(64)}`, `0x${'f'.repeat(64)}`, `${evmKeyText}, 0x12`]],
  ['EVM_ASSETS', ['0x036CbD53842c5426634e7929541eC2318f3dCF7E', '0x12', 'USDC']],
  ['SVM_NETWORK', ['eip155:84532', 'base', 'solana:', 'mainnet-beta']],
  ['SVM_RPC_URL', ['ws://127.0.0.1:8900']],
  ['SVM_PRIVATE_KEY', ['base58', ownSvmKey.address, `${svmKeyText},${svmKeyText}`, base58(randomBytes(64))]],
  ['SVM_ASSETS', ['USDC', '0x036CbD53842c5426634e7929541eC2318f3dCF7e']],
  ['SETTLE_WAIT_MS', ['999', '60001', '20s']],
  ['TRANSFER_LIFETIME_SECONDS', ['0', '2592001', '1d']],
  ['RECONCILE_INTERVAL_SECONDS', ['9', '86401', '15m']],
  ['WALLET_ENCRYPTION_KEY_NEXT', ['ab', 'g'.repeat(64)]],
  ['WALLET_ENCRYPTION_KEY_PREVIOUS', ['ab', 'g'.repeat(64)]],
])('%s refuses what it cannot be', (variable, values) => {
  for (const value of values) {
    const variables = { ENVIRONMENT: 'development', ...production, ...evm, ...svm, [variable]: value };
    expect(Object.keys(problemsOf(variables)), value).toEqual([variable]);
  }
});

test('every problem is reported at once, by the name of its variable', () => {
  const wrong: Variables = {
    PORT: 'http',
    LOG_LEVEL: 'loud',
    DATABASE_URL: 'localhost',
    EVM_NETWORK: 'nowhere',
    EVM_RPC_URL: 'ftp://node',
    SVM_RPC_URL: 'https://node.example/?key=s3cr3t',
  };
  const expected = [
    ...['DATABASE_URL', 'EVM_NETWORK', 'EVM_PRIVATE_KEY', 'EVM_RPC_URL', 'LOG_LEVEL', 'PORT'],
    ...['SVM_NETWORK', 'SVM_PRIVATE_KEY', 'WALLET_ENCRYPTION_KEY'],
  ];
  expect(Object.keys(problemsOf(wrong)).sort()).toEqual(expected);
  const result = readConfig(wrong);
  const lines = result.ok ? [] : describeProblems(result.problems).split('\n');
  expect(
    lines
      .slice(1)
      .map((line) => line.trim().split(' ')[0])
      .sort(),
  ).toEqual(expected);
});

test('a malformed variable hides nothing that production refuses in others', () => {
  const result = readConfig({ PORT: 'x', DATABASE_URL: 'postgresql://h/d', WALLET_ENCRYPTION_KEY: '0'.repeat(64) });
  const variables = result.ok ? [] : result.problems.map(({ variable }) => variable);
  expect(variables.sort()).toEqual(['PORT', 'WALLET_ENCRYPTION_KEY']);
});

describe('production refuses', () => {
  test.each(['0', 'a', 'F'])('an encryption key that only repeats %s', (digit) => {
    const key = digit.repeat(64);
    expect(problemsOf({ ...production, WALLET_ENCRYPTION_KEY: key })).toEqual({
      WALLET_ENCRYPTION_KEY: expect.stringContaining('placeholder') as string,
    });
  });

  test.each(Object.entries(sandboxKeys.evm))('the EVM key of the sandbox account %s', (_role, { privateKey }) => {
    const given = { ...production, ...evm, EVM_PRIVATE_KEY: `${evmKeyText},${privateKey}` };
    expect(Object.keys(problemsOf(given))).toEqual(['EVM_PRIVATE_KEY']);
    expect(problemsOf({ ...given, ENVIRONMENT: 'development' })).toEqual({});
  });

  test.each(Object.entries(sandboxKeys.svm))(
    'the Solana key of the sandbox account %s',
    (_role, { privateKeyBase58 }) => {
      const given = { ...production, ...svm, SVM_PRIVATE_KEY: privateKeyBase58 };
      expect(Object.keys(problemsOf(given))).toEqual(['SVM_PRIVATE_KEY']);
      expect(problemsOf({ ...given, ENVIRONMENT: 'development' })).toEqual({});
    },
  );

  test('the keys that the documentation shows as examples', () => {
    const examples: Variables = Object.fromEntries(configurationVariables.map(({ name, example }) => [name, example]));
    const keys = ['EVM_PRIVATE_KEY', 'SVM_PRIVATE_KEY', 'WALLET_ENCRYPTION_KEY'] as const;
    for (const key of keys) {
      const given = { ...production, ...evm, ...svm, [key]: examples[key] };
      expect(Object.keys(problemsOf(given))).toEqual([key]);
    }
  });
});

describe('a secret', () => {
  const secrets = { ...production, ...evm, ...svm, EVM_RPC_URL: 'https://node.example/v2/s3cr3t' };
  const secretTexts = [
    ...['correct-horse', 's3cr3t', svmKeyText, evmKeyText.slice(2)],
    production.WALLET_ENCRYPTION_KEY ?? 'missing',
  ];

  test('is not in the configuration, however it is printed', () => {
    const config = configOf(secrets);
    const printed = [
      JSON.stringify(config, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)),
      inspect(config, { depth: 10, showHidden: true }),
      Object.entries(config),
    ];
    for (const text of secretTexts) expect(String(printed)).not.toContain(text);
  });

  test('is not in a message, whatever is wrong with it', () => {
    const values = fc.stringMatching(/^[!-~]{8,40}$/);
    fc.assert(
      fc.property(fc.constantFrom(...configurationVariables.map(({ name }) => name)), values, (variable, value) => {
        const result = readConfig({ ...secrets, [variable]: value });
        const messages = result.ok ? '' : describeProblems(result.problems);
        for (const text of [...secretTexts, value]) expect(messages).not.toContain(text);
      }),
      { numRuns: 500, examples: [['EVM_PRIVATE_KEY', `${evmKeyText}0`]] },
    );
  });
});
