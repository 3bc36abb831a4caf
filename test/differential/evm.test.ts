import { readPaymentRequest, type Reason } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EvmSetup, startEvmSetup } from '../support/evm-setup.js';
import { evmDifferences, malformed, thrown } from './differences.js';
import { evmVectors, listedTokens, type WirePayment } from './evm-vectors.js';
import { createReferenceEvm } from './reference-evm.js';

/** Every reason that section 1 of scheme_exact_evm.md and the reference's code have for a payment that is only verified. */
const reasonsToCover: readonly Reason[] = [
  'invalid_exact_evm_scheme',
  'invalid_exact_evm_missing_eip712_domain',
  'invalid_exact_evm_network_mismatch',
  'asset_not_deployed_contract',
  'eip6492_factory_not_allowed',
  'invalid_exact_evm_signature',
  'invalid_exact_evm_recipient_mismatch',
  'invalid_exact_evm_payload_authorization_valid_before',
  'invalid_exact_evm_payload_authorization_valid_after',
  'invalid_exact_evm_payload_authorization_value_mismatch',
  'invalid_exact_evm_eip3009_not_supported',
  'invalid_exact_evm_nonce_already_used',
  'invalid_exact_evm_token_name_mismatch',
  'invalid_exact_evm_token_version_mismatch',
  'invalid_exact_evm_insufficient_balance',
  'invalid_exact_evm_transaction_simulation_failed',
];

let setup: EvmSetup;
let ours: ReturnType<EvmSetup['network']>;
let reference: ReturnType<typeof createReferenceEvm>;
const agreed = new Set<string>();

beforeAll(async () => {
  setup = await startEvmSetup();
  ours = setup.network({ assets: [BASE_SEPOLIA_USDC, ...Object.values(listedTokens)] });
  reference = createReferenceEvm({ url: setup.anvil.url, privateKey: sandboxKeys.evm.reference.privateKey });
});
afterAll(() => setup.stop());

async function ourVerdict({ paymentPayload, paymentRequirements }: WirePayment): Promise<string> {
  const request = readPaymentRequest({ x402Version: 2, paymentPayload, paymentRequirements });
  if (request.kind === 'malformed') return malformed;
  if (request.kind === 'refused') return request.rejection.reason;
  const examination = await ours.exact.examine(request.payment);
  if (examination.kind !== 'acceptable') return examination.rejection.reason;
  const verdict = await examination.payment.verify();
  return verdict.valid ? 'valid' : verdict.rejection.reason;
}

async function referenceVerdict({ paymentPayload, paymentRequirements }: WirePayment): Promise<string> {
  try {
    const { isValid, invalidReason } = await reference.verify(paymentPayload, paymentRequirements);
    return isValid ? 'valid' : (invalidReason ?? 'no reason');
  } catch {
    return thrown;
  }
}

/** Both verdicts on one payment, on the same state of the chain. */
async function verdictsOn(name: string): Promise<{ ours: string; reference: string }> {
  const made = await (evmVectors[name] ?? expect.fail(`no vector "${name}"`))(setup);
  const { payment, cleanUp } = 'payment' in made ? made : { payment: made, cleanUp: undefined };
  try {
    return { ours: await ourVerdict(payment), reference: await referenceVerdict(payment) };
  } finally {
    await cleanUp?.();
  }
}

const differing = new Map(evmDifferences.map((difference) => [difference.vector, difference]));

describe('we say what the reference says to', () => {
  test.each(Object.keys(evmVectors).filter((name) => !differing.has(name)))('%s', async (name) => {
    const verdicts = await verdictsOn(name);
    expect(verdicts.ours).toBe(verdicts.reference);
    agreed.add(verdicts.ours);
  });

  test('at least one payment for every reason, and to good ones', () => {
    expect([...agreed]).toEqual(expect.arrayContaining(['valid', ...reasonsToCover]));
  });
});

describe('we differ from the reference on purpose on', () => {
  test.each(evmDifferences)('$vector', async (difference) => {
    expect(difference.ours).not.toBe(difference.reference);
    expect(await verdictsOn(difference.vector)).toEqual({ ours: difference.ours, reference: difference.reference });
  });
});
