import type { Authorization, Chain, Rejection } from '@tollkeeper/protocol';
import type { PaymentInFlight } from './payer-standing.js';

/**
 * Each of a payer's authorizations holds alone; together they may spend one balance twice, and we would pay for it. Undefined
 * when the balance covers this one beside `earlier`: whatever this payer had in flight before this one was simulated.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE`
 */
export async function findOverspending(
  chain: Chain,
  authorization: Authorization,
  earlier: readonly PaymentInFlight[],
): Promise<Rejection | undefined> {
  const { asset, payer, amount } = authorization;
  if (earlier.length === 0) return undefined;
  let unpaid = earlier;
  for (;;) {
    const balance = await chain.tokenBalance({ asset, owner: payer });
    if (balance >= totalOf(unpaid) + amount) return undefined;
    // What reached the chain is gone from the balance already and must not be counted twice. What is still on its way after
    // the balance was read was not in it, so when nothing arrived meanwhile the two fit together and the answer is certain.
    const stillUnpaid = await findUnpaid(chain, unpaid);
    if (stillUnpaid.length === unpaid.length) return overspending(authorization);
    unpaid = stillUnpaid;
  }
}

/** Those that no transaction has carried out, and that one may still. */
async function findUnpaid(chain: Chain, payments: readonly PaymentInFlight[]): Promise<readonly PaymentInFlight[]> {
  const transfers = payments.flatMap((payment) =>
    payment.attempts.flatMap((sent) =>
      sent.legs
        .filter(({ paymentId }) => paymentId === payment.paymentId)
        .map(({ expected }) => ({ payment, transfer: { ...sent, expected } })),
    ),
  );
  if (transfers.length === 0) return payments.filter(({ retryAlone }) => retryAlone);
  const observations = await chain.observe(transfers.map(({ transfer }) => transfer));
  const states = (of: PaymentInFlight) =>
    transfers.flatMap(({ payment }, index) => (payment === of ? (observations[index]?.state ?? 'pending') : []));
  return payments.filter((payment) => {
    const seen = states(payment);
    return !seen.includes('transferred') && (payment.retryAlone || seen.includes('pending'));
  });
}

function totalOf(payments: readonly PaymentInFlight[]): bigint {
  return payments.reduce((total, { amount }) => total + amount, 0n);
}

function overspending({ asset }: Authorization): Rejection {
  return {
    reason: asset.network.startsWith('eip155:')
      ? 'invalid_exact_evm_insufficient_balance'
      : 'invalid_exact_svm_transaction_simulation_failed',
    detail: 'The payer has other payments in flight, and the balance does not cover this one too',
  };
}
