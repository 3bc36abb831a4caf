/**
 * How a merchant calls the facilitator.
 *
 * @example
 * ```ts
 * import { createFacilitatorClient, FacilitatorError } from '@tollkeeper/client';
 *
 * const facilitator = createFacilitatorClient({ url: 'http://127.0.0.1:4022' });
 *
 * try {
 *   const answer = await facilitator.settle({ x402Version: 2, paymentPayload, paymentRequirements });
 *   if (answer.success) deliver(answer.transaction);
 *   else refuse(answer.errorReason);
 * } catch (error) {
 *   // No answer is not a refusal: the money may have moved. Settling the same body again finds out.
 *   if (error instanceof FacilitatorError && error.retryable) settleAgainLater();
 *   else throw error;
 * }
 * ```
 *
 * @packageDocumentation
 */
export {
  createFacilitatorClient,
  type FacilitatorClient,
  type FacilitatorClientOptions,
} from './facilitator-client.js';
export { FacilitatorError, type FacilitatorErrorCode } from './facilitator-error.js';
