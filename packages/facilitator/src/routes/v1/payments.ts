import { Fault } from '@tollkeeper/protocol';
import { z } from 'zod';
import { AmountOut, Id, Moment } from '../../http/v1/fields.js';
import { pageOf, PageQuery, rowsToFetch, toPage } from '../../http/v1/page.js';
import { defineRoute, type V1Route } from '../../http/v1/route.js';
import { findPayments, type PaymentPosition } from '../../statements/find-payments.js';
import { readPayments, type WalletPayment } from '../../statements/wallet-payments.js';
import {
  AddressFilter,
  type CanonicalAddress,
  assetFields,
  exampleAsset,
  exampleWalletId,
  requireOwnWallets,
  WalletId,
} from './money-fields.js';
import { MomentIn } from './moment-in.js';

const PaymentAnswer = z
  .object({
    id: Id,
    walletId: Id,
    state: z.enum(['claimed', 'submitted', 'settled', 'failed']),
    ...assetFields,
    amount: AmountOut,
    payer: z.string(),
    payTo: z.string(),
    transaction: z.string().nullable(),
    finality: z.enum(['confirmed', 'final', 'reversed']).nullable(),
    fee: AmountOut.nullable().meta({ description: 'What it cost, once it is final' }),
    net: AmountOut.nullable().meta({ description: 'What the wallet got, once it is final' }),
    claimedAt: Moment,
    concludedAt: Moment.nullable(),
  })
  .meta({ id: 'Payment' });

const example = {
  id: '019b2f70-2d8e-7a9b-8c1d-3e5f7a9b1c2d',
  walletId: exampleWalletId,
  state: 'settled',
  ...exampleAsset,
  amount: '10000',
  payer: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
  payTo: '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65',
  transaction: '0x4e3a3754410177e6937ef1f84bba68ea139e8d1a2258c5f85db9f1cd715a1bdd',
  finality: 'final',
  fee: '105',
  net: '9895',
  claimedAt: '2026-11-24T10:00:00.000Z',
  concludedAt: '2026-11-24T10:00:02.000Z',
} satisfies z.input<typeof PaymentAnswer>;

/** `/v1/payments`: what was paid to a merchant's wallets. */
export function paymentRoutes(parts: { readonly canonicalAddress: CanonicalAddress }): readonly V1Route[] {
  return [listRoute(parts.canonicalAddress), readRoute];
}

function listRoute(canonicalAddress: CanonicalAddress): V1Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/payments',
    tag: 'Payments',
    summary: 'List payments',
    description:
      'The newest first. The filters may be combined; with `payer` beside another filter, and with `state=settled`, a page may hold fewer items than `limit`, even none, while `nextCursor` leads on to more.',
    permission: 'read',
    query: PageQuery.extend({
      walletId: WalletId.optional().meta({ description: 'One of your wallets; all of them unless stated' }),
      state: z.enum(['claimed', 'submitted', 'settled', 'failed']).optional(),
      payer: AddressFilter.optional().meta({ description: 'The address that paid' }),
      asset: AddressFilter.optional().meta({ description: 'The address of the token' }),
      from: MomentIn.optional().meta({ description: 'Claimed at this time or later' }),
      to: MomentIn.optional().meta({ description: 'Claimed before this time' }),
    }),
    response: pageOf(PaymentAnswer),
    errors: ['WALLET_NOT_FOUND', 'CURSOR_INVALID'],
    example: {
      query: { walletId: example.walletId, state: 'settled', limit: '20' },
      response: { items: [example], nextCursor: null },
    },
    async handle({ sql, cursors }, { query }) {
      if (query.walletId !== undefined) await requireOwnWallets(sql, [query.walletId]);
      const position = query.cursor === undefined ? undefined : cursors.read(query.cursor, Position);
      const { found, searchedTo } = await findPayments(sql, {
        walletId: query.walletId ?? null,
        network: null,
        payer: query.payer === undefined ? null : canonicalAddress(query.payer),
        state: query.state ?? null,
        token: query.asset === undefined ? null : canonicalAddress(query.asset),
        from: query.from === undefined ? null : new Date(query.from),
        to: query.to === undefined ? null : new Date(query.to),
        before: position === undefined ? null : { claimedAt: position[0], id: position[1] },
        limit: rowsToFetch(query),
      });
      // A claim may be forgotten before it is read; what comes after it is on the next page all the same.
      const page = toPage(found, { query, cursors, position: placeOf, item: ({ id }) => id });
      const searchedOn = searchedTo === undefined ? null : cursors.write(placeOf(searchedTo));
      const payments = await readPayments(sql, page.items);
      return { items: payments.map(toAnswer), nextCursor: page.nextCursor ?? searchedOn };
    },
  });
}

function placeOf({ claimedAt, id }: PaymentPosition): readonly string[] {
  return [claimedAt, id];
}

const Position = z.tuple([z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/), Id]);

const readRoute = defineRoute({
  method: 'GET',
  path: '/v1/payments/:paymentId',
  tag: 'Payments',
  summary: 'Read a payment',
  description: '`GET /payments/:id` shows what was sent for it and the evidence on chain.',
  permission: 'read',
  params: z.strictObject({ paymentId: Id }),
  response: PaymentAnswer,
  errors: ['PAYMENT_NOT_FOUND'],
  example: { params: { paymentId: example.id }, response: example },
  async handle({ sql }, { params }) {
    const [payment] = await readPayments(sql, [params.paymentId]);
    if (payment === undefined) throw new Fault('PAYMENT_NOT_FOUND');
    return toAnswer(payment);
  },
});

function toAnswer({
  amount,
  fee,
  net,
  claimedAt,
  concludedAt,
  ...payment
}: WalletPayment): z.input<typeof PaymentAnswer> {
  return {
    ...payment,
    amount: amount.toString(),
    fee: fee?.toString() ?? null,
    net: net?.toString() ?? null,
    claimedAt: claimedAt.toISOString(),
    concludedAt: concludedAt?.toISOString() ?? null,
  };
}
