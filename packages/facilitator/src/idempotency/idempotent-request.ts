import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Fault } from '@tollkeeper/protocol';

/** One request under one key: the names under which its answer is stored. */
export interface IdempotentRequest {
  readonly merchantId: string;
  /** Method and path as the route was defined: the same key on another route is another key. */
  readonly route: string;
  readonly key: string;
  /** sha256 of the canonical request. */
  readonly requestHash: Uint8Array;
}

/** What was answered, to the byte. */
export interface StoredAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Visible ASCII and the space: what a header can carry without anybody changing it on the way. */
const printable = /^[\x20-\x7e]{1,255}$/;

/** @throws Fault `IDEMPOTENCY_KEY_REQUIRED` where the header is missing or not 1 to 255 printable characters */
export function readIdempotencyKey(headers: IncomingHttpHeaders): string {
  const key = headers['idempotency-key'];
  if (typeof key !== 'string' || !printable.test(key)) throw new Fault('IDEMPOTENCY_KEY_REQUIRED');
  return key;
}

/** Two requests are the same when their JSON values are, whatever the order of the keys and the white space. */
export function hashOfRequest(request: unknown): Uint8Array {
  return createHash('sha256').update(canonicalJson(request)).digest();
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}
