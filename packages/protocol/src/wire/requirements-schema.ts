import { z } from 'zod';
import { AmountText } from '../amount.js';

const NonEmpty = z.string().min(1).max(2048);

/** Schemes put what they need here; a key that Tollkeeper does not know stays and is ignored. */
const Extra = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((value) => value ?? {});

const Seconds = z.number().positive();

/** `PaymentRequirements` of protocol version 2 (specification v2, section 5.1.2). Unknown keys are tolerated. */
export const RequirementsV2 = z.object({
  scheme: NonEmpty,
  network: NonEmpty,
  amount: AmountText,
  asset: NonEmpty,
  payTo: NonEmpty,
  maxTimeoutSeconds: Seconds,
  extra: Extra,
});

/** `PaymentRequirements` of protocol version 1, whose resource fields do not concern a facilitator. */
export const RequirementsV1 = z.object({
  scheme: NonEmpty,
  network: NonEmpty,
  maxAmountRequired: AmountText,
  asset: NonEmpty,
  payTo: NonEmpty,
  maxTimeoutSeconds: Seconds,
  extra: Extra,
});
