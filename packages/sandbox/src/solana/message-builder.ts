import { addressBytes } from './base58.js';

export interface InstructionAccount {
  readonly address: string;
  readonly signer?: boolean;
  readonly writable?: boolean;
}

export interface Instruction {
  readonly program: string;
  readonly accounts: readonly InstructionAccount[];
  readonly data: Uint8Array;
}

interface KeyRole {
  signer: boolean;
  writable: boolean;
}

/** Compiles a legacy message whose fee payer is `payer`. */
export function buildMessage(parts: {
  payer: string;
  blockhash: string;
  instructions: readonly Instruction[];
}): Uint8Array {
  const roles = new Map<string, KeyRole>([[parts.payer, { signer: true, writable: true }]]);
  for (const { program, accounts } of parts.instructions) {
    for (const { address, signer = false, writable = false } of [...accounts, { address: program }]) {
      const role = roles.get(address) ?? { signer: false, writable: false };
      roles.set(address, { signer: role.signer || signer, writable: role.writable || writable });
    }
  }
  // Keys stand in four groups: signers before others, and writable before read-only within both.
  const rank = (role: KeyRole): number => (role.signer ? 0 : 2) + (role.writable ? 0 : 1);
  const keys = [...roles].sort(([, a], [, b]) => rank(a) - rank(b));
  const count = (wanted: number): number => keys.filter(([, role]) => rank(role) === wanted).length;
  const indexOf = new Map(keys.map(([address], index) => [address, index]));
  const index = (address: string): number => indexOf.get(address) ?? 0;
  return Buffer.concat([
    Uint8Array.of(count(0) + count(1), count(1), count(3)),
    Uint8Array.of(keys.length),
    ...keys.map(([address]) => addressBytes(address)),
    addressBytes(parts.blockhash),
    Uint8Array.of(parts.instructions.length),
    ...parts.instructions.flatMap(({ program, accounts, data }) => [
      Uint8Array.of(index(program), accounts.length, ...accounts.map(({ address }) => index(address)), data.length),
      data,
    ]),
  ]);
}

/** Puts signatures before a message; a transaction that the VM need not verify carries zeros. */
export function assembleTransaction(message: Uint8Array, signatures?: readonly Uint8Array[]): Uint8Array {
  const all = signatures ?? Array.from({ length: message[0] ?? 0 }, () => new Uint8Array(64));
  return Buffer.concat([Uint8Array.of(all.length), ...all, message]);
}
