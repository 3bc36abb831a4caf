import type { Network } from '@tollkeeper/protocol';
import { readRpcLimits, type RpcLimits } from './rpc-config.js';
import type { Secret } from './secret.js';
import { readSettlementConfig, type SettlementConfig } from './settlement-config.js';
import { Variables, type ReadVariables, type SignerKey } from './variable-schema.js';
import type { VariableName } from './variables.js';
import { wellKnownAddresses } from './well-known-keys.js';

export type Environment = 'development' | 'production';

/**
 * all: takes payments and signs. api: takes payments and leaves the signing to others, so that it holds no key. settler: signs
 * what others have taken.
 */
export type Role = 'all' | 'api' | 'settler';

/** One configured network. Every part of it is there, or the configuration was refused. */
export interface NetworkConfig {
  readonly network: Network;
  /** Endpoints that stand in for each other, at least one. */
  readonly rpcUrls: readonly Secret[];
  readonly rpc: RpcLimits;
  readonly signers: readonly SignerKey[];
  /** Tokens accepted besides the known stablecoins. */
  readonly assets: readonly string[];
}

export interface Config {
  readonly environment: Environment;
  readonly role: Role;
  readonly host: string;
  readonly port: number;
  readonly logLevel: string;
  readonly dataDir: string;
  /** Absent: the embedded database. */
  readonly databaseUrl: Secret | undefined;
  readonly databaseOwnerUrl: Secret | undefined;
  /** 64 hex characters. Absent: generated into `dataDir`, which production refuses. */
  readonly walletEncryptionKey: Secret | undefined;
  /** Opens what was sealed under it, while the encryption key is rotated. */
  readonly walletEncryptionKeyPrevious: Secret | undefined;
  /** What `tollkeeper encryption rotate` seals the deposit keys under; known to the service before that begins. */
  readonly walletEncryptionKeyNext: Secret | undefined;
  readonly evm: NetworkConfig | undefined;
  readonly svm: NetworkConfig | undefined;
  readonly settlement: SettlementConfig;
  /** How long a transfer between wallets waits for its claim unless its request says otherwise. */
  readonly transferLifetimeSeconds: number;
  readonly reconcileIntervalSeconds: number;
}

/** The configuration is wrong. The message names every variable and what to do, and no value. */
export interface ConfigProblem {
  readonly variable: VariableName;
  readonly problem: string;
}

export type ConfigResult =
  { readonly ok: true; readonly config: Config } | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

type Given = Readonly<Record<string, string | undefined>>;

/** Reads the environment and reports every problem at once. An empty or blank variable counts as absent. */
export function readConfig(env: Given): ConfigResult {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  );
  const environment = given['ENVIRONMENT'] === 'development' ? 'development' : 'production';
  const problems = [
    ...incompleteNetwork(given, 'EVM'),
    ...incompleteNetwork(given, 'SVM'),
    ...(environment === 'production' ? missingInProduction(given) : []),
  ];
  const parsed = Variables.safeParse(given);
  const malformed = (parsed.error?.issues ?? []).map(({ path, message }) => ({
    variable: path[0] as VariableName,
    problem: message,
  }));
  // All variables are optional here, so what remains without the malformed ones can be read, and judged too.
  const misread = new Set<string>(malformed.map(({ variable }) => variable));
  const read = Variables.parse(Object.fromEntries(Object.entries(given).filter(([name]) => !misread.has(name))));
  if (environment === 'production') problems.push(...unsafeInProduction(read));
  problems.unshift(...malformed);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, config: toConfig(read, environment) };
}

function toConfig(read: ReadVariables, environment: Environment): Config {
  return Object.freeze({
    environment,
    role: read.ROLE ?? 'all',
    host: read.HOST ?? (environment === 'production' ? '0.0.0.0' : '127.0.0.1'),
    port: read.PORT ?? 4022,
    logLevel: read.LOG_LEVEL ?? 'info',
    dataDir: read.DATA_DIR ?? './data',
    databaseUrl: read.DATABASE_URL,
    databaseOwnerUrl: read.DATABASE_OWNER_URL ?? read.DATABASE_URL,
    walletEncryptionKey: read.WALLET_ENCRYPTION_KEY,
    walletEncryptionKeyPrevious: read.WALLET_ENCRYPTION_KEY_PREVIOUS,
    walletEncryptionKeyNext: read.WALLET_ENCRYPTION_KEY_NEXT,
    evm: networkConfig(read, 'EVM'),
    svm: networkConfig(read, 'SVM'),
    settlement: readSettlementConfig(read),
    transferLifetimeSeconds: read.TRANSFER_LIFETIME_SECONDS ?? 86_400,
    reconcileIntervalSeconds: read.RECONCILE_INTERVAL_SECONDS ?? 900,
  });
}

function networkConfig(read: ReadVariables, prefix: 'EVM' | 'SVM'): NetworkConfig | undefined {
  const network = read[`${prefix}_NETWORK`];
  const rpcUrls = read[`${prefix}_RPC_URL`];
  const signers = read[`${prefix}_PRIVATE_KEY`] ?? read[`${prefix}_SIGNER_ADDRESS`];
  if (network === undefined || rpcUrls === undefined || signers === undefined) return undefined;
  const rpc = readRpcLimits(read, prefix);
  return { network, rpcUrls, rpc, signers, assets: read[`${prefix}_ASSETS`] ?? [] };
}

/** A chain that is configured by half is a mistake, not a chain that is left out. */
function incompleteNetwork(given: Given, prefix: 'EVM' | 'SVM'): ConfigProblem[] {
  const signer = given['ROLE'] === 'api' ? (`${prefix}_SIGNER_ADDRESS` as const) : (`${prefix}_PRIVATE_KEY` as const);
  const needed = [`${prefix}_NETWORK`, `${prefix}_RPC_URL`, signer] as const;
  const present = needed.filter((name) => given[name] !== undefined);
  if (present.length === 0 && given[`${prefix}_ASSETS`] === undefined) return [];
  return needed
    .filter((name) => !present.includes(name))
    .map((variable) => ({ variable, problem: `is missing; a network needs ${needed.join(', ')} together` }));
}

function missingInProduction(given: Given): ConfigProblem[] {
  const needed = [
    { variable: 'DATABASE_URL', problem: 'is missing; the embedded database is for development only' },
    { variable: 'WALLET_ENCRYPTION_KEY', problem: 'is missing; make one with `openssl rand -hex 32`' },
  ] as const;
  return needed.filter(({ variable }) => given[variable] === undefined);
}

function unsafeInProduction(read: ReadVariables): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const variable of ['WALLET_ENCRYPTION_KEY', 'WALLET_ENCRYPTION_KEY_NEXT'] as const) {
    if (/^(.)\1+$/.test(read[variable]?.reveal() ?? '')) {
      problems.push({ variable, problem: 'is a placeholder; make one with `openssl rand -hex 32`' });
    }
  }
  for (const variable of ['EVM_PRIVATE_KEY', 'SVM_PRIVATE_KEY'] as const) {
    if (read[variable]?.some(({ address }) => wellKnownAddresses.has(address)) === true) {
      problems.push({ variable, problem: 'is a publicly known test key; anybody can spend what its account holds' });
    }
  }
  return problems;
}

/** The problems as lines for a terminal. */
export function describeProblems(problems: readonly ConfigProblem[]): string {
  return ['The configuration is not usable:', ...problems.map((each) => `  ${each.variable} ${each.problem}`)].join(
    '\n',
  );
}
