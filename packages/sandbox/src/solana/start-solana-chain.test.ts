import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createTransferCheckedInstruction,
  getAccount,
  getAssociatedTokenAddressSync,
  getMint,
  TOKEN_2022_PROGRAM_ID,
  unpackAccount,
} from '@solana/spl-token';
import {
  AddressLookupTableProgram,
  ComputeBudgetProgram,
  Connection,
  Keypair,
  LAMPORTS_PER_SOL,
  PublicKey,
  SYSVAR_CLOCK_PUBKEY,
  SystemProgram,
  TransactionMessage,
  VersionedTransaction,
  type TransactionInstruction,
} from '@solana/web3.js';
import { startSolanaChain, type SolanaChain } from './index.js';

const usdc = new PublicKey('4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU');
const feeToken = new PublicKey('2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo');

let chain: SolanaChain;
let connection: Connection;

beforeAll(async () => {
  chain = await startSolanaChain({ slotMs: 50, commitmentLag: { confirmed: 1, finalized: 4 } });
  connection = new Connection(chain.url, 'confirmed');
  chain.createToken({ mint: usdc.toBase58(), decimals: 6, program: 'token' });
});

afterAll(async () => {
  await chain.stop();
});

function fundedPayer(): Keypair {
  const payer = Keypair.generate();
  chain.fundSol(payer.publicKey.toBase58(), BigInt(LAMPORTS_PER_SOL));
  return payer;
}

async function signed(payer: Keypair, instructions: TransactionInstruction[], others: Keypair[] = []) {
  const { blockhash: recentBlockhash } = await connection.getLatestBlockhash();
  const message = new TransactionMessage({ payerKey: payer.publicKey, recentBlockhash, instructions });
  const transaction = new VersionedTransaction(message.compileToV0Message());
  transaction.sign([payer, ...others]);
  return transaction;
}

async function confirmed(signature: string, wanted = 'confirmed'): Promise<void> {
  await expect
    .poll(async () => (await connection.getSignatureStatuses([signature])).value[0]?.confirmationStatus, {
      timeout: 15_000,
    })
    .toSatisfy((status) => status === wanted || status === 'finalized');
}

describe('with web3.js and spl-token', () => {
  test('it answers as devnet', async () => {
    expect(await connection.getGenesisHash()).toBe('EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG');
    expect((await connection.getVersion())['solana-core']).toMatch(/^\d+\.\d+\.\d+$/);
    expect(await connection.getSlot('processed')).toBeGreaterThan(await connection.getBlockHeight('processed'));
    expect((await connection.getEpochInfo()).slotsInEpoch).toBe(432_000);
  });

  test('programs see the wall clock and the slot', async () => {
    const before = Date.now() / 1000;
    const { value, context } = await connection.getAccountInfoAndContext(SYSVAR_CLOCK_PUBKEY, 'processed');
    expect(Number(value?.data.readBigUInt64LE(0))).toBe(context.slot);
    const seconds = Number(value?.data.readBigInt64LE(32));
    const blockTime = await connection.getBlockTime(context.slot);
    for (const told of [seconds, blockTime]) {
      expect(told).toBeGreaterThan(before - 3);
      expect(told).toBeLessThan(Date.now() / 1000 + 3);
    }
  });

  test('fees and rent are told before they are paid', async () => {
    const payer = fundedPayer();
    const transaction = await signed(payer, [
      ComputeBudgetProgram.setComputeUnitPrice({ microLamports: 1_000_000 }),
      SystemProgram.transfer({ fromPubkey: payer.publicKey, toPubkey: payer.publicKey, lamports: 1 }),
    ]);
    const { value } = await connection.getFeeForMessage(transaction.message);
    const before = await connection.getBalance(payer.publicKey, 'processed');
    await connection.sendRawTransaction(transaction.serialize());
    expect(before - (await connection.getBalance(payer.publicKey, 'processed'))).toBe(value);
    expect(value).toBe(5_000 + 6_000);
    expect(await connection.getMinimumBalanceForRentExemption(165)).toBe(2_039_280);
    expect(await connection.getRecentPrioritizationFees()).toHaveLength(150);
  });

  test('an airdrop arrives and is found in history', async () => {
    const { publicKey } = Keypair.generate();
    const signature = await connection.requestAirdrop(publicKey, LAMPORTS_PER_SOL);
    await confirmed(signature);
    expect(await connection.getBalance(publicKey)).toBe(LAMPORTS_PER_SOL);
    const [entry] = await connection.getSignaturesForAddress(publicKey, {}, 'confirmed');
    expect(entry).toMatchObject({ signature, err: null });
    const parsed = await connection.getParsedTransaction(signature, { maxSupportedTransactionVersion: 0 });
    expect(parsed?.transaction.message.instructions[0]).toMatchObject({
      program: 'system',
      parsed: { type: 'transfer' },
    });
  });

  test('a token transfer moves the exact amount and charges the exact fee', async () => {
    const payer = fundedPayer();
    const [alice, bob] = [Keypair.generate(), Keypair.generate()];
    const mint = usdc.toBase58();
    chain.fundToken({ mint, owner: alice.publicKey.toBase58(), amount: 5_000_000n });
    chain.fundToken({ mint, owner: bob.publicKey.toBase58(), amount: 0n });
    const from = getAssociatedTokenAddressSync(usdc, alice.publicKey);
    const to = getAssociatedTokenAddressSync(usdc, bob.publicKey);
    const transaction = await signed(
      payer,
      [
        ComputeBudgetProgram.setComputeUnitLimit({ units: 20_000 }),
        ComputeBudgetProgram.setComputeUnitPrice({ microLamports: 1_000_001 }),
        createTransferCheckedInstruction(from, usdc, to, alice.publicKey, 1_234_567n, 6),
      ],
      [alice],
    );
    const signature = await connection.sendRawTransaction(transaction.serialize());
    await confirmed(signature);
    expect((await getAccount(connection, to)).amount).toBe(1_234_567n);
    expect(chain.tokenBalance({ mint, owner: alice.publicKey.toBase58() })).toBe(3_765_433n);
    const landed = await connection.getTransaction(signature, { maxSupportedTransactionVersion: 0 });
    expect(landed?.meta?.fee).toBe(10_000 + 20_001);
    expect((landed?.meta?.preBalances[0] ?? 0) - (landed?.meta?.postBalances[0] ?? 0)).toBe(30_001);
    expect(landed?.meta?.postTokenBalances?.map(({ owner, uiTokenAmount }) => [owner, uiTokenAmount.amount])).toEqual(
      expect.arrayContaining([
        [alice.publicKey.toBase58(), '3765433'],
        [bob.publicKey.toBase58(), '1234567'],
      ]),
    );
    expect(landed?.version).toBe(0);
    const accounts = await connection.getParsedTokenAccountsByOwner(bob.publicKey, { mint: usdc });
    expect(accounts.value).toMatchObject([
      { pubkey: to, account: { data: { parsed: { info: { tokenAmount: { uiAmountString: '1.234567' } } } } } },
    ]);
    const raw = await connection.getTokenAccountsByOwner(bob.publicKey, { mint: usdc });
    expect(unpackAccount(to, raw.value[0]?.account ?? null).amount).toBe(1_234_567n);
  });

  test('a legacy transaction is simulated and its accounts after it are told', async () => {
    const payer = fundedPayer();
    const { publicKey } = Keypair.generate();
    const transaction = await signed(payer, [
      SystemProgram.transfer({ fromPubkey: payer.publicKey, toPubkey: publicKey, lamports: 2_000_000 }),
    ]);
    const { value } = await connection.simulateTransaction(transaction, {
      sigVerify: true,
      accounts: { encoding: 'base64', addresses: [publicKey.toBase58()] },
    });
    expect(value.err).toBeNull();
    expect(value.accounts?.[0]?.lamports).toBe(2_000_000);
    expect(value.unitsConsumed).toBe(150);
    expect(await connection.getBalance(publicKey, 'processed')).toBe(0);
  });

  test('a mint with a transfer fee withholds it from the receiver', async () => {
    const mint = feeToken.toBase58();
    const transferFee = { basisPoints: 100, maximumFee: 1_000_000n };
    chain.createToken({ mint, decimals: 6, program: 'token-2022', transferFee });
    const payer = fundedPayer();
    const { publicKey } = Keypair.generate();
    chain.fundToken({ mint, owner: payer.publicKey.toBase58(), amount: 1_000_000n });
    chain.fundToken({ mint, owner: publicKey.toBase58(), amount: 0n });
    const [from, to] = [payer.publicKey, publicKey].map((owner) =>
      getAssociatedTokenAddressSync(feeToken, owner, false, TOKEN_2022_PROGRAM_ID),
    ) as [PublicKey, PublicKey];
    const transaction = await signed(payer, [
      createTransferCheckedInstruction(from, feeToken, to, payer.publicKey, 500_000n, 6, [], TOKEN_2022_PROGRAM_ID),
    ]);
    await confirmed(await connection.sendRawTransaction(transaction.serialize()));
    expect(chain.tokenBalance({ mint, owner: publicKey.toBase58() })).toBe(495_000n);
    expect((await getMint(connection, feeToken, 'confirmed', TOKEN_2022_PROGRAM_ID)).supply).toBe(1_000_000n);
    const { value } = await connection.getParsedAccountInfo(feeToken);
    expect(value?.data).toMatchObject({
      program: 'spl-token-2022',
      parsed: {
        info: {
          extensions: [
            { extension: 'transferFeeConfig', state: { newerTransferFee: { transferFeeBasisPoints: 100 } } },
          ],
        },
      },
    });
  });

  test('keys come from a lookup table once it is in an older slot', async () => {
    const payer = fundedPayer();
    const { publicKey: receiver } = Keypair.generate();
    const [create, table] = AddressLookupTableProgram.createLookupTable({
      authority: payer.publicKey,
      payer: payer.publicKey,
      recentSlot: await connection.getSlot('finalized'),
    });
    const extend = AddressLookupTableProgram.extendLookupTable({
      lookupTable: table,
      authority: payer.publicKey,
      payer: payer.publicKey,
      addresses: [receiver],
    });
    await confirmed(await connection.sendRawTransaction((await signed(payer, [create, extend])).serialize()));
    const { value: lookup } = await connection.getAddressLookupTable(table);
    expect(lookup?.state.addresses).toEqual([receiver]);
    const { value: parsed } = await connection.getParsedAccountInfo(table);
    expect(parsed?.data).toMatchObject({ parsed: { info: { addresses: [receiver.toBase58()] } } });

    const { blockhash: recentBlockhash } = await connection.getLatestBlockhash();
    const instructions = [
      SystemProgram.transfer({ fromPubkey: payer.publicKey, toPubkey: receiver, lamports: 2_000_000 }),
    ];
    const message = new TransactionMessage({ payerKey: payer.publicKey, recentBlockhash, instructions });
    const transaction = new VersionedTransaction(message.compileToV0Message(lookup === null ? [] : [lookup]));
    expect(transaction.message.staticAccountKeys).not.toContainEqual(receiver);
    transaction.sign([payer]);
    const signature = await connection.sendRawTransaction(transaction.serialize());
    await confirmed(signature);
    expect(await connection.getBalance(receiver)).toBe(2_000_000);
    const landed = await connection.getTransaction(signature, { maxSupportedTransactionVersion: 0 });
    expect(landed?.meta?.loadedAddresses?.writable).toEqual([receiver]);
    const told = await connection.getParsedTransaction(signature, { maxSupportedTransactionVersion: 0 });
    expect(told?.transaction.message.accountKeys.at(-1)).toMatchObject({ pubkey: receiver, source: 'lookupTable' });
  });

  test('createToken and fundToken may be repeated', () => {
    const owner = Keypair.generate().publicKey.toBase58();
    const mint = usdc.toBase58();
    chain.createToken({ mint, decimals: 6, program: 'token' });
    chain.fundToken({ mint, owner, amount: 1n });
    chain.fundToken({ mint, owner, amount: 2n });
    expect(chain.tokenBalance({ mint, owner })).toBe(3n);
  });
});
