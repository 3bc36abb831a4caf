import { faultOn, type RpcRule } from '@tollkeeper/sandbox';
import { commonNodeFaults, inflict, rulesAsFaults } from '../node-faults.js';
import type { SoakFault } from '../soak-fault.js';
import { svmHistoryFaults } from './history-faults.js';
import { transactionOf } from './sent-transaction.js';
import type { SvmSubject } from './svm-subject.js';

const sending = 'sendTransaction';
const looking = 'getSignatureStatuses';
const family = 'Solana';

/** What a Solana node may do to one process. */
export function svmNodeFaults(subject: SvmSubject): readonly SoakFault[] {
  return [
    ...commonNodeFaults(family, { send: sending, look: looking, tryOut: 'simulateTransaction' }),
    ...rulesAsFaults(family, [
      ['sends swallowed', swallowing()],
      ['sends taken and denied', faultOn(sending, { kind: 'deny', code: -32_005, message: 'Node is unhealthy' })],
      ['statuses forgotten', forgettingStatuses],
      ['transactions not readable', faultOn('getTransaction', { kind: 'result', result: null })],
    ]),
    [
      'Solana: sends late',
      (parts) => {
        // Some arrive when their blockhash has expired, and some a moment before.
        const rule = faultOn(sending, { kind: 'delay', ms: 1_500 + 12_000 * parts.random() });
        return inflict(parts, { family, rule, ms: 200 + 1_800 * parts.random() });
      },
    ],
    ...svmHistoryFaults(subject),
  ];
}

/** A node that loses transactions without a word, as nodes do that were asked for no preflight: all, or those that are named. */
export function swallowing(isLost: (payerSignature: string) => boolean = () => true): RpcRule {
  return (call) => {
    if (call.method !== sending) return undefined;
    const { signature, payerSignature } = transactionOf(call);
    return isLost(payerSignature) ? { kind: 'result', result: signature } : undefined;
  };
}

/** A node that was started again: its cache of recent statuses is empty, its history is not. */
const forgettingStatuses: RpcRule = ({ method, params }) => {
  if (method !== looking) return undefined;
  const [, options] = params as readonly [unknown, { readonly searchTransactionHistory: boolean }];
  if (options.searchTransactionHistory) return undefined;
  const forget = (found: unknown) => {
    const { value, ...rest } = found as { readonly value: readonly unknown[] };
    return { ...rest, value: value.map(() => null) };
  };
  return { kind: 'alter', change: forget };
};
