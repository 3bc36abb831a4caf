import { evmAddressOf, parseEvmAddress, parseEvmPrivateKey } from '@tollkeeper/evm';
import { parseSvmAddress, parseSvmSecretKey } from '@tollkeeper/svm';
import { parseNetworkOrName, networkFamily, type Network, type NetworkFamily } from '@tollkeeper/protocol';
import { z } from 'zod';
import { secret, type Secret } from './secret.js';
import type { VariableName } from './variables.js';
import { wellKnownAddresses } from './well-known-keys.js';

export type Environment = 'development' | 'production';

/** An account that signs for us. */
export interface SignerKey {
  readonly key: Secret;
  readonly address: string;
}

/** How patient we are with a network's RPC endpoints. */
export interface RpcLimits {
  readonly rpcTimeoutMs: number;
  readonly rpcCooldownMs: number;
  readonly rpcCompareEveryMs: number;
  /** Blocks. */
  readonly rpcMaximumLag: bigint;
}

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
  readonly settleWaitMs: number;
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

const List = z
  .string()
  .transform((text) => text.split(',').map((item) => item.trim()))
  .transform((items) => items.filter((item) => item !== ''));

const Url = (protocols: readonly string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    error: `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  });

const PostgresUrl = Url(['postgres:', 'postgresql:']).transform(secret);
const RpcUrls = List.transform((texts, context): readonly Secret[] => {
  const url = Url(['http:', 'https:']);
  if (texts.length > 0 && texts.every((text) => url.safeParse(text).success)) return texts.map(secret);
  context.addIssue({
    code: 'custom',
    message: 'must be URLs that start with http:// or https://, separated by commas',
  });
  return z.NEVER;
});
const WholeNumber = (limits: { minimum: number; maximum: number }) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= limits.minimum && value <= limits.maximum, {
      error: `must lie between ${limits.minimum} and ${limits.maximum}`,
    });

const NetworkOf = (family: NetworkFamily) =>
  z.string().transform((text, context): Network => {
    const network = parseNetworkOrName(text);
    if (network !== undefined && networkFamily(network) === family) return network;
    context.addIssue({
      code: 'custom',
      message: `must be a CAIP-2 id such as ${family === 'eip155' ? 'eip155:8453' : 'solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1'}`,
    });
    return z.NEVER;
  });

const EvmKeys = List.transform((keys, context): readonly SignerKey[] => {
  const parsed = keys.map(parseEvmPrivateKey).filter((key) => key !== undefined);
  if (parsed.length > 0 && parsed.length === keys.length)
    return parsed.map((key) => ({ key: secret(key), address: evmAddressOf(key) }));
  context.addIssue({ code: 'custom', message: 'must be 0x and 64 hex characters' });
  return z.NEVER;
});

const SvmKeys = List.transform((keys, context): readonly SignerKey[] => {
  const parsed = keys.map((key) => ({ key: secret(key), address: parseSvmSecretKey(key)?.address ?? '' }));
  if (parsed.length === 1 && parsed.every(({ address }) => address !== '')) return parsed;
  context.addIssue({ code: 'custom', message: 'must be one 64-byte secret key in base58' });
  return z.NEVER;
});

const Tokens = (parse: (text: string) => string | undefined, kind: string) =>
  List.transform((texts, context): readonly string[] => {
    const parsed = texts.map(parse).filter((token) => token !== undefined);
    if (parsed.length === texts.length) return parsed;
    context.addIssue({ code: 'custom', message: `must list ${kind}, separated by commas` });
    return z.NEVER;
  });

const EncryptionKey = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hex characters')
  .transform(secret);

const Variables = z.object({
  ENVIRONMENT: z.enum(['development', 'production'], { error: 'must be development or production' }).optional(),
  PORT: WholeNumber({ minimum: 0, maximum: 65_535 }).optional(),
  HOST: z.string().optional(),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
      error: 'must be trace, debug, info, warn, error or silent',
    })
    .optional(),
  DATABASE_URL: PostgresUrl.optional(),
  DATABASE_OWNER_URL: PostgresUrl.optional(),
  DATA_DIR: z.string().optional(),
  WALLET_ENCRYPTION_KEY: EncryptionKey.optional(),
  WALLET_ENCRYPTION_KEY_PREVIOUS: EncryptionKey.optional(),
  WALLET_ENCRYPTION_KEY_NEXT: EncryptionKey.optional(),
  EVM_NETWORK: NetworkOf('eip155').optional(),
  EVM_RPC_URL: RpcUrls.optional(),
  EVM_RPC_LAG_BLOCKS: WholeNumber({ minimum: 1, maximum: 100_000 }).optional(),
  EVM_PRIVATE_KEY: EvmKeys.optional(),
  EVM_ASSETS: Tokens(parseEvmAddress, 'token addresses').optional(),
  SVM_NETWORK: NetworkOf('solana').optional(),
  SVM_RPC_URL: RpcUrls.optional(),
  SVM_RPC_LAG_BLOCKS: WholeNumber({ minimum: 1, maximum: 100_000 }).optional(),
  SVM_PRIVATE_KEY: SvmKeys.optional(),
  SVM_ASSETS: Tokens(parseSvmAddress, 'mint addresses').optional(),
  RPC_TIMEOUT_MS: WholeNumber({ minimum: 500, maximum: 60_000 }).optional(),
  RPC_COOLDOWN_MS: WholeNumber({ minimum: 100, maximum: 60_000 }).optional(),
  RPC_COMPARE_MS: WholeNumber({ minimum: 500, maximum: 600_000 }).optional(),
  SETTLE_WAIT_MS: WholeNumber({ minimum: 1_000, maximum: 60_000 }).optional(),
  TRANSFER_LIFETIME_SECONDS: WholeNumber({ minimum: 1, maximum: 2_592_000 }).optional(),
  RECONCILE_INTERVAL_SECONDS: WholeNumber({ minimum: 10, maximum: 86_400 }).optional(),
} satisfies Record<VariableName, z.ZodType>);

type Read = z.infer<typeof Variables>;
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

function toConfig(read: Read, environment: Environment): Config {
  return Object.freeze({
    environment,
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
    settleWaitMs: read.SETTLE_WAIT_MS ?? 20_000,
    transferLifetimeSeconds: read.TRANSFER_LIFETIME_SECONDS ?? 86_400,
    reconcileIntervalSeconds: read.RECONCILE_INTERVAL_SECONDS ?? 900,
  });
}

/** Ten seconds on Base, and on Solana. */
const rpcLagBlocks = { EVM: 5, SVM: 25 };

function networkConfig(read: Read, prefix: 'EVM' | 'SVM'): NetworkConfig | undefined {
  const network = read[`${prefix}_NETWORK`];
  const rpcUrls = read[`${prefix}_RPC_URL`];
  const signers = read[`${prefix}_PRIVATE_KEY`];
  if (network === undefined || rpcUrls === undefined || signers === undefined) return undefined;
  const rpc = {
    rpcTimeoutMs: read.RPC_TIMEOUT_MS ?? 10_000,
    rpcCooldownMs: read.RPC_COOLDOWN_MS ?? 1_000,
    rpcCompareEveryMs: read.RPC_COMPARE_MS ?? 5_000,
    rpcMaximumLag: BigInt(read[`${prefix}_RPC_LAG_BLOCKS`] ?? rpcLagBlocks[prefix]),
  };
  return { network, rpcUrls, rpc, signers, assets: read[`${prefix}_ASSETS`] ?? [] };
}

/** A chain that is configured by half is a mistake, not a chain that is left out. */
function incompleteNetwork(given: Given, prefix: 'EVM' | 'SVM'): ConfigProblem[] {
  const needed = [`${prefix}_NETWORK`, `${prefix}_RPC_URL`, `${prefix}_PRIVATE_KEY`] as const;
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

function unsafeInProduction(read: Read): ConfigProblem[] {
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
