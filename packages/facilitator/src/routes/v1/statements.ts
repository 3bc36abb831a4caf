import { Fault } from '@tollkeeper/protocol';
import { z } from 'zod';
import { Id } from '../../http/v1/fields.js';
import { PageQuery, pageOf, rowsToFetch, toPage } from '../../http/v1/page.js';
import { defineRouteApart, type V1Route } from '../../http/v1/route.js';
import { streamAnswer } from '../../http/v1/streamed-answer.js';
import type { ApartCall } from '../../http/v1/tenant-call.js';
import { statementAsCsv } from '../../statements/statement-csv.js';
import { entryAnswer, statementAsJson } from '../../statements/statement-json.js';
import { findWalletAccounts } from '../../statements/wallet-accounts.js';
import type { WalletStatements } from '../../statements/wallet-statements.js';
import { AddressFilter, exampleAsset, exampleWalletId, requireOwnWallets, WalletId } from './money-fields.js';
import { MomentIn } from './moment-in.js';

/** What changed, with its sign. */
const Change = z.string().regex(/^(0|-?[1-9][0-9]{0,77})$/);
const Money = z.object({ pending: Change, available: Change });

const Microseconds = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);

const EntryAnswer = z
  .object({
    postedAt: Microseconds,
    journal: z
      .string()
      .meta({ description: 'The journal of the ledger; entries of one journal stand or fall together' }),
    leg: z.int(),
    type: z.string().meta({ description: 'What happened: `payment`, `payment_final`, `transfer_sent`, `charge`, …' }),
    reference: z.string().meta({ description: 'The payment, transfer, hold or charge that it belongs to' }),
    network: z.string(),
    asset: z.string(),
    change: Money,
  })
  .meta({ id: 'Entry' });

const AssetMoney = z.object({ network: z.string(), asset: z.string(), ...Money.shape });

const StatementAnswer = z
  .object({
    walletId: Id,
    from: Microseconds,
    to: Microseconds.meta({ description: 'The end of the period, or the present where that is earlier' }),
    opening: z.array(AssetMoney),
    entries: z.array(EntryAnswer.extend({ balance: Money })),
    closing: z.array(AssetMoney),
  })
  .meta({ id: 'Statement' });

const exampleEntry = {
  postedAt: '2026-11-24T10:00:02.123456Z',
  journal: '5f0c6d0e9b7a4c1d8e2f3a4b5c6d7e8f',
  leg: 0,
  type: 'payment',
  reference: '019b2f70-2d8e-7a9b-8c1d-3e5f7a9b1c2d',
  ...exampleAsset,
  change: { pending: '10000', available: '0' },
} satisfies z.input<typeof EntryAnswer>;

const params = z.strictObject({ walletId: WalletId });
const token = AddressFilter.optional().meta({ description: 'The address of the token; all unless stated' });

/** `/v1/wallets/:walletId/statement` and `/history`: every movement of a wallet's money. */
export function statementRoutes(parts: { readonly statements: WalletStatements }): readonly V1Route[] {
  return [statementRoute(parts.statements), historyRoute(parts.statements)];
}

function statementRoute(statements: WalletStatements): V1Route {
  return defineRouteApart({
    method: 'GET',
    path: '/v1/wallets/:walletId/statement',
    tag: 'Wallets',
    summary: 'Download a statement',
    description:
      'What the wallet had when the period began, every movement by the time of its posting, and what it had at the end. A ' +
      'period includes its beginning and not its end, so the closing of one is the opening of the next. Held money is part ' +
      'of `available`. The answer is streamed, however long it is; one that breaks off has no closing.',
    permission: 'read',
    params,
    query: z.strictObject({
      from: MomentIn.meta({ description: 'Where the period begins' }),
      to: MomentIn.optional().meta({
        description: 'Where it ends, this moment not included; the present unless stated',
      }),
      format: z.enum(['json', 'csv']).optional().meta({ description: '`json` unless stated' }),
      asset: token,
    }),
    response: StatementAnswer,
    alsoAnswers: ['text/csv; charset=utf-8'],
    errors: ['WALLET_NOT_FOUND', 'STATEMENT_NOT_SETTLED'],
    example: {
      params: { walletId: exampleWalletId },
      query: { from: '2026-11-01T00:00:00Z', to: '2026-12-01T00:00:00Z' },
      response: {
        walletId: exampleWalletId,
        from: '2026-11-01T00:00:00.000000Z',
        to: '2026-12-01T00:00:00.000000Z',
        opening: [{ ...exampleAsset, pending: '0', available: '240000' }],
        entries: [{ ...exampleEntry, balance: { pending: '10000', available: '240000' } }],
        closing: [{ ...exampleAsset, pending: '10000', available: '240000' }],
      },
    },
    async handle(call, { params: { walletId: id }, query }) {
      const from = new Date(query.from);
      const to = query.to === undefined ? undefined : new Date(query.to);
      if (to !== undefined && from > to)
        throw new Fault('REQUEST_MALFORMED', { detail: 'query.to: must not be before query.from' });
      const statement = await statements.open(() => accountsOf(call, { id, token: query.asset }), { from, to });
      const name = `statement-${id}-${statement.from.slice(0, 10)}`;
      return query.format === 'csv'
        ? streamAnswer({
            contentType: 'text/csv; charset=utf-8',
            fileName: `${name}.csv`,
            chunks: statementAsCsv(statement, call.nameJournal),
          })
        : streamAnswer({
            contentType: 'application/json; charset=utf-8',
            fileName: `${name}.json`,
            chunks: statementAsJson(statement, { walletId: id, nameJournal: call.nameJournal }),
          });
    },
  });
}

function historyRoute(statements: WalletStatements): V1Route {
  return defineRouteApart({
    method: 'GET',
    path: '/v1/wallets/:walletId/history',
    tag: 'Wallets',
    summary: 'List the movements of a wallet',
    description: 'The newest first, each with what it changed.',
    permission: 'read',
    params,
    query: PageQuery.extend({ asset: token }),
    response: pageOf(EntryAnswer),
    errors: ['WALLET_NOT_FOUND', 'CURSOR_INVALID', 'STATEMENT_NOT_SETTLED'],
    example: {
      params: { walletId: exampleWalletId },
      query: { limit: '20' },
      response: { items: [exampleEntry], nextCursor: null },
    },
    async handle(call, { params: { walletId: id }, query }) {
      const { cursors } = call;
      const position = query.cursor === undefined ? undefined : cursors.read(query.cursor, Position);
      const before =
        position === undefined
          ? undefined
          : { postedAt: position[0], journalId: BigInt(position[1]), leg: position[2] };
      const limit = rowsToFetch(query);
      const entries = await statements.history(() => accountsOf(call, { id, token: query.asset }), { before, limit });
      return toPage(entries, {
        query,
        cursors,
        position: ({ postedAt, journalId, leg }) => [postedAt, journalId.toString(), leg],
        item: (entry) => entryAnswer(entry, call.nameJournal),
      });
    },
  });
}

const Position = z.tuple([Microseconds, z.string().regex(/^[1-9][0-9]{0,18}$/), z.int().min(0)]);

/** The accounts are found under row security; what was posted to them is read without it, page by page, because they are known. */
function accountsOf(call: ApartCall, wallet: { readonly id: string; readonly token: string | undefined }) {
  return call.asTenant(async ({ sql }) => {
    await requireOwnWallets(sql, [wallet.id]);
    return findWalletAccounts(sql, wallet);
  });
}
