import type { RpcCall } from '../rpc-observer.js';

/**
 * A call to one RPC endpoint that ended without an answer to its question: nobody knows what the node did. The message is a few
 * words for logs, never the endpoint's address.
 */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
  readonly outcome: RpcCall['outcome'];

  constructor(outcome: RpcCall['outcome'], trouble: string) {
    super(trouble);
    this.outcome = outcome;
  }
}
