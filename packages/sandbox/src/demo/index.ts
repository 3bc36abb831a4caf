export { startDemoMerchant } from './demo-merchant.js';
export type { DemoMerchant, DemoMerchantOptions, DemoRoute } from './demo-merchant.js';
export type { LocalServer } from './local-server.js';
export { startReferenceFacilitator } from './reference-facilitator.js';
export type { ReferenceFacilitatorOptions } from './reference-facilitator.js';
export type { SalesCounter } from './sales-counter.js';
export { SOLANA_DEVNET } from './solana-devnet.js';
export { createStockBuyer, payOnce, readPaidResponse } from './stock-buyer.js';
export type { PaidResponse, StockBuyer, StockBuyerOptions } from './stock-buyer.js';
