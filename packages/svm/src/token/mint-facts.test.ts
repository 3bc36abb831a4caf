import { ExtensionType, MintLayout, TransferFeeConfigLayout } from '@solana/spl-token';
import { PublicKey } from '@solana/web3.js';
import { describe, expect, test } from 'vitest';
import { readMintFacts } from './mint-facts.js';
import { lighthouseProgram, token2022Program, tokenProgram } from './programs.js';

const mint = '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU';
const someone = new PublicKey(lighthouseProgram);

function base(isInitialized = true): Buffer {
  const data = Buffer.alloc(MintLayout.span);
  MintLayout.encode(
    {
      mintAuthorityOption: 1,
      mintAuthority: someone,
      supply: 1n,
      decimals: 6,
      isInitialized,
      freezeAuthorityOption: 0,
      freezeAuthority: PublicKey.default,
    },
    data,
  );
  return data;
}

/** A Token-2022 mint: padded to the length of a token account, its kind, then type, length and data of each extension. */
function withExtensions(...extensions: readonly (readonly [number, Buffer])[]): Buffer {
  const entries = extensions.map(([type, data]) => {
    const head = Buffer.alloc(4);
    head.writeUInt16LE(type, 0);
    head.writeUInt16LE(data.length, 2);
    return Buffer.concat([head, data]);
  });
  return Buffer.concat([base(), Buffer.alloc(165 - MintLayout.span), Buffer.of(1), ...entries]);
}

function transferFee(older: number, newer: number): readonly [number, Buffer] {
  const data = Buffer.alloc(TransferFeeConfigLayout.span);
  const fee = (transferFeeBasisPoints: number) => ({ epoch: 0n, maximumFee: 5n, transferFeeBasisPoints });
  TransferFeeConfigLayout.encode(
    {
      transferFeeConfigAuthority: someone,
      withdrawWithheldAuthority: someone,
      withheldAmount: 0n,
      olderTransferFee: fee(older),
      newerTransferFee: fee(newer),
    },
    data,
  );
  return [ExtensionType.TransferFeeConfig, data];
}

const hook = (program: PublicKey) =>
  [ExtensionType.TransferHook, Buffer.concat([someone.toBuffer(), program.toBuffer()])] as const;

const factsOf = (data: Uint8Array, owner: string = token2022Program) =>
  readMintFacts(mint, { lamports: 1n, owner, data: Buffer.from(data) });

describe('a mint is usable', () => {
  test('of either program without extensions', () => {
    expect(factsOf(base(), tokenProgram)).toEqual({ usable: true, program: tokenProgram, hasPermanentDelegate: false });
    expect(factsOf(base())).toEqual({ usable: true, program: token2022Program, hasPermanentDelegate: false });
  });

  test('with what the large issuers set: fee zero, no hook, confidential settings, metadata, a permanent delegate', () => {
    const data = withExtensions(
      [ExtensionType.MintCloseAuthority, someone.toBuffer()],
      [ExtensionType.PermanentDelegate, someone.toBuffer()],
      transferFee(0, 0),
      [ExtensionType.ConfidentialTransferMint, Buffer.alloc(65)],
      [16, Buffer.alloc(129)],
      hook(PublicKey.default),
      [ExtensionType.MetadataPointer, Buffer.alloc(64)],
      [ExtensionType.TokenMetadata, Buffer.alloc(100)],
    );
    expect(factsOf(data)).toEqual({ usable: true, program: token2022Program, hasPermanentDelegate: true });
  });

  test('with padding behind its last extension', () => {
    expect(factsOf(Buffer.concat([withExtensions(transferFee(0, 0)), Buffer.alloc(3)]))).toMatchObject({
      usable: true,
    });
    expect(factsOf(Buffer.concat([withExtensions(transferFee(0, 0)), Buffer.alloc(8)]))).toMatchObject({
      usable: true,
    });
  });
});

describe('a mint is not usable', () => {
  test.each([
    ['takes a fee', withExtensions(transferFee(1, 0))],
    ['will take a fee', withExtensions(transferFee(0, 1))],
    ['runs a hook', withExtensions(hook(someone))],
    ['cannot be transferred', withExtensions([ExtensionType.NonTransferable, Buffer.alloc(0)])],
    ['has an unknown extension', withExtensions([999, Buffer.alloc(2)])],
    ['is not initialized', base(false)],
    ['is too short', Buffer.alloc(10)],
    ['is a token account', Buffer.alloc(165)],
  ])('that %s', (_, data) => {
    expect(factsOf(data)).toMatchObject({ usable: false });
  });

  test('that does not exist or belongs to another program', () => {
    expect(readMintFacts(mint, null)).toMatchObject({ usable: false });
    expect(factsOf(base(), lighthouseProgram)).toMatchObject({ usable: false });
  });
});
