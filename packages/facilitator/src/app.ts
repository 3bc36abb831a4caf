import { randomUUID } from 'node:crypto';
import type { PaymentReport } from '@tollkeeper/protocol';
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import type { StoppedNote } from './controls/stopped-notes.js';
import { answerUnroutable, errorHandling } from './http/errors.js';
import { gracefulClose } from './http/graceful-close.js';
import { jsonBody } from './http/json-body.js';
import { requestLog } from './http/request-log.js';
import { addV1Routes, type V1Parts } from './http/v1/add-v1-routes.js';
import type { RecordedSettlements } from './idempotency/recorded-settlements.js';
import type { Logger } from './logging/logger.js';
import type { Metrics } from './metrics/metrics.js';
import type { Admit } from './payment/admission.js';
import type { Prove, ProvenPayment } from './payment/proven-payment.js';
import type { SchemeRegistry } from './payment/scheme-registry.js';
import type { Readiness } from './readiness.js';
import { addDocumentationRoutes } from './routes/documentation.js';
import { addHealthRoutes } from './routes/health.js';
import { addMetricsRoute } from './routes/metrics.js';
import { addPaymentRoute } from './routes/payments.js';
import { addSettleRoute } from './routes/settle.js';
import { addSupportedRoute } from './routes/supported.js';
import { addVerifyRoute } from './routes/verify.js';
import type { Settlement } from './settlement/join.js';
import type { Verification } from './verification/verify.js';

/** The largest request body, in bytes; stock payloads stay under 8 KiB. */
const bodyLimit = 65_536;

/** What a request may take besides the wait for a settlement. Less than `serve` leaves for all of a stop. */
const answerMarginMs = 5_000;

export interface AppParts {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly schemes: SchemeRegistry;
  readonly prove: Prove;
  readonly admit: Admit;
  readonly verify: (payment: ProvenPayment) => Promise<Verification>;
  readonly settle: (payment: ProvenPayment, abort: AbortSignal) => Promise<Settlement>;
  readonly settleWaitMs: number;
  readonly report: (paymentId: string) => Promise<PaymentReport | undefined>;
  readonly readiness: () => Promise<Readiness>;
  /** What an operator has stopped. */
  readonly stopped: () => readonly StoppedNote[];
  readonly recordedSettlements: RecordedSettlements;
  readonly v1: V1Parts;
  /** operations: only what tells how the process does. */
  readonly serves: 'everything' | 'operations';
}

/** The HTTP service without a socket. */
export function createApp(parts: AppParts): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = parts.log;
  const app = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    // A child for each request would be searched for secrets each time; the few lines that concern one say its id themselves.
    childLoggerFactory: (logger) => logger,
    bodyLimit,
    genReqId: () => randomUUID(),
    forceCloseConnections: 'idle',
    requestTimeout: 30_000,
    routerOptions: { ignoreTrailingSlash: true },
    // What still arrives is answered in our own words.
    return503OnClosing: false,
    frameworkErrors: answerUnroutable,
  });
  void app.register(errorHandling);
  void app.register(jsonBody);
  void app.register(gracefulClose, { answerMs: parts.settleWaitMs + answerMarginMs });
  void app.register(requestLog, { metrics: parts.metrics });
  void app.register((routes, _options, done) => {
    addHealthRoutes(routes, parts);
    addMetricsRoute(routes, parts.metrics);
    if (parts.serves === 'everything') addServiceRoutes(routes, parts);
    done();
  });
  return app;
}

function addServiceRoutes(routes: FastifyInstance, parts: AppParts): void {
  addVerifyRoute(routes, parts);
  addSettleRoute(routes, parts);
  addSupportedRoute(routes, parts.schemes.handlers);
  addPaymentRoute(routes, parts.report);
  addV1Routes(routes, parts.v1);
  addDocumentationRoutes(routes, parts.v1.routes);
}
