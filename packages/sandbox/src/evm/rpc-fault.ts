/** One JSON-RPC call that reached the proxy. */
export interface RpcProxyCall {
  readonly method: string;
  readonly params: unknown;
  readonly id: unknown;
  /** 1 for the first call of this method since the start or the last reset. */
  readonly ordinal: number;
  /** Whether it came inside a JSON-RPC batch. */
  readonly inBatch: boolean;
}

/** What the proxy does with a call. */
export type RpcFault =
  | { readonly kind: 'pass' }
  /** The node never sees it and the connection breaks. A batch breaks as a whole. */
  | { readonly kind: 'drop' }
  /** It is passed on after this time. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The node never sees it; the proxy answers this error. */
  | { readonly kind: 'error'; readonly code: number; readonly message: string; readonly data?: unknown }
  /** The node never sees it; the proxy answers this result. */
  | { readonly kind: 'result'; readonly result: unknown }
  /** The node never sees it; the HTTP request gets this status. */
  | { readonly kind: 'http-status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** The node does it, and after this time the connection breaks without the answer. */
  | { readonly kind: 'lose-reply'; readonly afterMs: number }
  /** The node does it, and the proxy answers this error. */
  | { readonly kind: 'deny'; readonly code: number; readonly message: string }
  /** The node does it twice, one after the other; the first answer is passed back. */
  | { readonly kind: 'duplicate' }
  /** It is passed on with these parameters in place of its own. */
  | { readonly kind: 'ask'; readonly params: readonly unknown[] }
  /** The node does it, and its result is passed back changed. */
  | { readonly kind: 'alter'; readonly change: (result: unknown) => unknown }
  /** It is passed on when the gate opens. Once that is open, the rule leaves its calls to the next one. */
  | { readonly kind: 'hold'; readonly gate: RpcGate };

/** Decides about a call; undefined leaves it to the next rule, and to `pass` after the last. */
export type RpcRule = (call: RpcProxyCall) => RpcFault | undefined;

/** Holds calls until it is opened. */
export interface RpcGate {
  /** How many calls wait at it now. */
  readonly waiting: () => number;
  /** Lets every call through, those that wait and those that come. */
  readonly open: () => void;
  readonly isOpen: () => boolean;
  /** Resolves when the gate is open. */
  readonly passed: () => Promise<void>;
}

export function createRpcGate(): RpcGate {
  let waiting = 0;
  let isOpen = false;
  let release = (): void => undefined;
  const opened = new Promise<void>((resolve) => (release = resolve));
  return {
    waiting: () => waiting,
    open: () => {
      isOpen = true;
      release();
    },
    isOpen: () => isOpen,
    passed: async () => {
      waiting += 1;
      await opened;
      waiting -= 1;
    },
  };
}

/** The fault for every call of one method, or for the calls of it whose ordinals are named. */
export function faultOn(method: string, fault: RpcFault, ordinals?: readonly number[]): RpcRule {
  return (call) => (call.method === method && (ordinals?.includes(call.ordinal) ?? true) ? fault : undefined);
}
