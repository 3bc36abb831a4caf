import { z } from 'zod';
import { readBalances } from '../../custody/wallet-balances.js';
import { AmountOut } from '../../http/v1/fields.js';
import { defineRoute, type V1Route } from '../../http/v1/route.js';
import { exampleAsset, exampleWalletId, WalletId } from './money-fields.js';

const BalanceAnswer = z
  .object({
    network: z.string(),
    asset: z.string(),
    pending: AmountOut.meta({ description: 'Received, and not final on chain yet' }),
    available: AmountOut.meta({ description: 'What can be spent now' }),
    held: AmountOut.meta({ description: 'Reserved by open holds' }),
  })
  .meta({ id: 'Balance' });

/** `GET /v1/wallets/:walletId/balances`: what a wallet has, by asset. */
export function balanceRoutes(): readonly V1Route[] {
  return [readRoute];
}

const readRoute = defineRoute({
  method: 'GET',
  path: '/v1/wallets/:walletId/balances',
  tag: 'Wallets',
  summary: 'Read the balances of a wallet',
  description:
    'One line for each asset that it ever received. All that it has of an asset is the sum of the three amounts.',
  permission: 'read',
  params: z.strictObject({ walletId: WalletId }),
  response: z.object({ items: z.array(BalanceAnswer) }),
  errors: ['WALLET_NOT_FOUND'],
  example: {
    params: { walletId: exampleWalletId },
    response: { items: [{ ...exampleAsset, pending: '10000', available: '250000', held: '50000' }] },
  },
  async handle({ sql }, { params }) {
    const balances = await readBalances(sql, params.walletId);
    return {
      items: balances.map(({ network, asset, pending, available, held }) => ({
        network,
        asset,
        pending: pending.toString(),
        available: available.toString(),
        held: held.toString(),
      })),
    };
  },
});
