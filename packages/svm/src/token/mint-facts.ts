import {
  ExtensionType,
  getTransferFeeConfig,
  getTransferHook,
  TokenError,
  unpackMint,
  type Mint,
} from '@solana/spl-token';
import { PublicKey } from '@solana/web3.js';
import type { RpcAccount } from '../rpc/solana-rpc.js';
import { isTokenProgram, type TokenProgram } from './programs.js';

/** Whether a transfer of `amount` of a mint puts exactly `amount` into the destination, and by which program. */
export type MintFacts =
  | { readonly usable: true; readonly program: TokenProgram; readonly hasPermanentDelegate: boolean }
  | { readonly usable: false; readonly detail: string };

/** Mints carry plain numbers; what they mean is spl-token's knowledge. */
const transferFeeConfig: number = ExtensionType.TransferFeeConfig;
const transferHook: number = ExtensionType.TransferHook;
const nonTransferable: number = ExtensionType.NonTransferable;
const permanentDelegate: number = ExtensionType.PermanentDelegate;

/** Extensions that spl-token does not name: the settings of confidential transfers, which plain transfers do not use. */
const confidentialTransferFeeConfig = 16;
const confidentialMintBurn = 24;

/**
 * Mint extensions under which a plain transfer still moves exactly what it says, or fails as a whole: pausing and frozen
 * default states fail in simulation; a permanent delegate has the issuer's power to seize, which issuers such as PayPal keep.
 * Anything not listed, also an extension that is yet to be invented, is refused.
 */
const harmless: ReadonlySet<number> = new Set<number>([
  ExtensionType.MintCloseAuthority,
  ExtensionType.ConfidentialTransferMint,
  ExtensionType.DefaultAccountState,
  ExtensionType.InterestBearingConfig,
  permanentDelegate,
  confidentialTransferFeeConfig,
  ExtensionType.MetadataPointer,
  ExtensionType.TokenMetadata,
  ExtensionType.GroupPointer,
  ExtensionType.TokenGroup,
  ExtensionType.GroupMemberPointer,
  ExtensionType.TokenGroupMember,
  confidentialMintBurn,
  ExtensionType.ScaledUiAmountConfig,
  ExtensionType.PausableConfig,
]);

/** Judges the account at a mint's address. */
export function readMintFacts(mintAddress: string, account: RpcAccount | null): MintFacts {
  if (account === null) return { usable: false, detail: 'The mint does not exist' };
  if (!isTokenProgram(account.owner)) return { usable: false, detail: 'The asset is no token mint' };
  const mint = unpack(mintAddress, account);
  if (!mint?.isInitialized) return { usable: false, detail: 'The asset is no token mint' };
  const extensions = extensionTypesOf(mint.tlvData);
  const obstacle = extensions.map((extension) => obstacleOf(mint, extension)).find((detail) => detail !== undefined);
  if (obstacle !== undefined) return { usable: false, detail: obstacle };
  return {
    usable: true,
    program: account.owner,
    hasPermanentDelegate: extensions.includes(permanentDelegate),
  };
}

/** The types of a mint's extensions, each a type and a length of two bytes and its data; type 0 ends the list. */
function extensionTypesOf(tlvData: Buffer): readonly number[] {
  const types: number[] = [];
  for (let start = 0; start + 4 <= tlvData.length; start += 4 + tlvData.readUInt16LE(start + 2)) {
    const type = tlvData.readUInt16LE(start);
    if (type === 0) break;
    types.push(type);
  }
  return types;
}

function obstacleOf(mint: Mint, extension: number): string | undefined {
  if (extension === transferFeeConfig) {
    return takesTransferFee(mint) ? 'The token keeps a fee of each transfer, so the payee would get less' : undefined;
  }
  if (extension === transferHook) {
    const hook = getTransferHook(mint);
    const isUnset = hook?.programId.equals(PublicKey.default) ?? false;
    return isUnset ? undefined : 'The token runs a program of its issuer at each transfer';
  }
  if (extension === nonTransferable) return 'The token cannot be transferred';
  return harmless.has(extension) ? undefined : 'The token has an extension that this facilitator does not know';
}

/** A fee that is announced for a later epoch counts already: a payment may land in that epoch. */
function takesTransferFee(mint: Mint): boolean {
  const config = getTransferFeeConfig(mint);
  if (config === null) return true;
  return [config.olderTransferFee, config.newerTransferFee].some(
    (fee) => fee.transferFeeBasisPoints > 0 && fee.maximumFee > 0n,
  );
}

function unpack(mintAddress: string, account: RpcAccount): Mint | undefined {
  const owner = new PublicKey(account.owner);
  try {
    return unpackMint(new PublicKey(mintAddress), { owner, data: account.data, executable: false, lamports: 0 }, owner);
  } catch (error) {
    if (error instanceof TokenError) return undefined;
    throw error;
  }
}
