interface AnvilState {
  readonly blocks: readonly { readonly header: { readonly number: string; readonly timestamp: string } }[];
}

/**
 * Takes out of anvil's state text every block 0 but the oldest. anvil makes a new one at each start and keeps them all,
 * in the order of a hash map; from the third start on, the wrong one may answer as the genesis of the chain.
 */
export function withOriginalGenesis(text: string): string {
  const { blocks } = JSON.parse(text) as AnvilState;
  const [, ...younger] = blocks
    .filter(({ header }) => Number(header.number) === 0)
    .sort((one, other) => Number(one.header.timestamp) - Number(other.header.timestamp));
  // The text is cut, not written anew, so that nothing else in it can change.
  return younger.reduce((rest, block) => cutElement(rest, JSON.stringify(block)), text);
}

function cutElement(text: string, element: string): string {
  const start = text.indexOf(element);
  if (start === -1) throw new Error('The state of the EVM chain is not written as anvil 1.7 writes it');
  const end = start + element.length;
  if (text[end] === ',') return text.slice(0, start) + text.slice(end + 1);
  return text.slice(0, start).replace(/,$/, '') + text.slice(end);
}
