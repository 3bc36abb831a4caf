export { parseSvmAddress } from './address/svm-address.js';
export type { SvmCommitment, SvmLimits } from './limits.js';
export { generateDepositKey, parseSvmSecretKey, svmAddressOf } from './signing/secret-key.js';
export { createSvmNetwork, type SvmNetwork, type SvmNetworkParts } from './svm-network.js';
