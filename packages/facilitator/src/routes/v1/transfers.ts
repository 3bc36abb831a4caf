import type { Sql } from '@tollkeeper/database';
import type { WalletTransfer, WalletTransfers } from '@tollkeeper/ledger';
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
  Lifetime,
  ownWallets,
  Reference,
  requireOwnWallets,
  WalletId,
} from './money-fields.js';

interface Parts {
  readonly clock: Clock;
  readonly transfers: WalletTransfers;
  /** How long a transfer waits for its claim unless the request says otherwise. */
  readonly transferLifetimeSeconds: number;
}

const TransferAnswer = z
  .object({
    id: Id,
    state: z.enum(['pending', 'completed', 'cancelled', 'expired']),
    senderWalletId: Id.nullable().meta({ description: 'Null where it is not yours' }),
    receiverWalletId: Id.nullable().meta({ description: 'Null where it is not yours, and while nobody claimed it' }),
    ...assetFields,
    amount: AmountOut,
    reference: z.string().nullable(),
    createdAt: Moment,
    expiresAt: Moment.nullable(),
    concludedAt: Moment.nullable(),
  })
  .meta({ id: 'Transfer' });

const example = {
  id: '019b2f6e-7d2e-7b3c-9f5a-4b6c8d0e2f3a',
  state: 'pending',
  senderWalletId: '019b2f6e-8e3f-7c4d-8a6b-5c7d9e1f3a4b',
  receiverWalletId: null,
  ...exampleAsset,
  amount: '250000',
  reference: 'prize of the week',
  createdAt: '2026-11-24T10:00:00.000Z',
  expiresAt: '2026-11-25T10:00:00.000Z',
  concludedAt: null,
} satisfies z.input<typeof TransferAnswer>;
const receiverWalletId = '019b2f6e-9f4a-7d5e-9b7c-6d8e0f2a4b5c';
const completed = {
  ...example,
  state: 'completed',
  receiverWalletId,
  concludedAt: '2026-11-24T11:00:00.000Z',
} as const;

const tag = 'Transfers';
const TransferParams = z.strictObject({ transferId: Id });

/** `POST /v1/transfers`, `GET /v1/transfers/:transferId`, and its claim and cancellation. */
export function transferRoutes(parts: Parts): readonly V1Route[] {
  return [createRoute(parts), showRoute(parts), claimRoute(parts), cancelRoute(parts)];
}

function createRoute(parts: Parts): V1Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/transfers',
    tag,
    summary: 'Send money to another wallet',
    description:
      'mode direct: it arrives at once, in another wallet of yours. mode claim: it leaves the sender and waits, for the receiver or, without one, for whoever shows the claim token, who may be another merchant; it goes back by itself when it expires. The claim token is in this answer only.',
    permission: 'write',
    money: true,
    body: z.strictObject({
      senderWalletId: WalletId,
      receiverWalletId: WalletId.optional(),
      ...assetFields,
      amount: AmountIn,
      mode: z.enum(['direct', 'claim']).optional().meta({ description: 'direct unless stated' }),
      expiresInSeconds: Lifetime,
      reference: Reference,
    }),
    response: TransferAnswer.extend({ claimToken: z.string().nullable() }).meta({ id: 'CreatedTransfer' }),
    status: 201,
    errors: ['WALLET_NOT_FOUND', 'WALLET_CLOSED', 'ASSET_UNKNOWN', 'TRANSFER_TO_ITSELF', 'BALANCE_INSUFFICIENT'],
    example: {
      body: {
        senderWalletId: example.senderWalletId,
        ...exampleAsset,
        amount: example.amount,
        mode: 'claim',
        reference: example.reference,
      },
      response: { ...example, claimToken: 'q0V3yT7bN1mKx5sD9fGh2jL4pR6uW8zA0cE3iO5rT7Y' },
    },
    async handle(call, { body }) {
      const { mode = 'direct', expiresInSeconds, receiverWalletId, ...money } = body;
      if (mode === 'direct' && (receiverWalletId === undefined || expiresInSeconds !== undefined)) {
        throw new Fault('REQUEST_MALFORMED', {
          detail: 'body: a direct transfer names its receiverWalletId and does not expire',
        });
      }
      await requireOwnWallets(call.sql, [
        money.senderWalletId,
        ...(receiverWalletId === undefined ? [] : [receiverWalletId]),
      ]);
      const request = { ...money, id: uuidv7(parts.clock), asset: await knownAsset(call.sql, body) };
      const { transfer, claimToken } = await call.service(async (sql) =>
        mode === 'direct' && receiverWalletId !== undefined
          ? { transfer: await parts.transfers.send(sql, { ...request, receiverWalletId }), claimToken: undefined }
          : parts.transfers.create(sql, {
              ...request,
              receiverWalletId,
              lifetimeSeconds: expiresInSeconds ?? parts.transferLifetimeSeconds,
            }),
      );
      const after = await toAnswer(call.sql, transfer);
      call.audit({ action: 'transfer.create', subject: transfer.id, after });
      return { ...after, claimToken: claimToken ?? null };
    },
  });
}

function showRoute({ transfers }: Parts): V1Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/transfers/:transferId',
    tag,
    summary: 'Show a transfer',
    permission: 'read',
    params: TransferParams,
    response: TransferAnswer,
    errors: ['TRANSFER_NOT_FOUND'],
    example: { params: { transferId: example.id }, response: example },
    async handle({ sql }, { params }) {
      return toAnswer(sql, await transfers.find(sql, params.transferId));
    },
  });
}

function claimRoute({ transfers }: Parts): V1Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/transfers/:transferId/claim',
    tag,
    summary: 'Claim a transfer',
    description: 'For the wallet that it names, or with its claim token for any wallet of yours; before it expires.',
    permission: 'write',
    money: true,
    params: TransferParams,
    body: z.strictObject({ walletId: WalletId, claimToken: z.string().min(1).max(100).optional() }),
    response: TransferAnswer,
    errors: [
      'TRANSFER_NOT_FOUND',
      'TRANSFER_NOT_PENDING',
      'TRANSFER_EXPIRED',
      'TRANSFER_TO_ITSELF',
      'WALLET_NOT_FOUND',
      'WALLET_CLOSED',
    ],
    example: {
      params: { transferId: example.id },
      body: { walletId: receiverWalletId, claimToken: 'q0V3yT7bN1mKx5sD9fGh2jL4pR6uW8zA0cE3iO5rT7Y' },
      response: { ...completed, senderWalletId: null },
    },
    async handle(call, { params, body }) {
      await requireOwnWallets(call.sql, [body.walletId]);
      const claim = { id: params.transferId, receiverWalletId: body.walletId, claimToken: body.claimToken };
      const after = await toAnswer(call.sql, await call.service((sql) => transfers.claim(sql, claim)));
      call.audit({ action: 'transfer.claim', subject: after.id, after });
      return after;
    },
  });
}

function cancelRoute({ transfers }: Parts): V1Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/transfers/:transferId/cancel',
    tag,
    summary: 'Cancel a transfer',
    description: 'Gives it back to its sender, who alone may do this, before it is claimed or expires.',
    permission: 'write',
    money: true,
    params: TransferParams,
    response: TransferAnswer,
    errors: ['TRANSFER_NOT_FOUND', 'TRANSFER_NOT_PENDING', 'TRANSFER_EXPIRED'],
    example: {
      params: { transferId: example.id },
      response: { ...example, state: 'cancelled', concludedAt: completed.concludedAt },
    },
    async handle(call, { params }) {
      const before = await toAnswer(call.sql, await transfers.find(call.sql, params.transferId));
      if (before.senderWalletId === null) throw new Fault('TRANSFER_NOT_FOUND');
      const after = await toAnswer(call.sql, await call.service((sql) => transfers.cancel(sql, params.transferId)));
      call.audit({ action: 'transfer.cancel', subject: after.id, before, after });
      return after;
    },
  });
}

/** The other side's wallet is the other side's business. */
async function toAnswer(sql: Sql, transfer: WalletTransfer): Promise<z.input<typeof TransferAnswer>> {
  const { senderWalletId, receiverWalletId, asset, ...rest } = transfer;
  const sides = [senderWalletId, ...(receiverWalletId === undefined ? [] : [receiverWalletId])];
  const own = await ownWallets(sql, sides);
  return {
    id: rest.id,
    state: rest.state,
    senderWalletId: own.has(senderWalletId) ? senderWalletId : null,
    receiverWalletId: receiverWalletId !== undefined && own.has(receiverWalletId) ? receiverWalletId : null,
    network: asset.network,
    asset: asset.token,
    amount: rest.amount.toString(),
    reference: rest.reference ?? null,
    createdAt: rest.createdAt.toISOString(),
    expiresAt: rest.expiresAt?.toISOString() ?? null,
    concludedAt: rest.concludedAt?.toISOString() ?? null,
  };
}
