import { expect } from 'vitest';
import type { Path } from './changed.js';
import { startHostileSetup } from './hostile-setup.js';

/** A payment on each chain whose fields are bent one at a time; the payers have no money, so that nothing costs gas. */
export type FieldScene = Awaited<ReturnType<typeof openFieldScene>>;

export async function openFieldScene() {
  const setup = await startHostileSetup();
  const [evm, svm] = [await setup.unfunded('EVM'), await setup.unfunded('Solana')];
  return {
    setup,
    evm,
    svm,
    /** Asks both endpoints, which must agree; one after the other, because what is being settled is no longer valid. */
    answerTo: async (request: unknown): Promise<string> => {
      const verified = await setup.ask('verify', request);
      expect(await setup.ask('settle', request)).toEqual(verified);
      return `${verified.status} ${verified.reason ?? 'valid'}`;
    },
    async close(): Promise<void> {
      await setup.expectNothingSpent();
      await setup.stop();
    },
  };
}

export const malformed = '400 invalid_payload';
export const badPayload = '200 invalid_payload';
export const badRequirements = '200 invalid_payment_requirements';
export const noMoney = '200 invalid_exact_evm_insufficient_balance';

export const amount: Path = ['paymentRequirements', 'amount'];
export const authorization = (field: string): Path => ['paymentPayload', 'payload', 'authorization', field];
