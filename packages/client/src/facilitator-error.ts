import type { FaultCode } from '@tollkeeper/protocol';

/**
 * Why there is no answer. A code of the facilitator's own catalogue, or what the client saw: `FACILITATOR_UNREACHABLE` when
 * the request did not get through or its answer did not come back, `ANSWER_UNREADABLE` when something else answered.
 */
export type FacilitatorErrorCode = FaultCode | 'FACILITATOR_UNREACHABLE' | 'ANSWER_UNREADABLE';

/**
 * The facilitator gave no answer about a payment. It is not a verdict: a payment that does not hold is an ordinary answer with
 * `isValid` or `success` false. After a failed `settle`, settle the same body again; never take it for "not paid".
 */
export class FacilitatorError extends Error {
  override readonly name = 'FacilitatorError';
  readonly code: FacilitatorErrorCode;
  /** The HTTP status; undefined where no answer came. */
  readonly status: number | undefined;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** Names the request in the facilitator's log, where it said so. */
  readonly requestId: string | undefined;

  constructor(
    message: string,
    facts: {
      readonly code: FacilitatorErrorCode;
      readonly status?: number | undefined;
      readonly retryable: boolean;
      readonly requestId?: string | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = facts.code;
    this.status = facts.status;
    this.retryable = facts.retryable;
    this.requestId = facts.requestId;
  }
}
