import type { RpcCall } from '@tollkeeper/protocol';

/** A call that ended without an answer of the node, with the word that describes it in metrics and facts. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
  readonly outcome: RpcCall['outcome'];

  constructor(outcome: RpcCall['outcome'], trouble: string) {
    super(trouble);
    this.outcome = outcome;
  }
}
