import type { FleetScene } from '../../fleet/fleet-scene.js';

/** Where the chain stands, and the accounts of its signers. */
export async function evmState({ evm, signers }: FleetScene): Promise<unknown> {
  const count = (signer: string, tag: string) => evm.rpc('eth_getTransactionCount', [signer, tag]);
  return {
    head: await evm.rpc('eth_blockNumber'),
    pool: await evm.rpc('txpool_inspect'),
    accounts: await Promise.all(
      signers.map(async (signer) => ({
        signer,
        mined: await count(signer, 'latest'),
        known: await count(signer, 'pending'),
        balance: BigInt((await evm.rpc('eth_getBalance', [signer, 'latest'])) as string),
      })),
    ),
  };
}
