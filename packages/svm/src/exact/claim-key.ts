import { createHash } from 'node:crypto';
import type { Network } from '@tollkeeper/protocol';

/**
 * Names what the payer signed: SHA-256 over the cluster and the message, in lowercase hex. One message can land once
 * whatever signatures are attached to it and however its bytes were written down.
 */
export function claimKeyOf(network: Network, message: Uint8Array): string {
  return createHash('sha256').update(network).update(message).digest('hex');
}
