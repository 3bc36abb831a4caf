import type { FaultCode } from '@tollkeeper/protocol';
import type { V1Route } from './route.js';

/** Every code that a route may answer: its own, and those of the frame. */
export function errorsOf(route: V1Route): readonly FaultCode[] {
  const takesInput = Object.keys(route.schemas).some((part) => part !== 'response');
  return [
    ...new Set<FaultCode>([
      ...(takesInput ? (['REQUEST_MALFORMED'] as const) : []),
      ...(route.schemas.body === undefined ? [] : (['REQUEST_TOO_LARGE', 'MEDIA_TYPE_UNSUPPORTED'] as const)),
      ...keyErrors,
      'PERMISSION_DENIED',
      ...route.errors,
      ...(route.money ? idempotencyErrors : []),
      ...troubles,
    ]),
  ];
}

export const keyErrors = ['API_KEY_REQUIRED', 'API_KEY_UNKNOWN', 'API_KEY_REVOKED', 'API_KEY_EXPIRED'] as const;

export const idempotencyErrors = [
  'IDEMPOTENCY_KEY_REQUIRED',
  'IDEMPOTENCY_KEY_REUSED',
  'IDEMPOTENCY_IN_FLIGHT',
] as const;

/** What may happen to any request. */
export const troubles = ['DATABASE_UNAVAILABLE', 'SHUTTING_DOWN', 'INTERNAL'] as const;
