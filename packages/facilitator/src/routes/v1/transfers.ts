import type { Sql } from '@tollkeeper/database';
import type { WalletTransfer, WalletTransfers } from '@tollkeeper/ledger';
import { Fault, type Clock } from '@tollkeeper/protocol';
import { z } from 'zod';
import { Id, Moment } from '../../http/v1/fields.js';
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
  ownWallets,
  Reference,
  requireOwnWallets,
  WalletId,
} from './money-fields.js';
import { showAndListRoutes } from './show-and-list.js';

interface Parts {
  readonly clock: Clock;
  readonly transfers: WalletTransfers;
  /** How long a transfer waits for its claim unless the request says otherwise. */
  readonly transferLifetimeSeconds: number;
}

const TransferAnswer = z
  .object({
    ...movedFields,
    state: z.enum(['pending', 'completed', 'cancelled', 'expired']),
    senderWalletId: Id.nullable().meta({ description: 'Null where it is not yours' }),
    receiverWalletId: Id.nullable().meta({ description: 'Null where it is not yours, and while nobody claimed it' }),
    expiresAt: Moment.nullable(),
    concludedAt: Moment.nullable(),
  })
  .meta({ id: 'Transfer' });

const example = {
  id: '019b2f6e-7d2e-7b3c-9f5a-4b6c8d0e2f3a',
  state: 'pending',
  senderWalletId: exampleWalletId,
  receiverWalletId: null,
  ...exampleAsset,
  amount: '250000',
  reference: 'prize of the week',
  createdAt: '2026-11-24T10:00:00.000Z',
  expiresAt: '2026-11-25T10:00:00.000Z',
  concludedAt: null,
} satisfies z.input<typeof TransferAnswer>;
const completed = {
  ...example,
  state: 'completed',
  receiverWalletId: exampleOtherWalletId,
  concludedAt: '2026-11-24T11:00:00.000Z',
} as const;

const tag = 'Transfers';
const TransferParams = z.strictObject({ transferId: Id });

/** `/v1/transfers`: sending, listing and showing transfers, claiming and cancelling them. */
export function transferRoutes(parts: Parts): readonly V1Route[] {
  return [
    createRoute(parts),
    ...showAndListRoutes({
      tag,
      path: '/v1/transfers',
      idName: 'transferId',
      one: 'a transfer',
      many: 'transfers',
      description: 'The newest first: what your wallets sent, got, and are named to receive.',
      response: TransferAnswer,
      example,
      notFound: 'TRANSFER_NOT_FOUND',
      find: parts.transfers.find,
      list: parts.transfers.list,
      toAnswers,
    }),
    claimRoute(parts),
    cancelRoute(parts),
  ];
}

const TransferBody = z
  .strictObject({
    senderWalletId: WalletId.meta({ description: 'One of your wallets' }),
    receiverWalletId: WalletId.optional().meta({
      description: 'Another wallet of yours; needed for `direct`. Without it, whoever has the claim token may claim',
    }),
    ...assetFields,
    amount: AmountIn,
    mode: z.enum(['direct', 'claim']).optional().meta({ description: '`direct` unless stated' }),
    expiresInSeconds: Lifetime.meta({
      description:
        'For `claim`: seconds from now, at most 30 days; 24 hours unless stated or the operator says otherwise',
    }),
    reference: Reference,
  })
  .refine(
    ({ mode = 'direct', receiverWalletId, expiresInSeconds }) =>
      mode === 'claim' || (receiverWalletId !== undefined && expiresInSeconds === undefined),
    'a direct transfer names its receiverWalletId and does not expire',
  );

function createRoute(parts: Parts): V1Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/transfers',
    tag,
    summary: 'Send money to another wallet',
    description:
      '`direct`: it arrives at once, in another wallet of yours. `claim`: it leaves the sender and waits, for the receiver or, without one, for whoever shows the claim token, who may be another merchant; it goes back by itself when it expires. The claim token is in this answer only.',
    permission: 'write',
    money: true,
    body: TransferBody,
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
    body: z.strictObject({
      walletId: WalletId.meta({ description: 'Your wallet, which gets the money' }),
      claimToken: z.string().min(1).max(100).optional().meta({ description: 'For a transfer that names no receiver' }),
    }),
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
      body: { walletId: exampleOtherWalletId, claimToken: 'q0V3yT7bN1mKx5sD9fGh2jL4pR6uW8zA0cE3iO5rT7Y' },
      response: { ...completed, senderWalletId: null },
    },
    async handle(call, { params, body }) {
      await requireOwnWallets(call.sql, [body.walletId]);
      const claim = { id: params.transferId, receiverWalletId: body.walletId, claimToken: body.claimToken };
      // Whoever claims by a token does not see the transfer before.
      const seen = await call.service((sql) => transfers.find(sql, params.transferId));
      const before = await toAnswer(call.sql, seen);
      const after = await toAnswer(call.sql, await call.service((sql) => transfers.claim(sql, claim)));
      call.audit({ action: 'transfer.claim', subject: after.id, before, after });
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

async function toAnswer(sql: Sql, transfer: WalletTransfer): Promise<z.input<typeof TransferAnswer>> {
  const [answer] = await toAnswers(sql, [transfer]);
  if (answer === undefined) throw new TypeError('A transfer has no answer');
  return answer;
}

/** The other side's wallet is the other side's business. */
async function toAnswers(
  sql: Sql,
  transfers: readonly WalletTransfer[],
): Promise<readonly z.input<typeof TransferAnswer>[]> {
  const sides = transfers.flatMap(({ senderWalletId, receiverWalletId = senderWalletId }) => [
    senderWalletId,
    receiverWalletId,
  ]);
  const own = await ownWallets(sql, sides);
  return transfers.map((transfer) => ({
    ...movedAnswer(transfer),
    state: transfer.state,
    senderWalletId: own.has(transfer.senderWalletId) ? transfer.senderWalletId : null,
    receiverWalletId:
      transfer.receiverWalletId !== undefined && own.has(transfer.receiverWalletId) ? transfer.receiverWalletId : null,
    expiresAt: transfer.expiresAt?.toISOString() ?? null,
    concludedAt: transfer.concludedAt?.toISOString() ?? null,
  }));
}
