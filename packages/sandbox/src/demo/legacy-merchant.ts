import { createServer } from 'node:http';
import express from 'express';
import { paymentMiddleware } from 'x402-express';
import type { Network, SolanaAddress } from 'x402-express';
import type { Address } from 'viem';
import { weatherReport } from './demo-merchant.js';
import type { DemoMerchant } from './demo-merchant.js';
import { listenLocally } from './local-server.js';
import { createSalesCounter } from './sales-counter.js';

/** What one path of a legacy merchant costs. */
export interface LegacyRoute {
  /** A network name of protocol version 1, for instance `base-sepolia` or `solana-devnet`. */
  readonly network: Network;
  readonly payTo: string;
  /** Dollars as `$0.01`, the default. */
  readonly price?: string;
  readonly maxTimeoutSeconds?: number;
}

export interface LegacyMerchantOptions {
  readonly port?: number;
  readonly host?: string;
  readonly facilitatorUrl: string;
  /** Paid GET routes by path. */
  readonly routes: Readonly<Record<string, LegacyRoute>>;
  readonly serve?: (path: string) => unknown;
}

/** Starts an API of stock `x402-express`, which speaks protocol version 1. */
export async function startLegacyMerchant(options: LegacyMerchantOptions): Promise<DemoMerchant> {
  const { serve = weatherReport } = options;
  const facilitatorUrl = options.facilitatorUrl as `${string}://${string}`;
  const counter = createSalesCounter('x-payment-response');
  const app = express();
  app.use(counter.countPaid);
  for (const [path, { network, payTo, price = '$0.01', maxTimeoutSeconds }] of Object.entries(options.routes)) {
    const config = maxTimeoutSeconds === undefined ? {} : { maxTimeoutSeconds };
    const routes = { [`GET ${path}`]: { price, network, config } };
    // The legacy middleware knows one payee, so each route has its own.
    app.use(paymentMiddleware(payTo as Address | SolanaAddress, routes, { url: facilitatorUrl }));
    app.get(path, (_request, response) => {
      counter.countHandler(path);
      response.json(serve(path));
    });
  }
  const server = await listenLocally(createServer(app), { ...options, purpose: 'the legacy merchant' });
  return { ...server, ...counter.totals };
}
