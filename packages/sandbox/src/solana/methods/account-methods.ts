import { accountFormat, encodeAccount, type AccountFormat } from '../account-encoding.js';
import { rpcFailure } from '../rpc-failure.js';
import { asAddress, stringOf, type RpcConfig, type RpcParams } from '../rpc-params.js';
import type { RpcMethod } from '../rpc-server.js';
import type { Commitment } from '../slot-clock.js';
import { readMint, readTokenAccount, uiTokenAmount, type TokenAccount } from '../token-account.js';
import { inContext, viewOfCall, type NodeContext } from './node-context.js';

/** Methods that read accounts and token balances. */
export function accountMethods(node: NodeContext): Record<string, RpcMethod> {
  const { clock, accounts } = node;
  const decimalsOf = (mint: string): number | undefined => readMint(accounts.read(mint))?.decimals;
  const encoded = (address: string, commitment: Commitment, format: AccountFormat): object | null => {
    const account = accounts.read(address, commitment);
    return account === undefined ? null : encodeAccount(account, format, decimalsOf);
  };
  const byTokenAuthority = (params: RpcParams, matches: (token: TokenAccount, owner: string) => boolean): object => {
    const owner = params.address(0);
    const wanted = tokenFilter(params.config(1));
    const config = params.config(2);
    const commitment = viewOfCall(clock, config);
    const format = accountFormat(config);
    const found: object[] = [];
    for (const pubkey of accounts.tokenAccountsOf(owner)) {
      const account = accounts.read(pubkey, commitment);
      const token = readTokenAccount(account);
      if (account === undefined || token === undefined || !matches(token, owner)) continue;
      if (wanted.mint !== undefined ? token.mint !== wanted.mint : account.owner !== wanted.programId) continue;
      found.push({ pubkey, account: encodeAccount(account, format, decimalsOf) });
    }
    return inContext(clock.slot(commitment), found);
  };
  return {
    getAccountInfo(params) {
      const address = params.address(0);
      const config = params.config(1);
      const commitment = viewOfCall(clock, config);
      return inContext(clock.slot(commitment), encoded(address, commitment, accountFormat(config)));
    },
    getMultipleAccounts(params) {
      const addresses = params.addresses(0, 100);
      const config = params.config(1);
      const commitment = viewOfCall(clock, config);
      const format = accountFormat(config, 'base64');
      return inContext(
        clock.slot(commitment),
        addresses.map((address) => encoded(address, commitment, format)),
      );
    },
    getBalance(params) {
      const address = params.address(0);
      const commitment = viewOfCall(clock, params.config(1));
      return inContext(clock.slot(commitment), accounts.read(address, commitment)?.lamports ?? 0n);
    },
    getTokenAccountBalance(params) {
      const address = params.address(0);
      const commitment = viewOfCall(clock, params.config(1));
      const account = accounts.read(address, commitment);
      if (account === undefined) throw rpcFailure('invalidParams', 'Invalid param: could not find account');
      const token = readTokenAccount(account);
      if (token === undefined) throw rpcFailure('invalidParams', 'Invalid param: not a Token account');
      const decimals = decimalsOf(token.mint);
      if (decimals === undefined) throw rpcFailure('invalidParams', 'Invalid param: mint could not be unpacked');
      return inContext(clock.slot(commitment), uiTokenAmount(token.amount, decimals));
    },
    getTokenSupply(params) {
      const commitment = viewOfCall(clock, params.config(1));
      const account = accounts.read(params.address(0), commitment);
      if (account === undefined) throw rpcFailure('invalidParams', 'Invalid param: could not find account');
      const mint = readMint(account);
      if (mint === undefined) throw rpcFailure('invalidParams', 'Invalid param: not a Token mint');
      return inContext(clock.slot(commitment), uiTokenAmount(mint.supply, mint.decimals));
    },
    getTokenAccountsByOwner: (params) => byTokenAuthority(params, (token, owner) => token.owner === owner),
  };
}

function tokenFilter(config: RpcConfig): { mint: string | undefined; programId: string | undefined } {
  const mint = stringOf(config, 'mint');
  const programId = stringOf(config, 'programId');
  if ((mint === undefined) === (programId === undefined)) {
    throw rpcFailure('invalidParams', 'Invalid params: expected either `mint` or `programId`');
  }
  return {
    mint: mint === undefined ? undefined : asAddress(mint),
    programId: programId === undefined ? undefined : asAddress(programId),
  };
}
