import { NoAnswerError } from './no-answer-error.js';

/**
 * An endpoint that answers, but serves nobody for now: its quota is spent, or its node is not well. It says so in a JSON-RPC error,
 * which tells nothing about the question that it was asked.
 */
export class RefusingEndpointError extends NoAnswerError {
  constructor(trouble: string) {
    super('error', trouble);
  }
}
