import { createServer } from 'node:http';
import { HTTPFacilitatorClient } from '@x402/core/server';
import type { RoutesConfig } from '@x402/core/server';
import type { Network, Price } from '@x402/core/types';
import { ExactEvmScheme } from '@x402/evm/exact/server';
import { paymentMiddleware, x402ResourceServer } from '@x402/express';
import { ExactSvmScheme } from '@x402/svm/exact/server';
import express from 'express';
import { listenLocally } from './local-server.js';
import type { LocalServer } from './local-server.js';
import { createSalesCounter } from './sales-counter.js';
import type { SalesCounter } from './sales-counter.js';

/** What one path of a demo merchant costs, and who is paid on which network. */
export interface DemoRoute {
  /** CAIP-2, for instance `eip155:84532`. */
  readonly network: Network;
  readonly payTo: string;
  /** Dollars as `$0.01`, or minor units of a named asset. `$0.01` by default. */
  readonly price?: Price;
  readonly maxTimeoutSeconds?: number;
  readonly extra?: Readonly<Record<string, unknown>>;
}

export interface DemoMerchantOptions {
  readonly port?: number;
  readonly host?: string;
  readonly facilitatorUrl: string;
  /** Sent with every call to the facilitator, for instance an API key. */
  readonly facilitatorHeaders?: Readonly<Record<string, string>>;
  /** The stock client's own 90 seconds unless set. */
  readonly facilitatorTimeoutMs?: number;
  /** Paid GET routes by path, for instance `/evm/weather`. */
  readonly routes: Readonly<Record<string, DemoRoute>>;
  /** Makes the body that is sold; a weather report by default. */
  readonly serve?: (path: string) => unknown;
}

/** A merchant's API that sells its answers. */
export interface DemoMerchant extends LocalServer, SalesCounter {}

/** Starts an API of stock `@x402/express`, registered as its documentation says. */
export async function startDemoMerchant(options: DemoMerchantOptions): Promise<DemoMerchant> {
  const { facilitatorUrl, facilitatorHeaders, facilitatorTimeoutMs, serve = weatherReport } = options;
  const facilitator = new HTTPFacilitatorClient({
    url: facilitatorUrl,
    ...(facilitatorTimeoutMs === undefined ? {} : { timeoutMs: facilitatorTimeoutMs }),
    ...(facilitatorHeaders === undefined ? {} : { createAuthHeaders: async () => onEveryPath(facilitatorHeaders) }),
  });
  const resourceServer = new x402ResourceServer(facilitator);
  for (const network of new Set(Object.values(options.routes).map((route) => route.network))) {
    resourceServer.register(network, network.startsWith('solana:') ? new ExactSvmScheme() : new ExactEvmScheme());
  }
  const counter = createSalesCounter('payment-response');
  const app = express();
  app.use(counter.countPaid);
  app.use(paymentMiddleware(stockRoutes(options.routes), resourceServer));
  for (const path of Object.keys(options.routes)) {
    app.get(path, (_request, response) => {
      counter.countHandler(path);
      response.json(serve(path));
    });
  }
  const server = await listenLocally(createServer(app), { ...options, purpose: 'the demo merchant' });
  return { ...server, ...counter.totals };
}

function stockRoutes(routes: Readonly<Record<string, DemoRoute>>): RoutesConfig {
  const entries = Object.entries(routes).map(([path, { price = '$0.01', extra, ...route }]) => {
    const accepts = { ...route, scheme: 'exact', price, ...(extra === undefined ? {} : { extra: { ...extra } }) };
    return [`GET ${path}`, { accepts, description: 'The weather, for a price' }] as const;
  });
  return Object.fromEntries(entries);
}

function onEveryPath(headers: Readonly<Record<string, string>>) {
  return { verify: { ...headers }, settle: { ...headers }, supported: { ...headers } };
}

/** The default answer of every demo merchant. */
export function weatherReport(path: string): { report: { weather: string; temperature: number; path: string } } {
  return { report: { weather: 'sunny', temperature: 21, path } };
}
