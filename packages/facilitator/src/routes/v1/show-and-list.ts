import type { Sql } from '@tollkeeper/database';
import type { FaultCode } from '@tollkeeper/protocol';
import { z } from 'zod';
import { Id } from '../../http/v1/fields.js';
import { pageOf, PageQuery, rowsToFetch, toPage } from '../../http/v1/page.js';
import { defineRoute, type V1Route } from '../../http/v1/route.js';
import { exampleWalletId, requireOwnWallets, WalletId } from './money-fields.js';

/** Something that happened in wallets: a transfer, a hold, a charge. */
interface WalletThing<Thing, Answer extends { readonly id: string }> {
  readonly tag: string;
  /** Where the list is; one of them is at its id below. */
  readonly path: `/v1/${string}`;
  /** What the path calls the id, such as `holdId`. */
  readonly idName: string;
  /** Such as `a hold` and `holds`. */
  readonly one: string;
  readonly many: string;
  readonly description: string;
  readonly response: z.ZodType<unknown, Answer>;
  readonly example: Answer;
  readonly notFound: FaultCode;
  readonly find: (sql: Sql, id: string) => Promise<Thing>;
  readonly list: (
    sql: Sql,
    page: { readonly walletIds: readonly string[]; readonly before: string | undefined; readonly limit: number },
  ) => Promise<readonly Thing[]>;
  readonly toAnswers: (sql: Sql, things: readonly Thing[]) => Promise<readonly Answer[]>;
}

/** The routes that show one such thing, and that list those of a merchant's wallets. */
export function showAndListRoutes<Thing, Answer extends { readonly id: string }>(
  thing: WalletThing<Thing, Answer>,
): readonly V1Route[] {
  return [listRoute(thing), showRoute(thing)];
}

function listRoute<Thing, Answer extends { readonly id: string }>(thing: WalletThing<Thing, Answer>): V1Route {
  return defineRoute({
    method: 'GET',
    path: thing.path,
    tag: thing.tag,
    summary: `List ${thing.many}`,
    description: thing.description,
    permission: 'read',
    query: PageQuery.extend({
      walletId: WalletId.optional().meta({ description: 'One of your wallets; all of them unless stated' }),
    }),
    response: pageOf(thing.response),
    errors: ['WALLET_NOT_FOUND', 'CURSOR_INVALID'],
    example: {
      query: { walletId: exampleWalletId, limit: '20' },
      response: { items: [thing.example], nextCursor: null },
    },
    async handle({ sql, cursors }, { query }) {
      const before = query.cursor === undefined ? undefined : cursors.read(query.cursor, z.tuple([Id]))[0];
      const walletIds = await listedWallets(sql, query.walletId);
      const found = await thing.list(sql, { walletIds, before, limit: rowsToFetch(query) });
      const answers = await thing.toAnswers(sql, found);
      return toPage(answers, { query, cursors, position: ({ id }) => [id], item: (answer) => answer });
    },
  });
}

function showRoute<Thing, Answer extends { readonly id: string }>(thing: WalletThing<Thing, Answer>): V1Route {
  return defineRoute({
    method: 'GET',
    path: `${thing.path}/:${thing.idName}`,
    tag: thing.tag,
    summary: `Show ${thing.one}`,
    permission: 'read',
    params: z.strictObject({ [thing.idName]: Id }),
    response: thing.response,
    errors: [thing.notFound],
    example: { params: { [thing.idName]: thing.example.id }, response: thing.example },
    async handle({ sql }, { params }) {
      const found = await thing.find(sql, String(params[thing.idName]));
      const [answer] = await thing.toAnswers(sql, [found]);
      if (answer === undefined) throw new TypeError('What was found has no answer');
      return answer;
    },
  });
}

/**
 * The wallet that is asked for, or all that the tenant has.
 * @throws Fault `WALLET_NOT_FOUND`
 */
async function listedWallets(sql: Sql, walletId: string | undefined): Promise<readonly string[]> {
  if (walletId !== undefined) {
    await requireOwnWallets(sql, [walletId]);
    return [walletId];
  }
  const own = await sql<{ id: string }>`SELECT id FROM wallet`;
  return own.map(({ id }) => id);
}
