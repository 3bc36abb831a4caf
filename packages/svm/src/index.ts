export { parseSvmAddress } from './address/svm-address.js';
export type { SvmCommitment, SvmLimits } from './limits.js';
export { generateDepositKey, parseSvmSecretKey, svmAddressOf } from './signing/secret-key.js';
