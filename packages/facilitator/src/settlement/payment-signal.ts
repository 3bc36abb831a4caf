/** Wakes whoever waits for a payment as soon as this process changed it. A hint only: the database holds the truth. */
export interface PaymentSignal {
  changed(paymentId: string): void;
  /** Resolves when the payment changed here, when `timeoutMs` passed, or when `abort` fired, whichever is first. */
  wait(paymentId: string, limits: { readonly timeoutMs: number; readonly abort: AbortSignal }): Promise<void>;
}

export function createPaymentSignal(): PaymentSignal {
  const waiting = new Map<string, Set<() => void>>();
  return {
    changed(paymentId) {
      for (const wake of waiting.get(paymentId) ?? []) wake();
    },
    async wait(paymentId, { timeoutMs, abort }) {
      if (abort.aborted || timeoutMs <= 0) return;
      await new Promise<void>((resolve) => {
        const wakers = waiting.get(paymentId) ?? new Set();
        waiting.set(paymentId, wakers);
        const wake = () => {
          clearTimeout(timer);
          abort.removeEventListener('abort', wake);
          wakers.delete(wake);
          if (wakers.size === 0) waiting.delete(paymentId);
          resolve();
        };
        const timer = setTimeout(wake, timeoutMs);
        abort.addEventListener('abort', wake);
        wakers.add(wake);
      });
    },
  };
}
