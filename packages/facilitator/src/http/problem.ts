import { Fault, type FaultCode } from '@tollkeeper/protocol';

/** The body of our own errors (RFC 9457), with the catalogue's code and whether asking again can help. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: FaultCode;
  readonly retryable: boolean;
  readonly requestId: string;
  readonly detail?: string;
}

export function problemOf(fault: Fault, requestId: string): Problem {
  const detail = fault.facts['detail'];
  return {
    type: `urn:tollkeeper:error:${fault.code}`,
    title: fault.message,
    status: fault.status,
    code: fault.code,
    retryable: fault.retryable,
    requestId,
    ...(typeof detail === 'string' ? { detail } : {}),
  };
}
