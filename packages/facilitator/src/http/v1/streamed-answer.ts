const streamed = Symbol('streamed');

/** An answer that is too long to hold in memory. */
export interface StreamedAnswer {
  readonly [streamed]: true;
  readonly contentType: string;
  /** The name under which a browser saves it. */
  readonly fileName?: string | undefined;
  readonly chunks: AsyncIterable<string>;
}

/** Marks what a handler answers as a stream; the connection's pace decides when the next chunk is asked for. */
export function streamAnswer(answer: Omit<StreamedAnswer, typeof streamed>): StreamedAnswer {
  return { [streamed]: true, ...answer };
}

export function isStreamedAnswer(answer: unknown): answer is StreamedAnswer {
  return typeof answer === 'object' && answer !== null && streamed in answer;
}
