import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Fault } from '@tollkeeper/protocol';
import type { z } from 'zod';

/** Positions in a list, opaque to the caller. */
export interface Cursors {
  /** @param position what the next page starts after: strings and numbers only */
  readonly write: (position: readonly (string | number)[]) => string;
  /** @throws Fault `CURSOR_INVALID` for a cursor that was altered, or was given to another merchant or by another list */
  readonly read: <Position>(cursor: string, position: z.ZodType<Position>) => Position;
}

const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/**
 * Seals with a key that all processes share, for one merchant and one list: nobody can make up a position, nor read in one what
 * number the whole service has come to.
 */
export function createCursors(parts: { readonly key: Uint8Array; readonly scope: readonly string[] }): Cursors {
  const scope = Buffer.from(JSON.stringify(parts.scope));
  return {
    write(position) {
      const nonce = randomBytes(nonceBytes);
      const sealing = createCipheriv(cipher, parts.key, nonce).setAAD(scope);
      const sealed = Buffer.concat([sealing.update(JSON.stringify(position)), sealing.final()]);
      return Buffer.concat([nonce, sealing.getAuthTag(), sealed]).toString('base64url');
    },
    read(cursor, schema) {
      const position = schema.safeParse(open(cursor));
      if (!position.success) throw new Fault('CURSOR_INVALID');
      return position.data;
    },
  };

  function open(cursor: string): unknown {
    const bytes = Buffer.from(cursor, 'base64url');
    // The text is compared as well, because base64url leaves bits at the end that decode to nothing.
    if (bytes.length <= nonceBytes + tagBytes || bytes.toString('base64url') !== cursor)
      throw new Fault('CURSOR_INVALID');
    const opening = createDecipheriv(cipher, parts.key, bytes.subarray(0, nonceBytes)).setAAD(scope);
    opening.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
    const text = opening.update(bytes.subarray(nonceBytes + tagBytes));
    try {
      return JSON.parse(Buffer.concat([text, opening.final()]).toString());
    } catch (error) {
      throw new Fault('CURSOR_INVALID', {}, { cause: error });
    }
  }
}
