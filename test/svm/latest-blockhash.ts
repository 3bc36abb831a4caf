import type { SolanaChain } from '@tollkeeper/sandbox';

/** The newest confirmed blockhash, as a wallet asks for it. */
export async function latestBlockhash(chain: SolanaChain): Promise<string> {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'getLatestBlockhash',
    params: [{ commitment: 'confirmed' }],
  });
  const response = await fetch(chain.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return ((await response.json()) as { result: { value: { blockhash: string } } }).result.value.blockhash;
}
