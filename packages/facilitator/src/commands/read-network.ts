import { parseNetworkOrName, type Network } from '@tollkeeper/protocol';
import { InvalidArgumentError } from 'commander';

/** A network of the command line: its CAIP-2 id, or the name that version 1 gave it. */
export function readNetwork(text: string): Network {
  const network = parseNetworkOrName(text);
  if (network === undefined) throw new InvalidArgumentError('a CAIP-2 id such as eip155:8453');
  return network;
}
