import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  bytesToHex,
  createPublicClient,
  createWalletClient,
  domainSeparator,
  encodeFunctionData,
  http,
  numberToHex,
  parseSignature,
  serializeSignature,
} from 'viem';
import type { Address, Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { sandboxKeys } from '../demo/sandbox-keys.js';
import { contractCode, gasBurnerTokenAbi, testSmartWalletFactoryAbi, testUsdcAbi } from './contract-artifacts.js';
import { BASE_SEPOLIA_USDC, startEvmChain } from './evm-chain.js';
import type { EvmChain } from './evm-chain.js';
import type { TokenKind } from './test-tokens.js';

const buyer = privateKeyToAccount(sandboxKeys.evm.buyer.privateKey);
const relayer = privateKeyToAccount(sandboxKeys.evm.stranger.privateKey);
const merchant = sandboxKeys.evm.merchant.address;
const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const fields = [
  { name: 'from', type: 'address' },
  { name: 'to', type: 'address' },
  { name: 'value', type: 'uint256' },
  { name: 'validAfter', type: 'uint256' },
  { name: 'validBefore', type: 'uint256' },
  { name: 'nonce', type: 'bytes32' },
] as const;
const types = { TransferWithAuthorization: fields, ReceiveWithAuthorization: fields };

let chain: EvmChain;
let client: ReturnType<typeof connect>;

function connect(url: string) {
  const transport = http(url);
  return {
    reader: createPublicClient({ transport, pollingInterval: 20 }),
    writer: createWalletClient({ transport, account: relayer }),
  };
}

beforeAll(async () => {
  chain = await startEvmChain();
  client = connect(chain.url);
  await chain.mint({ token: BASE_SEPOLIA_USDC, to: buyer.address, amount: 1_000_000n });
});

afterAll(() => chain.stop());

const domainOf = (token: Address) => ({ name: 'USDC', version: '2', chainId: 84_532, verifyingContract: token });

async function authorize(
  options: {
    token?: Address;
    to?: Address;
    value?: bigint;
    validAfter?: bigint;
    validBefore?: bigint;
    primaryType?: keyof typeof types;
    from?: Address;
  } = {},
) {
  const message = {
    from: options.from ?? buyer.address,
    to: options.to ?? merchant,
    value: options.value ?? 10_000n,
    validAfter: options.validAfter ?? 0n,
    validBefore: options.validBefore ?? BigInt(Math.floor(Date.now() / 1000) + 600),
    nonce: bytesToHex(randomBytes(32)),
  };
  const primaryType = options.primaryType ?? 'TransferWithAuthorization';
  const domain = domainOf(options.token ?? BASE_SEPOLIA_USDC);
  const signature = await buyer.signTypedData({ domain, types, primaryType, message });
  const args = [
    message.from,
    message.to,
    message.value,
    message.validAfter,
    message.validBefore,
    message.nonce,
  ] as const;
  return { message, signature, args };
}

function split(signature: Hex): readonly [number, Hex, Hex] {
  const { r, s, v } = parseSignature(signature);
  return [Number(v), r, s];
}

async function send(
  functionName: 'transferWithAuthorization' | 'receiveWithAuthorization',
  args: readonly unknown[],
  token: Address = BASE_SEPOLIA_USDC,
) {
  const request = { address: token, abi: testUsdcAbi, functionName, args, chain: null } as never;
  await client.reader.simulateContract({ ...(request as object), account: relayer } as never);
  const hash = await client.writer.writeContract(request);
  return mined(hash);
}

/** A node that mines at once still answers before the block is there. */
const mined = (hash: Hex) => client.reader.waitForTransactionReceipt({ hash });

const transfer = (args: readonly unknown[], token?: Address) => send('transferWithAuthorization', args, token);
const balance = (owner: Address) => chain.tokenBalance({ token: BASE_SEPOLIA_USDC, owner });
const isUsed = (nonce: Hex) =>
  client.reader.readContract({
    address: BASE_SEPOLIA_USDC,
    abi: testUsdcAbi,
    functionName: 'authorizationState',
    args: [buyer.address, nonce],
  });

test('names itself and computes its domain from where it stands', async () => {
  const elsewhere = await chain.deployToken({ name: 'USDC', symbol: 'USDC', version: '2', decimals: 6 });
  expect(elsewhere).not.toBe(BASE_SEPOLIA_USDC);
  for (const address of [BASE_SEPOLIA_USDC, elsewhere]) {
    const token = { address, abi: testUsdcAbi } as const;
    expect(await client.reader.readContract({ ...token, functionName: 'decimals' })).toBe(6);
    expect(await client.reader.readContract({ ...token, functionName: 'symbol' })).toBe('USDC');
    const separator = await client.reader.readContract({ ...token, functionName: 'DOMAIN_SEPARATOR' });
    expect(separator).toBe(domainSeparator({ domain: domainOf(address) }));
  }
});

test('placing it again keeps balances and name', async () => {
  const before = await balance(buyer.address);
  await chain.deployToken({ address: BASE_SEPOLIA_USDC, name: 'Other', symbol: 'O', version: '9', decimals: 1 });
  expect(await balance(buyer.address)).toBe(before);
  const name = { address: BASE_SEPOLIA_USDC, abi: testUsdcAbi, functionName: 'name' } as const;
  expect(await client.reader.readContract(name)).toBe('USDC');
});

describe('EIP-3009', () => {
  test.each(['v, r, s', 'bytes'])('moves the money once with the signature as %s', async (form) => {
    const { args, signature, message } = await authorize();
    const signed = form === 'bytes' ? [...args, signature] : [...args, ...split(signature)];
    const before = await balance(merchant);
    expect(await isUsed(message.nonce)).toBe(false);
    const receipt = await transfer(signed);
    expect(receipt.logs).toHaveLength(2);
    expect(await balance(merchant)).toBe(before + 10_000n);
    expect(await isUsed(message.nonce)).toBe(true);
    await expect(transfer(signed)).rejects.toThrow('authorization is used or canceled');
  });

  test('refuses the malleated twin of a signature', async () => {
    const { args, signature } = await authorize();
    const { r, s, yParity } = parseSignature(signature);
    const twin = { r, s: numberToHex(order - BigInt(s), { size: 32 }), yParity: 1 - yParity };
    await expect(transfer([...args, serializeSignature(twin)])).rejects.toThrow("invalid signature 's' value");
  });

  test.each([0, 1, 29])('refuses v = %i', async (v) => {
    const { args, signature } = await authorize();
    const [, r, s] = split(signature);
    await expect(transfer([...args, v, r, s])).rejects.toThrow("invalid signature 'v' value");
  });

  test('refuses compact signatures, foreign signatures and changed amounts', async () => {
    const { args, signature } = await authorize();
    await expect(transfer([...args, signature.slice(0, 130)])).rejects.toThrow('invalid signature length');
    await expect(transfer([...args, (await authorize()).signature])).rejects.toThrow('FiatTokenV2: invalid signature');
    const more = [...args.slice(0, 2), 20_000n, ...args.slice(3), signature];
    await expect(transfer(more)).rejects.toThrow('FiatTokenV2: invalid signature');
  });

  test('holds the window open between its exclusive bounds only', async () => {
    const now = BigInt(Math.floor(Date.now() / 1000));
    const early = await authorize({ validAfter: now + 300n });
    await expect(transfer([...early.args, early.signature])).rejects.toThrow('not yet valid');
    const late = await authorize({ validBefore: now - 1n });
    await expect(transfer([...late.args, late.signature])).rejects.toThrow('authorization is expired');
  });

  test('refuses what the payer does not have', async () => {
    const { args, signature } = await authorize({ value: 10n ** 12n });
    await expect(transfer([...args, signature])).rejects.toThrow('transfer amount exceeds balance');
  });

  test('lets only the payee receive', async () => {
    const own = await authorize({ primaryType: 'ReceiveWithAuthorization', to: relayer.address });
    const before = await balance(relayer.address);
    await send('receiveWithAuthorization', [...own.args, ...split(own.signature)]);
    expect(await balance(relayer.address)).toBe(before + 10_000n);
    const other = await authorize({ primaryType: 'ReceiveWithAuthorization' });
    await expect(send('receiveWithAuthorization', [...other.args, other.signature])).rejects.toThrow(
      'caller must be the payee',
    );
  });

  test('a cancelled authorization cannot be used', async () => {
    const { args, signature, message } = await authorize();
    const cancel = await buyer.signTypedData({
      domain: domainOf(BASE_SEPOLIA_USDC),
      types: {
        CancelAuthorization: [
          { name: 'authorizer', type: 'address' },
          { name: 'nonce', type: 'bytes32' },
        ],
      },
      primaryType: 'CancelAuthorization',
      message: { authorizer: buyer.address, nonce: message.nonce },
    });
    const cancelled = await client.writer.writeContract({
      address: BASE_SEPOLIA_USDC,
      abi: testUsdcAbi,
      functionName: 'cancelAuthorization',
      args: [buyer.address, message.nonce, cancel],
      chain: null,
    });
    await mined(cancelled);
    expect(await isUsed(message.nonce)).toBe(true);
    await expect(transfer([...args, signature])).rejects.toThrow('authorization is used or canceled');
  });

  test('a contract account signs through ERC-1271', async () => {
    const factory = '0x00000000000000000000000000000000000fac70';
    await chain.rpc('anvil_setCode', [factory, contractCode.testSmartWalletFactory]);
    const contract = { address: factory, abi: testSmartWalletFactoryAbi, chain: null } as const;
    const args = [buyer.address, numberToHex(1, { size: 32 })] as const;
    const wallet = await client.reader.readContract({ ...contract, functionName: 'addressOf', args });
    await mined(await client.writer.writeContract({ ...contract, functionName: 'create', args }));
    await chain.mint({ token: BASE_SEPOLIA_USDC, to: wallet, amount: 10_000n });
    const paid = await authorize({ from: wallet });
    const before = await balance(merchant);
    await transfer([...paid.args, paid.signature]);
    expect(await balance(merchant)).toBe(before + 10_000n);
  });
});

test('EIP-2612: a permit sets the allowance once', async () => {
  const token = { address: BASE_SEPOLIA_USDC, abi: testUsdcAbi } as const;
  const nonce = await client.reader.readContract({ ...token, functionName: 'nonces', args: [buyer.address] });
  const message = { owner: buyer.address, spender: relayer.address, value: 77n, nonce, deadline: 10n ** 12n };
  const signature = await buyer.signTypedData({
    domain: domainOf(BASE_SEPOLIA_USDC),
    types: {
      Permit: [
        { name: 'owner', type: 'address' },
        { name: 'spender', type: 'address' },
        { name: 'value', type: 'uint256' },
        { name: 'nonce', type: 'uint256' },
        { name: 'deadline', type: 'uint256' },
      ],
    },
    primaryType: 'Permit',
    message,
  });
  const args = [message.owner, message.spender, message.value, message.deadline, ...split(signature)] as const;
  await mined(await client.writer.writeContract({ ...token, functionName: 'permit', args, chain: null }));
  const pair = [buyer.address, relayer.address] as const;
  expect(await client.reader.readContract({ ...token, functionName: 'allowance', args: pair })).toBe(77n);
  await expect(
    client.reader.simulateContract({ ...token, functionName: 'permit', args, account: relayer }),
  ).rejects.toThrow('EIP2612: invalid signature');
});

describe('bad tokens', () => {
  async function settle(kind: TokenKind) {
    const token = await chain.deployToken({ kind, name: 'USDC', symbol: 'BAD', version: '2', decimals: 6 });
    await chain.mint({ token, to: buyer.address, amount: 100_000n });
    const { args, signature } = await authorize({ token });
    const request = { address: token, abi: testUsdcAbi, functionName: 'transferWithAuthorization' } as const;
    const hash = await client.writer.writeContract({
      ...request,
      args: [...args, signature],
      chain: null,
      gas: 200_000n,
    });
    const receipt = await client.reader.waitForTransactionReceipt({ hash });
    const received = await chain.tokenBalance({ token, owner: merchant });
    const fresh = await authorize({ token });
    const simulation = await client.reader
      .simulateContract({ ...request, args: [...fresh.args, fresh.signature], account: relayer })
      .then(() => 'passes')
      .catch(() => 'fails');
    return { token, status: receipt.status, logs: receipt.logs.length, received, simulation };
  }

  test('silent succeeds and moves nothing', async () => {
    expect(await settle('silent')).toMatchObject({ status: 'success', logs: 1, received: 0n, simulation: 'passes' });
  });

  test('fee and lying-fee give the payee less', async () => {
    expect(await settle('fee')).toMatchObject({ status: 'success', logs: 3, received: 9_900n });
    expect(await settle('lying-fee')).toMatchObject({ status: 'success', logs: 2, received: 9_900n });
  });

  test('gas-burner spends what it was told to', async () => {
    const { token, ...outcome } = await settle('gas-burner');
    expect(outcome).toMatchObject({ status: 'success', received: 10_000n });
    const data = encodeFunctionData({ abi: gasBurnerTokenAbi, functionName: 'setGasToBurn', args: [1_000_000n] });
    await chain.asTokenOwner({ to: token, data });
    const { args, signature } = await authorize({ token });
    const receipt = await transfer([...args, signature], token);
    expect(receipt.gasUsed).toBeGreaterThan(1_000_000n);
    expect(receipt.gasUsed).toBeLessThan(1_300_000n);
  });

  test('trap reverts only when mined, and plain has no authorizations', async () => {
    expect(await settle('trap')).toMatchObject({ status: 'reverted', received: 0n, simulation: 'passes' });
    expect(await settle('plain')).toMatchObject({ status: 'reverted', simulation: 'fails' });
  });
});
