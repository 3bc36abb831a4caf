import { solanaDevnet } from '@tollkeeper/protocol';
import { startDemoMerchant } from '../demo/demo-merchant.js';
import { sandboxKeys } from '../demo/sandbox-keys.js';
import { payOnce, type StockBuyerOptions } from '../demo/stock-buyer.js';
import type { SandboxConfig } from '../sandbox-config.js';
import { evmNetwork } from './start-parts.js';

const payUsage = `Usage: npm run sandbox -- pay <payTo> [<dollars>]

Pays an address by x402 in the running sandbox: a stock buyer buys something at a stock merchant who asks for payment to
that address. 0.01 dollars unless stated.`;

const path = '/goods';

/**
 * Buys once at a merchant of its own, who is paid at the given address.
 * @returns what happened, for people
 * @throws Error when the payment did not settle
 */
export async function payAddress(config: SandboxConfig, args: readonly string[]): Promise<string> {
  const [payTo, dollars = '0.01', ...rest] = args;
  if (payTo === undefined || rest.length > 0 || !/^\d{1,4}(\.\d{1,6})?$/.test(dollars)) throw new Error(payUsage);
  const isEvm = payTo.startsWith('0x');
  const network = isEvm ? evmNetwork : (solanaDevnet as `solana:${string}`);
  const merchant = await startDemoMerchant({
    port: 0,
    facilitatorUrl: `http://127.0.0.1:${config.facilitatorPort}`,
    routes: { [path]: { network, payTo, price: `$${dollars}` } },
  });
  try {
    const { receipt, required } = await payOnce({ ...buyerOn(isEvm, config), url: `${merchant.url}${path}` });
    if (receipt?.success !== true) {
      throw new Error(`Not paid: ${receipt?.errorReason ?? required?.error ?? 'the sandbox did not answer'}`);
    }
    return `Paid ${dollars} USDC on ${network} in ${receipt.transaction}`;
  } finally {
    await merchant.stop();
  }
}

function buyerOn(isEvm: boolean, config: SandboxConfig): StockBuyerOptions {
  if (isEvm) return { evm: { privateKey: sandboxKeys.evm.buyer.privateKey } };
  const { privateKeyBase58 } = sandboxKeys.svm.buyer;
  return { svm: { privateKeyBase58, rpcUrl: `http://127.0.0.1:${config.svmRpcPort}` } };
}
