import { evmAddressOf, parseEvmPrivateKey } from '@tollkeeper/evm';
import { svmAddressOf } from '@tollkeeper/svm';
import type { Config } from './config/config.js';
import type { AddressOfKey } from './custody/key-rotation.js';
import type { EncryptionKeys } from './custody/key-vault.js';
import { generatedEncryptionKey } from './data-dir.js';

/** The encryption keys of the configuration, or the one of the data folder. */
export async function encryptionKeys(config: Config): Promise<EncryptionKeys> {
  return {
    current: config.walletEncryptionKey ?? (await generatedEncryptionKey(config.dataDir)),
    previous: config.walletEncryptionKeyPrevious,
    next: config.walletEncryptionKeyNext,
  };
}

/** The address that a deposit key belongs to. */
export const addressOfKey: AddressOfKey = {
  eip155(secret) {
    const key = parseEvmPrivateKey(Buffer.from(secret).toString('hex'));
    return key === undefined ? undefined : evmAddressOf(key);
  },
  solana: svmAddressOf,
};
