import { amount, type Payment } from '@tollkeeper/protocol';

/** The request as JSON, from which any process can examine the payment again. */
export function storedRequest({ requirements, ...payment }: Payment): string {
  return JSON.stringify({ ...payment, requirements: { ...requirements, amount: requirements.amount.toString() } });
}

/** Reads what {@link storedRequest} wrote. */
export function readStoredRequest(text: string): Payment {
  const { requirements, ...payment } = JSON.parse(text) as Payment & {
    readonly requirements: { readonly amount: string };
  };
  return { ...payment, requirements: { ...requirements, amount: amount(BigInt(requirements.amount)) } };
}
