import {
  faults,
  type FaultCode,
  type PaymentReport,
  type SettleAnswer,
  type SupportedAnswer,
  type VerifyAnswer,
} from '@tollkeeper/protocol';
import { FacilitatorError } from './facilitator-error.js';

/** Calls one facilitator. Every call throws a {@link FacilitatorError} when it brings no answer. */
export interface FacilitatorClient {
  /** What the facilitator settles, and with which addresses it signs. */
  supported(): Promise<SupportedAnswer>;
  /** Whether a payment would settle now. Reserves nothing. */
  verify(body: object): Promise<VerifyAnswer>;
  /**
   * Settles a payment. The success is answered once; a repeat gets `duplicate_settlement` with the same transaction, unless
   * both name the same `idempotencyKey`, which needs an `apiKey`: then the answer is the same again.
   */
  settle(body: object, options?: { readonly idempotencyKey?: string }): Promise<SettleAnswer>;
  /** Where a payment stands; its id is in `extra.paymentId` of a settle answer. Throws `PAYMENT_NOT_FOUND`. */
  payment(id: string): Promise<PaymentReport>;
}

/** How to reach a facilitator. */
export interface FacilitatorClientOptions {
  /** Its base address, with or without a path. */
  readonly url: string;
  /** A merchant's key, for what the facilitator answers to merchants only. Keep it on a server. */
  readonly apiKey?: string;
  /** Sends the requests; the platform's own by default. */
  readonly fetch?: typeof fetch;
  /** How long one call may take. The default is longer than a facilitator may wait for a chain. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 90_000;

/** Makes a client. It keeps no state and opens no connection before the first call. */
export function createFacilitatorClient(options: FacilitatorClientOptions): FacilitatorClient {
  const base = options.url.replace(/\/+$/, '');
  const send = options.fetch ?? fetch;

  return {
    supported: () => ask('/supported', { has: 'kinds' }),
    verify: (body) => ask('/verify', { has: 'isValid', body }),
    settle: (body, { idempotencyKey } = {}) => ask('/settle', { has: 'success', body, idempotencyKey }),
    payment: (id) => ask(`/payments/${encodeURIComponent(id)}`, { has: 'paymentState' }),
  };

  async function ask<Answer>(path: string, call: Call & { readonly has: string }): Promise<Answer> {
    const { status, body } = await exchange(path, call);
    if (status < 200 || status > 299) throw refusal(status, body);
    if (body?.[call.has] !== undefined) return body as Answer;
    throw new FacilitatorError('The answer is not that of a facilitator', {
      code: 'ANSWER_UNREADABLE',
      status,
      retryable: false,
    });
  }

  async function exchange(path: string, { body, idempotencyKey }: Call) {
    const headers = {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(options.apiKey === undefined ? {} : { 'x-api-key': options.apiKey }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    };
    try {
      const response = await send(`${base}${path}`, {
        headers,
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(options.timeoutMs ?? defaultTimeoutMs),
      });
      return { status: response.status, body: parseObject(await response.text()) };
    } catch (cause) {
      throw new FacilitatorError('The facilitator did not answer', {
        code: 'FACILITATOR_UNREACHABLE',
        retryable: true,
        cause,
      });
    }
  }
}

interface Call {
  readonly body?: object;
  readonly idempotencyKey?: string | undefined;
}

/** An error answer, also of the verify and settle routes, carries the fields of a problem (RFC 9457). */
function refusal(status: number, body: Answered | undefined): FacilitatorError {
  const code = body?.['code'];
  if (body === undefined || !isFaultCode(code)) {
    return new FacilitatorError(`Something answered with status ${status} that this client does not know`, {
      code: 'ANSWER_UNREADABLE',
      status,
      retryable: typeof body?.['retryable'] === 'boolean' ? body['retryable'] : status === 429 || status >= 500,
    });
  }
  const { title, detail, retryable, requestId } = body;
  return new FacilitatorError(typeof detail === 'string' ? detail : typeof title === 'string' ? title : code, {
    code,
    status,
    retryable: retryable === true,
    requestId: typeof requestId === 'string' ? requestId : undefined,
  });
}

type Answered = Readonly<Record<string, unknown>>;

function parseObject(text: string): Answered | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Answered) : undefined;
  } catch {
    return undefined;
  }
}

function isFaultCode(code: unknown): code is FaultCode {
  return typeof code === 'string' && Object.hasOwn(faults, code);
}
