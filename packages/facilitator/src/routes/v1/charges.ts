import type { Charge, Charges } from '@tollkeeper/ledger';
import { Fault, type Clock } from '@tollkeeper/protocol';
import { z } from 'zod';
import { AmountOut, Id, Moment } from '../../http/v1/fields.js';
import { defineRoute, type V1Route } from '../../http/v1/route.js';
import { uuidv7 } from '../../uuid.js';
import {
  AmountIn,
  assetFields,
  exampleAsset,
  knownAsset,
  ownWallets,
  Reference,
  requireOwnWallets,
  WalletId,
} from './money-fields.js';

interface Parts {
  readonly clock: Clock;
  readonly charges: Charges;
}

const ChargeAnswer = z
  .object({
    id: Id,
    payerWalletId: Id,
    payeeWalletId: Id,
    ...assetFields,
    amount: AmountOut,
    refunded: AmountOut,
    reference: z.string().nullable(),
    createdAt: Moment,
  })
  .meta({ id: 'Charge' });

const example = {
  id: '019b2f6f-1b6c-7f7a-9d9e-8f0a2b4c6d7e',
  payerWalletId: '019b2f6e-8e3f-7c4d-8a6b-5c7d9e1f3a4b',
  payeeWalletId: '019b2f6e-9f4a-7d5e-9b7c-6d8e0f2a4b5c',
  ...exampleAsset,
  amount: '1500',
  refunded: '0',
  reference: '1,500 tokens',
  createdAt: '2026-11-24T10:00:00.000Z',
} satisfies z.input<typeof ChargeAnswer>;

const tag = 'Charges';
const ChargeParams = z.strictObject({ chargeId: Id });

/** `POST /v1/charges`, `GET /v1/charges/:chargeId`, and its refunds. */
export function chargeRoutes(parts: Parts): readonly V1Route[] {
  return [createRoute(parts), showRoute(parts), refundRoute(parts)];
}

function createRoute(parts: Parts): V1Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/charges',
    tag,
    summary: 'Charge a wallet',
    description: 'Moves money at once between two wallets of yours, such as a customer’s credits and your revenue.',
    permission: 'write',
    money: true,
    body: z.strictObject({
      payerWalletId: WalletId,
      payeeWalletId: WalletId,
      ...assetFields,
      amount: AmountIn,
      reference: Reference,
    }),
    response: ChargeAnswer,
    status: 201,
    errors: ['WALLET_NOT_FOUND', 'WALLET_CLOSED', 'ASSET_UNKNOWN', 'TRANSFER_TO_ITSELF', 'BALANCE_INSUFFICIENT'],
    example: {
      body: {
        payerWalletId: example.payerWalletId,
        payeeWalletId: example.payeeWalletId,
        ...exampleAsset,
        amount: example.amount,
        reference: example.reference,
      },
      response: example,
    },
    async handle(call, { body }) {
      await requireOwnWallets(call.sql, [body.payerWalletId, body.payeeWalletId]);
      const request = { ...body, id: uuidv7(parts.clock), asset: await knownAsset(call.sql, body) };
      const after = toAnswer(await call.service((sql) => parts.charges.charge(sql, request)));
      call.audit({ action: 'charge.create', subject: after.id, after });
      return after;
    },
  });
}

function showRoute({ charges }: Parts): V1Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/charges/:chargeId',
    tag,
    summary: 'Show a charge',
    permission: 'read',
    params: ChargeParams,
    response: ChargeAnswer,
    errors: ['CHARGE_NOT_FOUND'],
    example: { params: { chargeId: example.id }, response: example },
    async handle({ sql }, { params }) {
      return toAnswer(await charges.find(sql, params.chargeId));
    },
  });
}

function refundRoute({ clock, charges }: Parts): V1Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/charges/:chargeId/refund',
    tag,
    summary: 'Refund a charge',
    description: 'Gives all that is left of it back, or a part. All refunds together are never more than the charge.',
    permission: 'write',
    money: true,
    params: ChargeParams,
    body: z.strictObject({ amount: AmountIn.optional().meta({ description: 'All that is left unless stated' }) }),
    response: ChargeAnswer,
    errors: ['CHARGE_NOT_FOUND', 'REFUND_EXCEEDS_CHARGE', 'BALANCE_INSUFFICIENT', 'WALLET_CLOSED'],
    example: {
      params: { chargeId: example.id },
      body: { amount: '500' },
      response: { ...example, refunded: '500' },
    },
    async handle(call, { params, body }) {
      const before = toAnswer(await charges.find(call.sql, params.chargeId));
      if ((await ownWallets(call.sql, [before.payeeWalletId])).size === 0) throw new Fault('CHARGE_NOT_FOUND');
      const request = { chargeId: params.chargeId, refundId: uuidv7(clock), amount: body.amount };
      const after = toAnswer(await call.service((sql) => charges.refund(sql, request)));
      call.audit({ action: 'charge.refund', subject: after.id, before, after });
      return after;
    },
  });
}

function toAnswer(charge: Charge): z.input<typeof ChargeAnswer> {
  const { id, payerWalletId, payeeWalletId, asset } = charge;
  return {
    id,
    payerWalletId,
    payeeWalletId,
    network: asset.network,
    asset: asset.token,
    amount: charge.amount.toString(),
    refunded: charge.refunded.toString(),
    reference: charge.reference ?? null,
    createdAt: charge.createdAt.toISOString(),
  };
}
