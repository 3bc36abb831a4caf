import type { Charge, Charges } from '@tollkeeper/ledger';
import { Fault, type Clock } from '@tollkeeper/protocol';
import { z } from 'zod';
import { AmountOut, Id } from '../../http/v1/fields.js';
import { defineRoute, type V1Route } from '../../http/v1/route.js';
import { uuidv7 } from '../../uuid.js';
import {
  AmountIn,
  assetFields,
  exampleAsset,
  exampleOtherWalletId,
  exampleWalletId,
  knownAsset,
  movedAnswer,
  movedFields,
  ownWallets,
  Reference,
  requireOwnWallets,
  WalletId,
} from './money-fields.js';
import { showAndListRoutes } from './show-and-list.js';

interface Parts {
  readonly clock: Clock;
  readonly charges: Charges;
}

const ChargeAnswer = z
  .object({
    ...movedFields,
    payerWalletId: Id,
    payeeWalletId: Id,
    refunded: AmountOut,
  })
  .meta({ id: 'Charge' });

const example = {
  id: '019b2f6f-1b6c-7f7a-9d9e-8f0a2b4c6d7e',
  payerWalletId: exampleWalletId,
  payeeWalletId: exampleOtherWalletId,
  ...exampleAsset,
  amount: '1500',
  refunded: '0',
  reference: '1,500 tokens',
  createdAt: '2026-11-24T10:00:00.000Z',
} satisfies z.input<typeof ChargeAnswer>;

const tag = 'Charges';
const ChargeParams = z.strictObject({ chargeId: Id });

/** `/v1/charges`: charging, listing and showing charges, and refunding them. */
export function chargeRoutes(parts: Parts): readonly V1Route[] {
  return [
    createRoute(parts),
    ...showAndListRoutes({
      tag,
      path: '/v1/charges',
      idName: 'chargeId',
      one: 'a charge',
      many: 'charges',
      description: 'The newest first: what your wallets paid and were paid.',
      response: ChargeAnswer,
      example,
      notFound: 'CHARGE_NOT_FOUND',
      find: parts.charges.find,
      list: parts.charges.list,
      toAnswers: (_sql, charges) => Promise.resolve(charges.map(toAnswer)),
    }),
    refundRoute(parts),
  ];
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
      payerWalletId: WalletId.meta({ description: 'The wallet of yours that pays' }),
      payeeWalletId: WalletId.meta({ description: 'The wallet of yours that gets it' }),
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
  const { payerWalletId, payeeWalletId, refunded } = charge;
  return { ...movedAnswer(charge), payerWalletId, payeeWalletId, refunded: refunded.toString() };
}
