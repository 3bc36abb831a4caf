import { solanaDevnet } from '@tollkeeper/protocol';
import { sandboxKeys } from '../demo/sandbox-keys.js';
import { payOnce, type StockBuyerOptions } from '../demo/stock-buyer.js';
import { BASE_SEPOLIA_USDC } from '../evm/index.js';
import { checkPayment, type PaymentCheck } from './demo-payment.js';
import { addressOn, readBalances, type WalletBalance } from './demo-wallet.js';
import { devnetUsdc } from './local-chains.js';
import type { Progress } from './progress.js';
import { evmNetwork, evmPath, svmPath, type RunningParts } from './start-parts.js';

/** The payments of this start, and what the ledger says after them. */
export interface Purchases {
  readonly payments: readonly PaymentCheck[];
  readonly balances: readonly WalletBalance[];
}

/** Buys once on each chain with stock packages, and holds receipts, ledger and chains against each other. */
export async function buyOnEachChain(parts: RunningParts, progress: Progress): Promise<Purchases> {
  const { evm, svm, wallet, env } = parts;
  const { buyer } = sandboxKeys.evm;
  const svmBuyer = sandboxKeys.svm.buyer;
  const buy = (path: string, payer: StockBuyerOptions) => payOnce({ ...payer, url: `${parts.merchant.url}${path}` });

  const before = await readBalances(wallet, env);
  const evmPaid = await progress.step('a payment on eip155:84532 (stock @x402/fetch)', () =>
    buy(evmPath, { evm: { privateKey: buyer.privateKey } }),
  );
  const svmPaid = await progress.step('a payment on Solana devnet (stock @x402/fetch)', () =>
    buy(svmPath, { svm: { privateKeyBase58: svmBuyer.privateKeyBase58, rpcUrl: svm.url } }),
  );
  const balances = await readBalances(wallet, env);

  const booksOf = (network: string) => ({
    network,
    ledgerBefore: totalOn(before, network),
    ledgerAfter: totalOn(balances, network),
  });
  const evmOwner = addressOn(wallet, evmNetwork) as `0x${string}`;
  return {
    balances,
    payments: [
      checkPayment(evmPaid, {
        ...booksOf(evmNetwork),
        payer: buyer.address,
        chainAfter: await evm.tokenBalance({ token: BASE_SEPOLIA_USDC, owner: evmOwner }),
      }),
      checkPayment(svmPaid, {
        ...booksOf(solanaDevnet),
        payer: svmBuyer.address,
        chainAfter: svm.tokenBalance({ mint: devnetUsdc, owner: addressOn(wallet, solanaDevnet) }),
      }),
    ],
  };
}

function totalOn(balances: readonly WalletBalance[], network: string): bigint {
  const found = balances.find((each) => each.network === network);
  return found === undefined ? 0n : found.pending + found.available;
}
