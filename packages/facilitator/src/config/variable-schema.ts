import { evmAddressOf, parseEvmAddress, parseEvmPrivateKey } from '@tollkeeper/evm';
import { networkFamily, parseNetworkOrName, type Network, type NetworkFamily } from '@tollkeeper/protocol';
import { parseSvmAddress, parseSvmSecretKey } from '@tollkeeper/svm';
import { z } from 'zod';
import { secret, type Secret } from './secret.js';
import type { VariableName } from './variables.js';

/** An account that signs for us. Its key is absent in processes that only take payments and leave the signing to others. */
export interface SignerKey {
  readonly key?: Secret;
  readonly address: string;
}

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

const SignerAddresses = (parse: (text: string) => string | undefined, kind: string) =>
  Tokens(parse, kind).transform((addresses): readonly SignerKey[] => addresses.map((address) => ({ address })));

/** Minor units of a coin or token, in decimal digits. */
const MinorUnits = z
  .string()
  .regex(/^\d{1,30}$/, 'must be a whole number')
  .transform(BigInt);

const EncryptionKey = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hex characters')
  .transform(secret);

/** How each variable is written. All are optional here; what must be there is another question. */
export const Variables = z.object({
  ENVIRONMENT: z.enum(['development', 'production'], { error: 'must be development or production' }).optional(),
  ROLE: z.enum(['all', 'api', 'settler'], { error: 'must be all, api or settler' }).optional(),
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
  EVM_SIGNER_ADDRESS: SignerAddresses(parseEvmAddress, 'account addresses').optional(),
  EVM_ASSETS: Tokens(parseEvmAddress, 'token addresses').optional(),
  EVM_CONFIRMATIONS: WholeNumber({ minimum: 1, maximum: 1_000 }).optional(),
  EVM_FINALITY_DEPTH: WholeNumber({ minimum: 0, maximum: 1_000_000 }).optional(),
  EVM_GAS_LIMIT_MAX: MinorUnits.optional(),
  EVM_MAX_FEE_PER_GAS_WEI: MinorUnits.optional(),
  EVM_DAILY_BUDGET_WEI: MinorUnits.optional(),
  EVM_SIGNER_BALANCE_MIN_WEI: MinorUnits.optional(),
  SVM_NETWORK: NetworkOf('solana').optional(),
  SVM_RPC_URL: RpcUrls.optional(),
  SVM_RPC_LAG_BLOCKS: WholeNumber({ minimum: 1, maximum: 100_000 }).optional(),
  SVM_PRIVATE_KEY: SvmKeys.optional(),
  SVM_SIGNER_ADDRESS: SignerAddresses(parseSvmAddress, 'account addresses').optional(),
  SVM_ASSETS: Tokens(parseSvmAddress, 'mint addresses').optional(),
  SVM_COMMITMENT: z.enum(['confirmed', 'finalized'], { error: 'must be confirmed or finalized' }).optional(),
  SVM_DAILY_BUDGET_LAMPORTS: MinorUnits.optional(),
  SVM_SIGNER_BALANCE_MIN_LAMPORTS: MinorUnits.optional(),
  RPC_TIMEOUT_MS: WholeNumber({ minimum: 500, maximum: 60_000 }).optional(),
  RPC_COOLDOWN_MS: WholeNumber({ minimum: 100, maximum: 60_000 }).optional(),
  RPC_COMPARE_MS: WholeNumber({ minimum: 500, maximum: 600_000 }).optional(),
  MINIMUM_AMOUNT: MinorUnits.optional(),
  PAYER_FAILURES_MAX: WholeNumber({ minimum: 1, maximum: 1_000_000 }).optional(),
  REPLACE_AFTER_MS: WholeNumber({ minimum: 1_000, maximum: 600_000 }).optional(),
  SETTLE_QUEUE_MAX: WholeNumber({ minimum: 1, maximum: 1_000_000 }).optional(),
  SETTLE_WAIT_MS: WholeNumber({ minimum: 1_000, maximum: 60_000 }).optional(),
  TRANSFER_LIFETIME_SECONDS: WholeNumber({ minimum: 1, maximum: 2_592_000 }).optional(),
  RECONCILE_INTERVAL_SECONDS: WholeNumber({ minimum: 10, maximum: 86_400 }).optional(),
} satisfies Record<VariableName, z.ZodType>);

/** What was given of the variables, each read on its own. */
export type ReadVariables = z.infer<typeof Variables>;
