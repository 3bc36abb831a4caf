import type { ClaimedTransfer, SubmittedTransaction } from '@tollkeeper/protocol';
import { decodeAggregate3, multicall3Address } from '../multicall3.js';
import { decodeTransaction } from './decode-transaction.js';
import { nonceTopic } from './transfer-log.js';

/** How the calls of one transaction of ours are arranged. */
export interface Legs {
  readonly areShared: boolean;
  /** Whether there is none: the transaction only takes a place that nobody needs any more. */
  readonly areNone: boolean;
  /** How many of the calls before this one ask the same token for an equal transfer. */
  placeAmongEqual(claim: ClaimedTransfer): number;
}

/** Where the words stand in the calldata of `transferWithAuthorization`, with `0x` and the selector before them. */
const wordAt = (data: string, place: number) => data.slice(10 + 64 * place, 10 + 64 * (place + 1));

/** Payer, payee and amount. */
const equality = (call: { readonly to: string; readonly data: string }) =>
  [call.to, ...[0, 1, 2].map((place) => wordAt(call.data, place))].join().toLowerCase();

const nonceAt = (data: string) => `0x${wordAt(data, 5)}`;

/** Reads the calls out of the bytes of a transaction. */
export function readLegs({ raw }: Pick<SubmittedTransaction, 'raw'>): Legs {
  const { to, data } = decodeTransaction(raw);
  const areShared = to === multicall3Address;
  const calls = areShared ? decodeAggregate3(data) : [{ to, data }];
  return {
    areShared,
    areNone: data === '0x',
    placeAmongEqual(claim) {
      const nonce = nonceTopic(claim);
      const token = claim.asset.token.toLowerCase();
      const place = calls.findIndex((call) => nonceAt(call.data) === nonce && call.to.toLowerCase() === token);
      const own = calls[place];
      if (own === undefined) return 0;
      return calls.slice(0, place).filter((call) => equality(call) === equality(own)).length;
    },
  };
}
