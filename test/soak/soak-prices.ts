/** Prices of which no two are equal, so that money which went astray, or came for another payment, shows. */
export function createPrices(): () => bigint {
  let last = leastPrice;
  return () => (last += 1n);
}

/** What a payer takes away who thinks better of it; nobody who had just the price can pay after that. */
const leastPrice = 10_000n;
