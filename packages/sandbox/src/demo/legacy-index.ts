export { payLegacy } from './legacy-buyer.js';
export type { LegacyPaidResponse } from './legacy-buyer.js';
export { startLegacyMerchant } from './legacy-merchant.js';
export type { LegacyMerchantOptions, LegacyRoute } from './legacy-merchant.js';
