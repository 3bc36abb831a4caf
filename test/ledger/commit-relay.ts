import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What becomes of the next commit: it arrives and is not answered, or never arrives. */
type Loss = 'answer' | 'commit';

/** Passes a database's connections on, and breaks them around a COMMIT as often as it is told to. */
export async function startCommitRelay(databaseUrl: string) {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const losses: Loss[] = [];
  const server = createServer((client) => {
    const database = connect(Number(target.port), target.hostname);
    for (const socket of [client, database]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    let answersAreLost = false;
    client.on('data', (chunk) => {
      // A command without parameters is one message that ends with its text and a zero.
      const loss = chunk.includes('COMMIT\0') ? losses.shift() : undefined;
      if (loss === 'commit') {
        client.destroy();
        database.destroy();
        return;
      }
      answersAreLost ||= loss === 'answer';
      database.write(chunk);
    });
    database.on('data', (chunk) => {
      if (answersAreLost) {
        client.destroy();
        database.destroy();
      } else client.write(chunk);
    });
    client.on('close', () => {
      if (!answersAreLost) database.destroy();
    });
    database.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = (server.address() as AddressInfo).port.toString();
  return {
    url: url.toString(),
    lose: (loss: Loss) => losses.push(loss),
    /** Losses that no commit has met yet. */
    left: () => losses.length,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
