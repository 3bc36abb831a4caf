import type { Hold, Holds } from '@tollkeeper/ledger';
import type { Clock } from '@tollkeeper/protocol';
import { z } from 'zod';
import { requireOpenWallet } from '../../custody/wallet-rows.js';
import { AmountOut, Id, Moment } from '../../http/v1/fields.js';
import { defineRoute, type V1Route } from '../../http/v1/route.js';
import { uuidv7 } from '../../uuid.js';
import {
  AmountIn,
  assetFields,
  exampleAsset,
  exampleOtherWalletId,
  exampleWalletId,
  knownAsset,
  Lifetime,
  movedAnswer,
  movedFields,
  Reference,
  requireOwnWallets,
  WalletId,
} from './money-fields.js';
import { showAndListRoutes } from './show-and-list.js';

interface Parts {
  readonly clock: Clock;
  readonly holds: Holds;
}

const usualLifetimeSeconds = 86_400;

const HoldAnswer = z
  .object({
    ...movedFields,
    state: z.enum(['open', 'captured', 'voided', 'expired']),
    walletId: Id,
    captured: AmountOut,
    expiresAt: Moment,
    concludedAt: Moment.nullable(),
  })
  .meta({ id: 'Hold' });

const example = {
  id: '019b2f6f-0a5b-7e6f-8c8d-7e9f1a3b5c6d',
  state: 'open',
  walletId: exampleWalletId,
  ...exampleAsset,
  amount: '50000',
  captured: '0',
  reference: 'render job 812',
  createdAt: '2026-11-24T10:00:00.000Z',
  expiresAt: '2026-11-24T11:00:00.000Z',
  concludedAt: null,
} satisfies z.input<typeof HoldAnswer>;
const concludedAt = '2026-11-24T10:30:00.000Z';

const tag = 'Holds';
const HoldParams = z.strictObject({ holdId: Id });

/** `/v1/holds`: placing, listing and showing holds, capturing and voiding them. */
export function holdRoutes(parts: Parts): readonly V1Route[] {
  return [
    placeRoute(parts),
    ...showAndListRoutes({
      tag,
      path: '/v1/holds',
      idName: 'holdId',
      one: 'a hold',
      many: 'holds',
      description: 'The newest first, those that are over included.',
      response: HoldAnswer,
      example,
      notFound: 'HOLD_NOT_FOUND',
      find: parts.holds.find,
      list: parts.holds.list,
      toAnswers: (_sql, holds) => Promise.resolve(holds.map(toAnswer)),
    }),
    captureRoute(parts),
    voidRoute(parts),
  ];
}

function placeRoute(parts: Parts): V1Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/holds',
    tag,
    summary: 'Reserve money',
    description:
      'For work that may fail: the money stays in the wallet and cannot be spent until it is captured or voided, or until the hold expires, 24 hours from now unless stated.',
    permission: 'write',
    money: true,
    body: z.strictObject({
      walletId: WalletId.meta({ description: 'One of your wallets' }),
      ...assetFields,
      amount: AmountIn,
      expiresInSeconds: Lifetime.meta({ description: 'Seconds from now, at most 30 days; 24 hours unless stated' }),
      reference: Reference,
    }),
    response: HoldAnswer,
    status: 201,
    errors: ['WALLET_NOT_FOUND', 'WALLET_CLOSED', 'ASSET_UNKNOWN', 'BALANCE_INSUFFICIENT'],
    example: {
      body: {
        walletId: example.walletId,
        ...exampleAsset,
        amount: example.amount,
        expiresInSeconds: 3600,
        reference: example.reference,
      },
      response: example,
    },
    async handle(call, { body }) {
      await requireOwnWallets(call.sql, [body.walletId]);
      const request = {
        id: uuidv7(parts.clock),
        account: availableOf(body.walletId),
        asset: await knownAsset(call.sql, body),
        amount: body.amount,
        lifetimeSeconds: body.expiresInSeconds ?? usualLifetimeSeconds,
        reference: body.reference,
      };
      const after = toAnswer(await call.service((sql) => parts.holds.place(sql, request)));
      call.audit({ action: 'hold.place', subject: after.id, after });
      return after;
    },
  });
}

function captureRoute({ holds }: Parts): V1Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/holds/:holdId/capture',
    tag,
    summary: 'Capture a hold',
    description:
      'Moves all of it, or a part, to another wallet of yours, once; the rest is released in the same moment.',
    permission: 'write',
    money: true,
    params: HoldParams,
    body: z.strictObject({
      receiverWalletId: WalletId.meta({ description: 'Another wallet of yours, which gets the money' }),
      amount: AmountIn.optional().meta({ description: 'The whole hold unless stated' }),
    }),
    response: HoldAnswer,
    errors: [
      'HOLD_NOT_FOUND',
      'HOLD_NOT_OPEN',
      'HOLD_EXPIRED',
      'HOLD_EXCEEDED',
      'TRANSFER_TO_ITSELF',
      'WALLET_NOT_FOUND',
      'WALLET_CLOSED',
    ],
    example: {
      params: { holdId: example.id },
      body: { receiverWalletId: exampleOtherWalletId, amount: '42000' },
      response: { ...example, state: 'captured', captured: '42000', concludedAt },
    },
    async handle(call, { params, body }) {
      const before = toAnswer(await holds.find(call.sql, params.holdId));
      await requireOwnWallets(call.sql, [body.receiverWalletId]);
      await requireOpenWallet(call.sql, body.receiverWalletId);
      const request = { id: params.holdId, amount: body.amount, to: availableOf(body.receiverWalletId) };
      const after = toAnswer(await call.service((sql) => holds.capture(sql, request)));
      call.audit({ action: 'hold.capture', subject: after.id, before, after });
      return after;
    },
  });
}

function voidRoute({ holds }: Parts): V1Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/holds/:holdId/void',
    tag,
    summary: 'Void a hold',
    description: 'Releases all of it, once, before it is captured or expires.',
    permission: 'write',
    money: true,
    params: HoldParams,
    response: HoldAnswer,
    errors: ['HOLD_NOT_FOUND', 'HOLD_NOT_OPEN', 'HOLD_EXPIRED'],
    example: { params: { holdId: example.id }, response: { ...example, state: 'voided', concludedAt } },
    async handle(call, { params }) {
      const before = toAnswer(await holds.find(call.sql, params.holdId));
      const after = toAnswer(await call.service((sql) => holds.void(sql, params.holdId)));
      call.audit({ action: 'hold.void', subject: after.id, before, after });
      return after;
    },
  });
}

function availableOf(walletId: string) {
  return { kind: 'merchant_available', owner: walletId } as const;
}

function toAnswer(hold: Hold): z.input<typeof HoldAnswer> {
  return {
    ...movedAnswer(hold),
    state: hold.state,
    walletId: hold.account.owner,
    captured: hold.captured.toString(),
    expiresAt: hold.expiresAt.toISOString(),
    concludedAt: hold.concludedAt?.toISOString() ?? null,
  };
}
