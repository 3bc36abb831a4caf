/** What a node answered: a result, or its own refusal of the call. */
export type RpcAnswer<Result> =
  | { readonly refused: false; readonly result: Result }
  | { readonly refused: true; readonly code: number; readonly message: string };
