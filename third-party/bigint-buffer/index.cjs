// The Solana libraries turn integers into bytes through `bigint-buffer`. The published package does it in native code with a
// known buffer overflow, needs a compiler to install, and prints a warning in every process where it has none.
// A workspace of the same name and version takes its place everywhere.
const { Buffer } = require('node:buffer');

/** The unsigned integer that the bytes hold, most significant byte first; 0 for none. */
function toBigIntBE(bytes) {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

/** The unsigned integer that the bytes hold, least significant byte first; 0 for none. */
function toBigIntLE(bytes) {
  return toBigIntBE(Buffer.from(bytes).reverse());
}

/**
 * The integer as exactly `width` bytes, most significant byte first.
 * @throws RangeError when it is negative or does not fit, where the published package would cut it off.
 */
function toBufferBE(value, width) {
  if (value < 0n || value >= 1n << BigInt(width * 8)) throw new RangeError(`The integer does not fit ${width} bytes`);
  return Buffer.from(value.toString(16).padStart(width * 2, '0'), 'hex').subarray(0, width);
}

/**
 * The integer as exactly `width` bytes, least significant byte first.
 * @throws RangeError when it is negative or does not fit.
 */
function toBufferLE(value, width) {
  return toBufferBE(value, width).reverse();
}

module.exports = { toBigIntBE, toBigIntLE, toBufferBE, toBufferLE };
