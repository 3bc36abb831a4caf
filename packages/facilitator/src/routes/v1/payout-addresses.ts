import { z } from 'zod';
import type { PayoutAddress, PayoutAddresses } from '../../custody/payout-addresses.js';
import { Id, Moment, Name } from '../../http/v1/fields.js';
import { defineRoute, type V1Route } from '../../http/v1/route.js';
import { exampleWalletId, requireOwnWallets, WalletId } from './money-fields.js';

const PayoutAddressAnswer = z
  .object({
    id: Id,
    walletId: Id,
    network: z.string(),
    address: z.string(),
    label: z.string(),
    createdAt: Moment,
    usableFrom: Moment.meta({ description: 'It can be paid out to from then on' }),
  })
  .meta({ id: 'PayoutAddress' });

const example = {
  id: '019b2f6f-1c7d-7f8a-9b0c-1d2e3f4a5b6c',
  walletId: exampleWalletId,
  network: 'eip155:84532',
  address: '0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc',
  label: 'treasury at the bank',
  createdAt: '2026-11-24T10:00:00.000Z',
  usableFrom: '2026-11-25T10:00:00.000Z',
} satisfies z.input<typeof PayoutAddressAnswer>;

const params = z.strictObject({ walletId: WalletId });

/** `/v1/wallets/:walletId/payout-addresses`: where a wallet may be paid out to. */
export function payoutAddressRoutes({ payouts }: { readonly payouts: PayoutAddresses }): readonly V1Route[] {
  return [addRoute(payouts), listRoute(payouts), removeRoute(payouts)];
}

function addRoute(payouts: PayoutAddresses): V1Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/wallets/:walletId/payout-addresses',
    tag: 'Payout addresses',
    summary: 'Register a payout address',
    description: 'It waits before its first use, 24 hours unless the operator says otherwise; see `usableFrom`.',
    permission: 'withdraw',
    status: 201,
    params,
    body: z.strictObject({
      network: z.string().min(1).max(100).meta({ description: 'CAIP-2 id' }),
      address: z.string().min(1).max(100).meta({ description: 'Not one of ours' }),
      label: Name.meta({ description: 'What you call it' }),
    }),
    response: PayoutAddressAnswer,
    errors: ['WALLET_NOT_FOUND', 'PAYOUT_ADDRESS_REFUSED', 'PAYOUT_ADDRESS_EXISTS', 'PAYOUT_ADDRESS_QUOTA_REACHED'],
    example: {
      params: { walletId: example.walletId },
      body: { network: example.network, address: example.address, label: example.label },
      response: example,
    },
    async handle(call, input) {
      const { walletId } = input.params;
      await requireOwnWallets(call.sql, [walletId]);
      const added = await payouts.add(call.sql, { walletId, ...input.body });
      call.audit({ action: 'payout_address.add', subject: added.id, after: added });
      return toAnswer(added);
    },
  });
}

function listRoute(payouts: PayoutAddresses): V1Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/wallets/:walletId/payout-addresses',
    tag: 'Payout addresses',
    summary: 'List payout addresses',
    description: 'All of them: a wallet has 50 at most.',
    permission: 'read',
    params,
    response: z.object({ items: z.array(PayoutAddressAnswer) }),
    errors: ['WALLET_NOT_FOUND'],
    example: { params: { walletId: example.walletId }, response: { items: [example] } },
    async handle({ sql }, input) {
      await requireOwnWallets(sql, [input.params.walletId]);
      return { items: (await payouts.list(sql, input.params.walletId)).map(toAnswer) };
    },
  });
}

function removeRoute(payouts: PayoutAddresses): V1Route {
  return defineRoute({
    method: 'DELETE',
    path: '/v1/wallets/:walletId/payout-addresses/:payoutAddressId',
    tag: 'Payout addresses',
    summary: 'Remove a payout address',
    description: 'Registered again, it waits again.',
    permission: 'withdraw',
    params: params.extend({ payoutAddressId: Id }),
    response: PayoutAddressAnswer,
    errors: ['WALLET_NOT_FOUND', 'PAYOUT_ADDRESS_NOT_FOUND'],
    example: { params: { walletId: example.walletId, payoutAddressId: example.id }, response: example },
    async handle(call, input) {
      const { walletId, payoutAddressId: id } = input.params;
      await requireOwnWallets(call.sql, [walletId]);
      const removed = await payouts.remove(call.sql, { walletId, id });
      call.audit({ action: 'payout_address.remove', subject: removed.id, before: removed });
      return toAnswer(removed);
    },
  });
}

function toAnswer({ createdAt, usableFrom, ...address }: PayoutAddress): z.input<typeof PayoutAddressAnswer> {
  return { ...address, createdAt: createdAt.toISOString(), usableFrom: usableFrom.toISOString() };
}
