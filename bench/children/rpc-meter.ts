import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { serveParent } from './serve-parent.js';

/** Longer than any method's name with its quotes, so that a name cut by the end of a chunk is found with the next one. */
const carried = 64;

/**
 * Passes bytes on to a node and counts the JSON-RPC methods that it sees go by. It parses no HTTP and no JSON, so it costs
 * a call a small part of what a proxy would.
 */
serveParent(async ({ target }: { readonly target: string }) => {
  const { hostname, port } = new URL(target);
  const counts: Record<string, number> = {};

  function countCallsOf(client: Socket): void {
    let text = '';
    client.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      let end = 0;
      for (const match of text.matchAll(/"method":\s*"(\w+)"/g)) {
        const method = match[1] ?? '';
        counts[method] = (counts[method] ?? 0) + 1;
        end = match.index + match[0].length;
      }
      text = text.slice(Math.max(end, text.length - carried));
    });
  }

  const server = createServer({ noDelay: true }, (client) => {
    const node = connect({ host: hostname, port: Number(port), noDelay: true });
    countCallsOf(client);
    client.pipe(node);
    node.pipe(client);
    client.on('error', () => node.destroy());
    node.on('error', () => client.destroy());
    client.on('close', () => node.destroy());
    node.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: own } = server.address() as AddressInfo;
  return { ready: { url: `http://127.0.0.1:${own}` }, read: () => counts };
});
