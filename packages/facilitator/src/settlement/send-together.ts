/** Sends what was signed and stored. */
export type Sending = () => Promise<void>;

/**
 * Signs and stores one after another, and sends all that came of it side by side: a node that reads well and hangs when it is sent
 * to would keep the process from its other work for each of them in turn. Trouble with one keeps none that is stored from being sent.
 */
export async function sendTogether<Item>(
  items: readonly Item[],
  store: (item: Item) => Promise<Sending | undefined>,
): Promise<void> {
  const sendings: Sending[] = [];
  try {
    for (const item of items) {
      const sending = await store(item);
      if (sending !== undefined) sendings.push(sending);
    }
  } finally {
    await Promise.all(sendings.map((send) => send()));
  }
}
