import { z } from 'zod';
import { closeWallet, listWallets, readWallet, type Wallet } from '../../custody/wallet-rows.js';
import type { Wallets } from '../../custody/wallets.js';
import { Id, Moment, Name } from '../../http/v1/fields.js';
import { pageOf, PageQuery, rowsToFetch, toPage } from '../../http/v1/page.js';
import { defineRoute, type V1Route } from '../../http/v1/route.js';
import { exampleWalletId, WalletId } from './money-fields.js';

const WalletAnswer = z
  .object({
    id: Id,
    name: z.string(),
    createdAt: Moment,
    closedAt: Moment.nullable().meta({ description: 'Since when it receives nothing new' }),
    addresses: z.array(
      z.object({
        network: z.string(),
        address: z.string().meta({ description: 'The payTo of payments to this wallet' }),
        ready: z.boolean().meta({ description: 'Whether it can receive already; on Solana that takes a moment' }),
      }),
    ),
  })
  .meta({ id: 'Wallet' });

const example = {
  id: exampleWalletId,
  name: 'main',
  createdAt: '2026-11-24T10:00:00.000Z',
  closedAt: null,
  addresses: [
    { network: 'eip155:84532', address: '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65', ready: true },
    {
      network: 'solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1',
      address: '7v91N7iZ9mNicL8WfG6cgSCKyRXydQjLh6UYBWwm6y1Q',
      ready: false,
    },
  ],
} satisfies z.input<typeof WalletAnswer>;

const params = z.strictObject({ walletId: WalletId });

/** `/v1/wallets`: what holds a merchant's money. */
export function walletRoutes(parts: { readonly wallets: Wallets }): readonly V1Route[] {
  return [createRoute(parts.wallets), listRoute, readRoute, closeRoute];
}

function createRoute(wallets: Wallets): V1Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/wallets',
    tag: 'Wallets',
    summary: 'Create a wallet',
    description:
      'With an address of its own on every network. An address that is not `ready` yet becomes so within seconds, whatever ' +
      'happens to the process that made it; until then payments to it are refused.',
    permission: 'write',
    money: true,
    status: 201,
    body: z.strictObject({ name: Name.meta({ description: 'Unique among your wallets' }) }),
    response: WalletAnswer,
    errors: ['WALLET_EXISTS', 'WALLET_QUOTA_REACHED', 'WALLET_KEY_UNREADABLE', 'WALLET_KEYS_ROTATING'],
    example: { body: { name: 'main' }, response: example },
    async handle(call, { body }) {
      const wallet = await wallets.createFor(call, { merchantId: call.tenant.merchantId, name: body.name });
      call.audit({ action: 'wallet.create', subject: wallet.id, after: wallet });
      return toAnswer(wallet);
    },
  });
}

const listRoute = defineRoute({
  method: 'GET',
  path: '/v1/wallets',
  tag: 'Wallets',
  summary: 'List wallets',
  permission: 'read',
  query: PageQuery,
  response: pageOf(WalletAnswer),
  errors: ['CURSOR_INVALID'],
  example: { query: { limit: '20' }, response: { items: [example], nextCursor: null } },
  async handle({ sql, cursors }, { query }) {
    const after = query.cursor === undefined ? null : cursors.read(query.cursor, z.tuple([Id]))[0];
    const rows = await listWallets(sql, { after, limit: rowsToFetch(query) });
    return toPage(rows, { query, cursors, position: ({ id }) => [id], item: toAnswer });
  },
});

const readRoute = defineRoute({
  method: 'GET',
  path: '/v1/wallets/:walletId',
  tag: 'Wallets',
  summary: 'Read a wallet',
  permission: 'read',
  params,
  response: WalletAnswer,
  errors: ['WALLET_NOT_FOUND'],
  example: { params: { walletId: example.id }, response: example },
  handle: async ({ sql }, input) => toAnswer(await readWallet(sql, input.params.walletId)),
});

const closeRoute = defineRoute({
  method: 'POST',
  path: '/v1/wallets/:walletId/close',
  tag: 'Wallets',
  summary: 'Close a wallet',
  description:
    'It takes no payments and no transfers any more, and stays closed. What it holds remains yours: it can be sent to ' +
    'another of your wallets, and what it had sent before comes back to it when it is not claimed.',
  permission: 'write',
  params,
  response: WalletAnswer,
  errors: ['WALLET_NOT_FOUND'],
  example: {
    params: { walletId: example.id },
    response: { ...example, closedAt: '2026-11-25T08:30:00.000Z' },
  },
  async handle(call, input) {
    const { before, after } = await closeWallet(call.sql, input.params.walletId);
    call.audit({ action: 'wallet.close', subject: after.id, before, after });
    return toAnswer(after);
  },
});

function toAnswer({ id, name, createdAt, closedAt, addresses }: Wallet): z.input<typeof WalletAnswer> {
  return {
    id,
    name,
    createdAt: createdAt.toISOString(),
    closedAt: closedAt?.toISOString() ?? null,
    addresses: [...addresses],
  };
}
