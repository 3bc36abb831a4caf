import { PaymentRequestBody } from '@tollkeeper/protocol';
import { z } from 'zod';
import { Id } from '../http/v1/fields.js';
import { idempotencyErrors, keyErrors, troubles } from '../http/v1/route-errors.js';
import type { DescribedRoute } from './described-route.js';
import { exampleReport, exampleRequest, exampleSupported, exampleSuccess } from './x402-examples.js';
import {
  PaymentReportSchema,
  ReadinessSchema,
  SettleAnswerSchema,
  SupportedAnswerSchema,
  VerifyAnswerSchema,
} from './x402-schemas.js';

const plain = {
  idempotent: 'no',
  status: 200,
  contentType: 'application/json',
  alsoAnswers: [],
  errorContentType: 'application/problem+json',
} as const;

const payment = {
  ...plain,
  tag: 'x402',
  method: 'POST',
  errorContentType: 'application/json',
} as const;

const paymentErrors = [
  'REQUEST_MALFORMED',
  'REQUEST_TOO_LARGE',
  'MEDIA_TYPE_UNSUPPORTED',
  'CHAIN_RPC_UNAVAILABLE',
  'SIGNER_UNFUNDED',
  ...troubles,
] as const;

/** The routes outside `/v1`: the protocol's own, and those of the operator's machines. */
export const x402Routes: readonly DescribedRoute[] = [
  {
    ...payment,
    path: '/verify',
    summary: 'Say whether a payment would settle',
    description:
      'Writes nothing and reserves nothing. Every well-formed request is answered 200: look at `isValid` (x402 v2, section 7.1).',
    schemas: { body: PaymentRequestBody, response: VerifyAnswerSchema },
    errors: paymentErrors,
    example: { body: exampleRequest, response: { isValid: true, payer: exampleReport.payer } },
  },
  {
    ...payment,
    path: '/settle',
    idempotent: 'optional',
    summary: 'Settle a payment, once',
    description:
      'Needs no `/verify` before it. The success is answered to one caller, once; with an API key and an `Idempotency-Key` the same ' +
      'answer is given again (x402 v2, section 7.2).',
    schemas: { body: PaymentRequestBody, response: SettleAnswerSchema },
    errors: [...paymentErrors, 'SETTLEMENT_BUSY', ...keyErrors, 'PERMISSION_DENIED', ...idempotencyErrors],
    example: { body: exampleRequest, response: exampleSuccess },
  },
  {
    ...plain,
    tag: 'x402',
    method: 'GET',
    path: '/supported',
    summary: 'List what can be settled here',
    schemas: { response: SupportedAnswerSchema },
    errors: ['SHUTTING_DOWN', 'INTERNAL'],
    example: { response: exampleSupported },
  },
  {
    ...plain,
    tag: 'x402',
    method: 'GET',
    path: '/payments/:paymentId',
    summary: 'Tell where a payment stands',
    description: 'What was sent for it and the evidence on chain. Needs no key: the id is known to whoever settled it.',
    schemas: { params: z.strictObject({ paymentId: Id }), response: PaymentReportSchema },
    errors: ['PAYMENT_NOT_FOUND', ...troubles],
    example: { params: { paymentId: exampleReport.id }, response: exampleReport },
  },
  {
    ...plain,
    tag: 'Operation',
    method: 'GET',
    path: '/health',
    summary: 'Say that the process lives',
    schemas: { response: z.object({ status: z.literal('ok') }) },
    errors: ['INTERNAL'],
    example: { response: { status: 'ok' } },
  },
  {
    ...plain,
    tag: 'Operation',
    method: 'GET',
    path: '/ready',
    summary: 'Say whether payments can be settled now, and on which networks',
    description:
      'Answered 503 with the same body where no network can be served; each check says what to do. With several networks it stays ' +
      '200 while one of them can be: look at the checks for the others.',
    schemas: { response: ReadinessSchema },
    errors: ['INTERNAL'],
    example: { response: { ready: true, checks: [{ name: 'database', ok: true }] } },
  },
  {
    ...plain,
    tag: 'Operation',
    method: 'GET',
    path: '/metrics',
    summary: 'Everything measured, for Prometheus',
    contentType: 'text/plain',
    schemas: { response: z.string() },
    errors: ['INTERNAL'],
    example: { response: 'tollkeeper_settlements_in_flight 0\n' },
  },
];
