import { z } from 'zod';
import { AmountOut, Id, Moment } from '../http/v1/fields.js';

const Extra = z.record(z.string(), z.unknown()).optional();

/** The answers of the protocol in words that OpenAPI can read; a test holds them against what the routes answer. */
export const VerifyAnswerSchema = z
  .object({
    isValid: z.boolean(),
    invalidReason: z.string().optional(),
    invalidMessage: z.string().optional(),
    payer: z.string().optional(),
    extra: Extra,
  })
  .meta({ id: 'VerifyAnswer' });

export const SettleAnswerSchema = z
  .object({
    success: z.boolean(),
    errorReason: z.string().optional(),
    errorMessage: z.string().optional(),
    payer: z.string().optional(),
    transaction: z.string().meta({ description: 'The hash or signature; empty where nothing was sent' }),
    network: z.string(),
    amount: AmountOut.optional(),
    extra: Extra,
  })
  .meta({ id: 'SettleAnswer' });

export const SupportedAnswerSchema = z
  .object({
    kinds: z.array(
      z.object({
        x402Version: z.union([z.literal(1), z.literal(2)]),
        scheme: z.string(),
        network: z.string(),
        extra: Extra,
      }),
    ),
    extensions: z.array(z.string()),
    signers: z.record(z.string(), z.array(z.string())),
  })
  .meta({ id: 'SupportedAnswer' });

export const PaymentReportSchema = z
  .object({
    id: Id,
    state: z.enum(['claimed', 'submitted', 'settled', 'failed']),
    paymentState: z.enum(['unused', 'in_flight', 'settled']),
    scheme: z.string(),
    network: z.string(),
    asset: z.string(),
    amount: AmountOut,
    payer: z.string(),
    payTo: z.string(),
    transaction: z.string().nullable(),
    failure: z.object({ reason: z.string(), detail: z.string().nullable() }).nullable(),
    claimedAt: Moment,
    submittedAt: Moment.nullable(),
    concludedAt: Moment.nullable(),
    overdue: z.boolean(),
    answerDeliveredAt: Moment.nullable(),
    attempts: z.array(
      z.object({
        transaction: z.string(),
        signer: z.string(),
        accountNonce: z.string().nullable(),
        signedAt: Moment,
        feePaid: AmountOut.nullable(),
      }),
    ),
    evidence: z
      .object({
        transaction: z.string(),
        position: z.string(),
        blockNumber: z.string(),
        blockHash: z.string(),
        credited: z.boolean(),
        finality: z.enum(['confirmed', 'final', 'reversed']),
        finalAt: Moment.nullable(),
        reversedAt: Moment.nullable(),
      })
      .nullable(),
  })
  .meta({ id: 'PaymentReport' });

export const ReadinessSchema = z
  .object({
    ready: z.boolean(),
    checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string().optional() })),
  })
  .meta({ id: 'Readiness' });
