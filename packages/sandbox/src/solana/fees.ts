import type { ParsedMessage } from './transaction-parser.js';

const computeBudget = 'ComputeBudget111111111111111111111111111111';
const lamportsPerSignature = 5000n;
const microLamportsPerLamport = 1_000_000n;
const maxUnits = 1_400_000n;

/** Programs inside the validator; without a limit of its own, a transaction gets less compute for each of their instructions. */
const builtinPrograms: ReadonlySet<string> = new Set([
  computeBudget,
  '11111111111111111111111111111111',
  'Vote111111111111111111111111111111111111111',
  'Stake11111111111111111111111111111111111111',
  'BPFLoader1111111111111111111111111111111111',
  'BPFLoader2111111111111111111111111111111111',
  'BPFLoaderUpgradeab1e11111111111111111111111',
]);

/** What a landed transaction pays in lamports: the signatures, and the price of the compute it asked for. */
export function transactionFee(message: ParsedMessage): bigint {
  const { limit, price } = computeRequest(message);
  const priority = (price * limit + microLamportsPerLamport - 1n) / microLamportsPerLamport;
  return lamportsPerSignature * BigInt(message.header.numRequiredSignatures) + priority;
}

function computeRequest(message: ParsedMessage): { limit: bigint; price: bigint } {
  let limit: bigint | undefined;
  let price = 0n;
  let byDefault = 0n;
  for (const instruction of message.instructions) {
    const program = message.accountKeys[instruction.programIdIndex] ?? '';
    byDefault += builtinPrograms.has(program) ? 3_000n : 200_000n;
    if (program !== computeBudget) continue;
    const view = new DataView(instruction.data.buffer, instruction.data.byteOffset, instruction.data.byteLength);
    if (view.byteLength === 5 && view.getUint8(0) === 2) limit = BigInt(view.getUint32(1, true));
    if (view.byteLength === 9 && view.getUint8(0) === 3) price = view.getBigUint64(1, true);
  }
  const wanted = limit ?? byDefault;
  return { limit: wanted < maxUnits ? wanted : maxUnits, price };
}
