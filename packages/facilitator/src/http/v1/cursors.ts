import { createHmac, timingSafeEqual } from 'node:crypto';
import { Fault } from '@tollkeeper/protocol';
import type { z } from 'zod';

/** Positions in a list, opaque to the caller. */
export interface Cursors {
  /** @param position what the next page starts after: strings and numbers only */
  readonly write: (position: readonly (string | number)[]) => string;
  /** @throws Fault `CURSOR_INVALID` for a cursor that was altered, or was given to another merchant or by another list */
  readonly read: <Position>(cursor: string, position: z.ZodType<Position>) => Position;
}

const signatureBytes = 16;

/** Signs with a key that all processes share, for one merchant and one list: nobody can make up a position. */
export function createCursors(parts: { readonly key: Uint8Array; readonly scope: readonly string[] }): Cursors {
  return {
    write(position) {
      const body = Buffer.from(JSON.stringify(position));
      return Buffer.concat([sign(body), body]).toString('base64url');
    },
    read(cursor, schema) {
      const bytes = Buffer.from(cursor, 'base64url');
      const [signature, body] = [bytes.subarray(0, signatureBytes), bytes.subarray(signatureBytes)];
      // The text is compared as well, because base64url leaves bits at the end that decode to nothing.
      const whole = signature.length === signatureBytes && bytes.toString('base64url') === cursor;
      if (!whole || !timingSafeEqual(signature, sign(body))) throw new Fault('CURSOR_INVALID');
      const position = schema.safeParse(JSON.parse(body.toString()));
      if (!position.success) throw new Fault('CURSOR_INVALID');
      return position.data;
    },
  };

  function sign(body: Uint8Array): Buffer {
    const hmac = createHmac('sha256', parts.key).update(JSON.stringify(parts.scope)).update('\n').update(body);
    return hmac.digest().subarray(0, signatureBytes);
  }
}
