import { Fault, parseNetworkOrName, type Asset } from '@tollkeeper/protocol';
import { z } from 'zod';
import { quoteFee } from '../../fees/fee-terms.js';
import { AmountOut, Moment } from '../../http/v1/fields.js';
import { defineRoute, type V1Route } from '../../http/v1/route.js';
import { AmountIn, assetFields, exampleAsset } from './money-fields.js';

const QuoteAnswer = z
  .object({
    ...assetFields,
    amount: AmountOut.meta({ description: 'What the payer pays' }),
    fee: AmountOut,
    net: AmountOut.meta({ description: 'What the wallet gets when the payment is final' }),
    terms: z
      .object({ bps: z.string(), fixed: AmountOut, effectiveFrom: Moment })
      .nullable()
      .meta({ description: 'Basis points of the amount and fixed minor units; null where payments cost nothing' }),
  })
  .meta({ id: 'FeeQuote' });

/** `GET /v1/fees/quote`: what a payment would cost. */
export function feeRoutes(parts: { readonly assets: readonly Asset[] }): readonly V1Route[] {
  return [quoteRoute(parts.assets)];
}

function quoteRoute(assets: readonly Asset[]): V1Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/fees/quote',
    tag: 'Fees',
    summary: 'Quote the fee of a payment',
    description: 'By the terms that hold now. The terms of a payment are those that hold when it arrives.',
    permission: 'read',
    query: z.strictObject({ ...assetFields, amount: AmountIn }),
    response: QuoteAnswer,
    errors: ['ASSET_UNKNOWN'],
    example: {
      query: { ...exampleAsset, amount: '10000' },
      response: {
        ...exampleAsset,
        amount: '10000',
        fee: '105',
        net: '9895',
        terms: { bps: '100', fixed: '5', effectiveFrom: '2026-11-01T00:00:00.000Z' },
      },
    },
    async handle({ sql, tenant }, { query }) {
      const asset = acceptedAsset(assets, query);
      const { merchantId } = tenant;
      const { gross, fee, net, terms } = await quoteFee(sql, { merchantId, asset, gross: query.amount });
      return {
        network: asset.network,
        asset: asset.token,
        amount: gross.toString(),
        fee: fee.toString(),
        net: net.toString(),
        terms:
          terms === undefined
            ? null
            : {
                bps: terms.bps.toString(),
                fixed: terms.fixed.toString(),
                effectiveFrom: terms.effectiveFrom.toISOString(),
              },
      };
    },
  });
}

/** Hexadecimal addresses are one whatever their case; Solana's are not. */
function acceptedAsset(assets: readonly Asset[], named: { readonly network: string; readonly asset: string }): Asset {
  const network = parseNetworkOrName(named.network);
  const found = assets.find(
    (asset) =>
      asset.network === network &&
      (asset.token === named.asset ||
        (asset.token.startsWith('0x') && asset.token.toLowerCase() === named.asset.toLowerCase())),
  );
  if (found === undefined) throw new Fault('ASSET_UNKNOWN');
  return found;
}
