/**
 * Addresses whose private keys are printed in public documentation: the ten default accounts of anvil and Hardhat, the Solana
 * accounts of our own sandbox, and the key of `.env.example`. Production refuses to sign with them, since anybody can.
 */
export const wellKnownAddresses: ReadonlySet<string> = new Set([
  '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
  '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
  '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
  '0x90F79bf6EB2c4f870365E785982E1f101E93b906',
  '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65',
  '0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc',
  '0x976EA74026E726554dB657fA54763abd0C3a0aa9',
  '0x14dC79964da2C08b23698B3D3cc7Ca32193d9955',
  '0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f',
  '0xa0Ee7A142d267C1f36714E4a8F75612F20a79720',
  '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf',
  '5JW7VMU3RecWYahMvQYPeiZ73k6c4GwK8Kg7DQc3VdVz',
  '27CSm3aDZTGdaahZ5KNSr9pYT9jgZnaGuXMSGjwxv2KT',
  'BxQE1Am196eGeTHAsV6ni5GQjBYVHVqhJQVLREgnZAYY',
  '5Vhnm4uTM6X1vvve7rfQL3zCuhfAoYQUhHWEw9Z4Jza5',
  'ApvEf6ot3CzVfZ8aVixt1nRTmSE2MGWnZjdYPuz6RHDu',
  '9m1ZNbAJaAA8TuUUXh1BesiKJRgRaqQJNtmyJmJQ81E5',
  'J2k2Ltx354Sv6wjHC7MCdHbKaEt2VXLqwKvmX9vsPiwu',
  '5vtv1X4EDv7Y2eGRwpQoBLpD65wRUkZewXVKD3NE3rAE',
  'CY889TbVUzPxZargBN469sBMdfmCLsjv3n21bzhLYcga',
  'DM6cGN2TFNv3DBb7F3hnyQwgumn36fTKU92WJUSK2wga',
]);
