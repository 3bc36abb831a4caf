import { randomBytes } from 'node:crypto';
import {
  BASE_SEPOLIA_USDC,
  contractCode,
  gasBurnerTokenAbi,
  MULTICALL3_ADDRESS,
  sandboxKeys,
  testUsdcAbi,
} from '@tollkeeper/sandbox';
import { type Address, bytesToHex, encodeFunctionData, zeroHash } from 'viem';
import { type EvmPayload, signTransfer, type TransferOffer } from '../support/evm-payment.js';
import type { EvmSetup } from '../support/evm-setup.js';
import {
  bareParitySignature,
  compactSignature,
  counterfactualSignature,
  malleatedSignature,
} from '../support/evm-signature.js';
import { asOwner, deployWallet, placeToken, useAuthorization } from './prepare-evm-chain.js';

type Json = Record<string, unknown>;

/** A verify request, its two halves as they go over the wire. */
export interface WirePayment {
  readonly paymentPayload: { readonly x402Version: 2; readonly accepted: Json; readonly payload: Json };
  readonly paymentRequirements: Json;
}

/** A payment to be judged by both facilitators, and what must be put back afterwards. */
interface Prepared {
  readonly payment: WirePayment;
  readonly cleanUp?: () => Promise<unknown>;
}

type Vector = (setup: EvmSetup) => Promise<WirePayment | Prepared>;

const { buyer, facilitator, merchant, stranger } = sandboxKeys.evm;
const network = 'eip155:84532';
const now = () => BigInt(Math.floor(Date.now() / 1000));
const withWrongChecksum = (address: string) => address.replace(/[a-f]/, (letter) => letter.toUpperCase());

const inCapitals = (hex: string) => `0x${hex.slice(2).toUpperCase()}`;

interface Bends {
  readonly offer?: Partial<TransferOffer>;
  readonly payload?: (payload: EvmPayload) => Json;
  readonly accepted?: Json;
  readonly requirements?: Json;
  /** Minor units that the payer holds. */
  readonly funds?: bigint;
}

/** A good payment by a fresh payer, bent. */
async function pay(setup: EvmSetup, bends: Bends = {}): Promise<WirePayment> {
  const token = (bends.offer?.token ?? BASE_SEPOLIA_USDC) as Address;
  const isToken = (await setup.anvil.rpc('eth_getCode', [token, 'latest'])) !== '0x';
  const amount = isToken ? (bends.funds ?? 1_000_000n) : 0n;
  const { privateKey } = await setup.payer({ token, amount });
  const offer = { privateKey, token, payTo: merchant.address, value: 10_000n, ...bends.offer };
  const payload = await signTransfer(offer);
  const requirements = {
    scheme: 'exact',
    network,
    amount: offer.value.toString(),
    asset: token,
    payTo: offer.payTo,
    maxTimeoutSeconds: 60,
    extra: { name: offer.name ?? 'USDC', version: offer.version ?? '2' },
  };
  return {
    paymentPayload: {
      x402Version: 2,
      accepted: { ...requirements, ...bends.accepted },
      payload: bends.payload?.(payload) ?? { ...payload },
    },
    paymentRequirements: { ...requirements, ...bends.requirements },
  };
}

const bySignature = (encode: (signature: string) => string) => (setup: EvmSetup) =>
  pay(setup, { payload: (payload) => ({ ...payload, signature: encode(payload.signature) }) });

const byAuthorization = (changes: Json) => (setup: EvmSetup) =>
  pay(setup, { payload: (payload) => ({ ...payload, authorization: { ...payload.authorization, ...changes } }) });

const bend =
  (bends: Bends): Vector =>
  (setup) =>
    pay(setup, bends);

/** Tokens that our operator lists beside USDC; each stands only where a vector has placed it. */
export const listedTokens = {
  plain: '0x1111111111111111111111111111111111111111',
  missing: '0x2222222222222222222222222222222222222222',
  burner: '0x3333333333333333333333333333333333333333',
} as const;

const agreeing: Record<string, Vector> = {
  'a good payment': bend({}),
  'a good payment of nothing': bend({ offer: { value: 0n } }),
  'a good payment with its hex in capitals': bend({
    payload: ({ signature, authorization }) => ({
      signature: inCapitals(signature),
      authorization: { ...authorization, nonce: inCapitals(authorization.nonce) },
    }),
  }),
  'a good payment with its addresses in lower case': bend({
    payload: ({ signature, authorization }) => ({
      signature,
      authorization: { ...authorization, from: authorization.from.toLowerCase(), to: authorization.to.toLowerCase() },
    }),
    requirements: { payTo: merchant.address.toLowerCase(), asset: BASE_SEPOLIA_USDC.toLowerCase() },
  }),
  'a good payment with an unknown field': bend({ payload: (payload) => ({ ...payload, note: 'hello' }) }),
  'another scheme required': bend({ requirements: { scheme: 'upto' } }),
  'another scheme accepted': bend({ accepted: { scheme: 'upto' } }),
  'no token name': bend({ requirements: { extra: { version: '2' } } }),
  'no token version': bend({ requirements: { extra: { name: 'USDC', version: '' } } }),
  'another network accepted': bend({ accepted: { network: 'eip155:8453' } }),
  'another scheme, network and no domain': bend({
    accepted: { network: 'eip155:8453', scheme: 'upto' },
    requirements: { extra: {} },
  }),
  'an asset without a contract': bend({ offer: { token: listedTokens.missing } }),
  'a wallet that no allowed factory deploys': bySignature((text) => counterfactualSignature(text, stranger.address)),
  'a 6492 wrapper without a factory': bySignature((text) => counterfactualSignature(text, `0x${'0'.repeat(40)}`)),
  'another payer': byAuthorization({ from: stranger.address }),
  'another nonce': byAuthorization({ nonce: zeroHash }),
  'a signature for another chain': bend({ offer: { chainId: 8453 } }),
  'a signature under another name': bend({ requirements: { extra: { name: 'USD Coin', version: '2' } } }),
  'a compact signature': bySignature(compactSignature),
  'a malleated signature': bySignature(malleatedSignature),
  'a signature with v of 0 or 1': bySignature(bareParitySignature),
  'a signature with v of 29': bySignature((text) => text.replace(/..$/, '1d')),
  'a signature of 66 bytes': bySignature((text) => `${text}00`),
  'a signature of zeros': bySignature((text) => `0x${'0'.repeat(text.length - 2)}`),
  'a signature of nothing': bySignature(() => '0x'),
  'another payee': bend({ requirements: { payTo: stranger.address } }),
  'another payee and a wrong signature': bend({ offer: { chainId: 1 }, requirements: { payTo: stranger.address } }),
  'an authorization that has expired': (setup) => pay(setup, { offer: { validBefore: now() - 1n } }),
  'an authorization about to expire': (setup) => pay(setup, { offer: { validBefore: now() + 5n } }),
  'an authorization for ever': bend({ offer: { validBefore: 2n ** 256n - 1n } }),
  'an authorization of tomorrow': (setup) => pay(setup, { offer: { validAfter: now() + 86_400n } }),
  'expired, of tomorrow, and for another amount': bend({
    offer: { validBefore: 1n, validAfter: 2n ** 255n },
    requirements: { amount: '1' },
  }),
  'a value below the amount': bend({ requirements: { amount: '10001' } }),
  'a value above the amount': bend({ requirements: { amount: '9999' } }),
  'a token without EIP-3009': async (setup) =>
    pay(setup, { offer: { token: await placeToken(setup, 'plain', listedTokens.plain) } }),
  'an authorization that is used': async (setup) => {
    const { privateKey } = await setup.payer();
    const nonce = bytesToHex(randomBytes(32));
    const offer = { privateKey, nonce };
    await useAuthorization(setup, await pay(setup, { offer }));
    return pay(setup, { offer });
  },
  "another name than the token's": bend({ offer: { name: 'USD Coin' } }),
  "another version than the token's": bend({ offer: { version: '1' } }),
  'another name and too little money': bend({ offer: { name: 'USD Coin' }, funds: 0n }),
  'too little money': bend({ funds: 9_999n }),
  'a payer on the blacklist': async (setup) => {
    const payer = await setup.payer();
    await asOwner(setup, { abi: testUsdcAbi, functionName: 'blacklist', args: [payer.address] });
    return pay(setup, { offer: { privateKey: payer.privateKey } });
  },
  'a token at rest': async (setup) => {
    const payment = await pay(setup);
    await asOwner(setup, { abi: testUsdcAbi, functionName: 'pause' });
    return { payment, cleanUp: () => asOwner(setup, { abi: testUsdcAbi, functionName: 'unpause' }) };
  },
  'a key that delegates to code (EIP-7702)': async (setup) => {
    const payer = await setup.payer();
    await setup.anvil.rpc('anvil_setCode', [payer.address, `0xef0100${MULTICALL3_ADDRESS.slice(2)}`]);
    return pay(setup, { offer: { privateKey: payer.privateKey } });
  },
};

const differing: Record<string, Vector> = {
  'a token that the operator does not list': async (setup) => {
    const token = await placeToken(setup, 'usdc', bytesToHex(randomBytes(20)));
    return pay(setup, { offer: { token } });
  },
  'a Permit2 payment for another spender': async (setup) => {
    const permit2Authorization = {
      from: buyer.address,
      permitted: { token: BASE_SEPOLIA_USDC, amount: '10000' },
      spender: stranger.address,
      nonce: '1',
      deadline: (now() + 300n).toString(),
      witness: { to: merchant.address, validAfter: '0' },
    };
    return pay(setup, { payload: ({ signature }) => ({ signature, permit2Authorization }) });
  },
  'a smart wallet that approves': async (setup) => {
    const { wallet } = await deployWallet(setup);
    return pay(
      setup,
      walletPayment(wallet, (signature) => signature),
    );
  },
  'a deployed smart wallet with a 6492 wrapper': async (setup) => {
    const { wallet, factory } = await deployWallet(setup);
    return pay(
      setup,
      walletPayment(wallet, (signature) => counterfactualSignature(signature, factory)),
    );
  },
  'a key that delegates to code (EIP-7702), paid to another payee': async (setup) => {
    const payer = await setup.payer();
    await setup.anvil.rpc('anvil_setCode', [payer.address, `0xef0100${MULTICALL3_ADDRESS.slice(2)}`]);
    return pay(setup, { offer: { privateKey: payer.privateKey }, requirements: { payTo: stranger.address } });
  },
  'a token that burns more gas than the limit': async (setup) => {
    const token = await placeToken(setup, 'gas-burner', listedTokens.burner);
    const payment = await pay(setup, { offer: { token } });
    const data = encodeFunctionData({ abi: gasBurnerTokenAbi, functionName: 'setGasToBurn', args: [400_000n] });
    await setup.anvil.asTokenOwner({ to: token, data });
    return payment;
  },
  'too little money, on a chain without Multicall3': async (setup) => {
    const payment = await pay(setup, { funds: 0n });
    await setup.anvil.rpc('anvil_setCode', [MULTICALL3_ADDRESS, '0x']);
    const cleanUp = () => setup.anvil.rpc('anvil_setCode', [MULTICALL3_ADDRESS, contractCode.multicall3]);
    return { payment, cleanUp };
  },
  'an authorization.to in capitals': byAuthorization({ to: inCapitals(merchant.address) }),
  'a value in hex': byAuthorization({ value: '0x2710' }),
  'a value with spaces': byAuthorization({ value: ' 10000 ' }),
  'a value with leading zeros': byAuthorization({ value: '010000' }),
  'a value that is a JSON number': byAuthorization({ value: 10_000 }),
  'a value with an exponent': byAuthorization({ value: '1e4' }),
  'a required amount in hex': bend({ requirements: { amount: '0x2710' } }),
  'no authorization': bend({ payload: ({ signature }) => ({ signature }) }),
  'no signature': bend({ payload: ({ authorization }) => ({ authorization }) }),
  'a nonce of 31 bytes': byAuthorization({ nonce: `0x${'11'.repeat(31)}` }),
  'an asset that is no address': bend({ requirements: { asset: 'USDC' } }),
  'a payTo that is no address': bend({ requirements: { payTo: 'merchant.eth' } }),
  'a payTo with a wrong checksum': bend({ requirements: { payTo: withWrongChecksum(merchant.address) } }),
  'an authorization.to with a wrong checksum': byAuthorization({ to: withWrongChecksum(merchant.address) }),
  'payTo the payer': async (setup) => {
    const payer = await setup.payer();
    return pay(setup, { offer: { privateKey: payer.privateKey, payTo: payer.address } });
  },
  'payTo our signer': bend({ offer: { payTo: facilitator.address } }),
  'payTo the token': bend({ offer: { payTo: BASE_SEPOLIA_USDC } }),
  'payTo the zero address': bend({ offer: { payTo: `0x${'0'.repeat(40)}` } }),
};

export const evmVectors: Readonly<Record<string, Vector>> = { ...agreeing, ...differing };

/** Signed by the wallet's key holder on the wallet's behalf. */
function walletPayment(wallet: Address, encode: (signature: string) => string): Bends {
  return {
    offer: { privateKey: buyer.privateKey, from: wallet },
    payload: (payload) => ({ ...payload, signature: encode(payload.signature) }),
  };
}
