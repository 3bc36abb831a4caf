import type { Sql } from '@tollkeeper/database';
import { AmountText, Fault, parseNetworkOrName, type Amount, type Asset, type Network } from '@tollkeeper/protocol';
import { z } from 'zod';
import { AmountOut, Id, Moment, Name } from '../../http/v1/fields.js';

/** A wallet as the ledger names it: the text of a UUID has one case there. */
export const WalletId = Id.toLowerCase();

/** What no token can count to: its own arithmetic has 256 bits. The database counts further, so sums with it still fit there. */
const beyondEveryToken = 2n ** 256n;

/** An amount that moves: minor units, more than nothing. */
export const AmountIn = AmountText.refine((amount) => amount > 0n, 'must be more than nothing')
  .refine((amount) => amount < beyondEveryToken, 'must be less than 2^256')
  .meta({ description: 'Minor units in decimal: 1 USDC is 1000000' });

/** An address to look for. */
export const AddressFilter = z.string().min(1).max(100);

/** An address as the service writes it, from any accepted spelling; what is no address stays as it is, and finds nothing. */
export type CanonicalAddress = (text: string) => string;

/** What money is of, as the protocol says it. */
export const assetFields = {
  network: z.string().min(1).max(100).meta({ description: 'CAIP-2 id, or the name that version 1 gave it' }),
  asset: z.string().min(1).max(100).meta({ description: 'The address of the token' }),
};

/** What is told of everything that moved or reserved money. */
export const movedFields = {
  id: Id,
  ...assetFields,
  amount: AmountOut,
  reference: z.string().nullable(),
  createdAt: Moment,
};

/** {@link movedFields} of one. */
export function movedAnswer(moved: {
  readonly id: string;
  readonly asset: Asset;
  readonly amount: Amount;
  readonly reference: string | undefined;
  readonly createdAt: Date;
}) {
  return {
    id: moved.id,
    network: moved.asset.network,
    asset: moved.asset.token,
    amount: moved.amount.toString(),
    reference: moved.reference ?? null,
    createdAt: moved.createdAt.toISOString(),
  };
}

/** What the caller calls it; shown again and never interpreted. */
export const Reference = Name.optional().meta({ description: 'What you call it; we show it again' });

const month = 30 * 86_400;

/** How long something waits. */
export const Lifetime = z
  .int()
  .min(1)
  .max(month)
  .optional()
  .meta({ description: `Seconds from now, at most ${month}` });

/** Two wallets and an asset of the examples. */
export const exampleWalletId = '019b2f6e-8e3f-7c4d-8a6b-5c7d9e1f3a4b';
export const exampleOtherWalletId = '019b2f6e-9f4a-7d5e-9b7c-6d8e0f2a4b5c';
export const exampleAsset = { network: 'eip155:84532', asset: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' };

/**
 * The asset that a caller names. Hexadecimal addresses are one whatever their case; Solana's are not.
 * @throws Fault `ASSET_UNKNOWN`
 */
export async function knownAsset(
  sql: Sql,
  named: { readonly network: string; readonly asset: string },
): Promise<Asset> {
  const network = parseNetworkOrName(named.network);
  const [found] =
    network === undefined
      ? []
      : await sql<{ network: Network; token: string }>`
          SELECT network, token FROM asset
          WHERE network = ${network}
            AND (token = ${named.asset} OR token LIKE '0x%' AND lower(token) = lower(${named.asset}))`;
  if (found === undefined) throw new Fault('ASSET_UNKNOWN');
  return found;
}

/**
 * Finds which of some wallets the tenant has; another's is as one that does not exist.
 * @throws Fault `WALLET_NOT_FOUND` where one is missing
 */
export async function requireOwnWallets(sql: Sql, ids: readonly string[]): Promise<void> {
  const own = await ownWallets(sql, ids);
  if (ids.some((id) => !own.has(id))) throw new Fault('WALLET_NOT_FOUND');
}

export async function ownWallets(sql: Sql, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await sql<{ id: string }>`SELECT id FROM wallet WHERE id = ANY (${ids}::uuid[])`;
  return new Set(rows.map(({ id }) => id));
}
