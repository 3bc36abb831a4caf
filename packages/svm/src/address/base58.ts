const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const digitOf: ReadonlyMap<string, number> = new Map(Array.from(alphabet, (letter, digit) => [letter, digit]));

/** A 64-byte key or signature has at most 88 digits; longer text is refused before it costs quadratic time. */
const longestText = 88;

/** Five digits at once keep every intermediate value far below 2^53 and take a fifth of the steps. */
const digitsPerLimb = 5;
const limbBase = 58 ** digitsPerLimb;

/** Writes bytes as Solana writes addresses and signatures. Each leading zero byte becomes one `1`. */
export function encodeBase58(bytes: Uint8Array): string {
  const limbs: number[] = [];
  for (const byte of bytes) {
    let carry = byte;
    for (let place = 0; place < limbs.length; place += 1) {
      const value = (limbs[place] ?? 0) * 256 + carry;
      carry = Math.floor(value / limbBase);
      limbs[place] = value - carry * limbBase;
    }
    if (carry > 0) limbs.push(carry);
  }
  const digits = limbs.reduceRight((text, limb) => text + limbText(limb), '');
  const first = countLeading(digits, '1');
  return '1'.repeat(countLeading(bytes, 0)) + digits.slice(first);
}

function limbText(limb: number): string {
  let text = '';
  let rest = limb;
  for (let place = 0; place < digitsPerLimb; place += 1) {
    text = alphabet.charAt(rest % 58) + text;
    rest = Math.floor(rest / 58);
  }
  return text;
}

/** Reads base58; undefined for any other letter, for padding and for more than 88 digits. */
export function decodeBase58(text: string): Uint8Array | undefined {
  if (text.length > longestText) return undefined;
  const bytes: number[] = [];
  for (const letter of text) {
    let carry = digitOf.get(letter);
    if (carry === undefined) return undefined;
    for (let place = 0; place < bytes.length; place += 1) {
      carry += (bytes[place] ?? 0) * 58;
      bytes[place] = carry & 0xff;
      carry >>= 8;
    }
    for (; carry > 0; carry >>= 8) bytes.push(carry & 0xff);
  }
  const zeros = countLeading(text, '1');
  return Uint8Array.from([...new Array<number>(zeros).fill(0), ...bytes.reverse()]);
}

function countLeading<Item>(items: ArrayLike<Item>, item: Item): number {
  let count = 0;
  while (count < items.length && items[count] === item) count += 1;
  return count;
}
