import type { Bank } from './bank.js';
import type { LocalKey } from './local-key.js';
import { assembleTransaction, buildMessage } from './message-builder.js';
import { rpcFailure } from './rpc-failure.js';
import type { SlotClock } from './slot-clock.js';
import { u64 } from './token-issuer.js';
import { isParseFailure, parseTransaction } from './transaction-parser.js';

/** Answers airdrops with a real transfer of its own, so that they are found in history as on devnet. */
export function createFaucet(parts: { bank: Bank; clock: SlotClock; key: LocalKey }) {
  const { bank, clock, key } = parts;
  let airdrops = 0;
  return (address: string, lamports: bigint): string => {
    airdrops += 1;
    const message = buildMessage({
      payer: key.address,
      blockhash: clock.blockhash(clock.slot()),
      instructions: [
        {
          program: '11111111111111111111111111111111',
          accounts: [
            { address: key.address, signer: true, writable: true },
            { address, writable: true },
          ],
          data: Buffer.concat([Uint8Array.of(2, 0, 0, 0), u64(lamports)]),
        },
        // Two equal airdrops in one slot would be the same transaction, of which the second is refused.
        {
          program: 'MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr',
          accounts: [],
          data: Buffer.from(`airdrop ${String(airdrops)}`),
        },
      ],
    });
    const parsed = parseTransaction(assembleTransaction(message, [key.sign(message)]));
    const resolved = isParseFailure(parsed) ? undefined : bank.resolve(parsed);
    const landed = resolved === undefined || typeof resolved === 'string' ? undefined : bank.land(resolved);
    if (landed === undefined || landed.meta.err !== null) throw rpcFailure('internal', 'airdrop request failed');
    return landed.signature;
  };
}
