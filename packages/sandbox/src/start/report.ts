import type { SandboxConfig } from '../sandbox-config.js';
import type { PaymentCheck } from './demo-payment.js';
import type { DemoWallet, WalletBalance } from './demo-wallet.js';

/** What the user reads when everything runs. */
export function describeSandbox(facts: {
  readonly config: SandboxConfig;
  readonly merchantUrl: string;
  readonly paths: readonly string[];
  readonly wallet: DemoWallet;
  readonly payments: readonly PaymentCheck[];
  readonly balances: readonly WalletBalance[];
}): string {
  const facilitator = `http://127.0.0.1:${facts.config.facilitatorPort}`;
  return [
    '',
    'URLs',
    `  facilitator    ${facilitator}`,
    ...facts.paths.map((path) => `  demo merchant  ${facts.merchantUrl}${path}`),
    `  EVM RPC        http://127.0.0.1:${facts.config.evmRpcPort}  (anvil as eip155:84532)`,
    `  Solana RPC     http://127.0.0.1:${facts.config.svmRpcPort}  (LiteSVM as devnet)`,
    `  data folder    ${facts.config.dataDir}`,
    '',
    'Payments made now, by a stock @x402/fetch buyer at the stock @x402/express merchant',
    ...facts.payments.flatMap(describePayment),
    '',
    `Ledger of the demo merchant, wallet ${facts.wallet.id}`,
    ...facts.balances.map(
      ({ network, pending, available }) =>
        `  ${network.padEnd(42)} ${usd(pending)} USDC pending, ${usd(available)} USDC available`,
    ),
    '',
    'Try',
    ...['supported', 'health', 'metrics'].map((path) => `  curl ${facilitator}/${path}`),
    '',
  ].join('\n');
}

function describePayment({ network, transaction, payer, amount, problems }: PaymentCheck): string[] {
  return [
    `  network      ${network}`,
    `  transaction  ${transaction}`,
    `  payer        ${payer}`,
    `  amount       ${usd(amount)} USDC`,
    ...problems.map((problem) => `  PROBLEM      ${problem}`),
    '',
  ];
}

/** Minor units of a token with six decimals. */
function usd(minorUnits: bigint): string {
  const digits = minorUnits.toString().padStart(7, '0');
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
