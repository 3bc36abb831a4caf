import { addressOfBytes } from '../address.js';
import type { UnsignedTransaction } from './transaction-signer.js';

const [type, firstString, firstList] = [0x02, 0x80, 0xc0];

/** The places of the fields in a type-2 transaction (EIP-1559). */
const [chainId, maxPriorityFeePerGas, maxFeePerGas, gasLimit, to, data] = [0, 2, 3, 4, 5, 7];

/**
 * Reads the bytes of a transaction that we signed. Read here (RLP) because a transaction of many payments has a hundred thousand
 * bytes, which a general library takes a tenth of a second for.
 * @throws TypeError when the bytes are none of ours.
 */
export function decodeTransaction(raw: Uint8Array): UnsignedTransaction {
  const bytes = Buffer.from(raw);
  const payload = bytes[0] === type ? readItem(bytes, 1) : undefined;
  if (payload?.isList !== true || payload.end !== bytes.length) throw new TypeError('Our transactions are of type 2');
  const fields: Buffer[] = [];
  for (let start = payload.start; start < payload.end;) {
    const item = readItem(bytes, start);
    fields.push(bytes.subarray(item.start, item.end));
    start = item.end;
  }
  const hex = (place: number) => fields[place]?.toString('hex') ?? '';
  const integer = (place: number) => BigInt(`0x0${hex(place)}`);
  return {
    chainId: integer(chainId),
    to: addressOfBytes(fields[to] ?? Buffer.alloc(0)),
    data: `0x${hex(data)}`,
    gasLimit: integer(gasLimit),
    fee: { maxFeePerGas: integer(maxFeePerGas), maxPriorityFeePerGas: integer(maxPriorityFeePerGas) },
  };
}

interface Item {
  readonly isList: boolean;
  readonly start: number;
  readonly end: number;
}

function readItem(bytes: Buffer, place: number): Item {
  const first = bytes.readUInt8(place);
  if (first < firstString) return { isList: false, start: place, end: place + 1 };
  const isList = first >= firstList;
  const size = first - (isList ? firstList : firstString);
  const start = place + 1;
  if (size < 56) return { isList, start, end: start + size };
  const sizeBytes = size - 55;
  return { isList, start: start + sizeBytes, end: start + sizeBytes + bytes.readUIntBE(start, sizeBytes) };
}
