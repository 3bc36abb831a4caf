export { type Amount, amount, AmountText, parseAmount } from './amount.js';
export { type Asset, isSameAsset, type Money } from './asset.js';
export { createBatcher } from './batcher.js';
export type { Brand } from './brand.js';
export type {
  AuthorizationUse,
  Block,
  BoundedClaim,
  Broadcast,
  Chain,
  ClaimedTransfer,
  ExpectedTransfer,
  Finality,
  FinalizedBalance,
  Inclusion,
  Observation,
  ObservedTransaction,
  OnChainEffect,
  SubmittedTransaction,
  TokenHolder,
} from './chain.js';
export { type Clock, systemClock, unixSeconds } from './clock.js';
export { Fault, type FaultCode, type FaultFacts, faults, isFault } from './faults.js';
export { type KnownToken, knownTokens, knownTokensOf } from './known-tokens.js';
export { nativeAsset } from './native-asset.js';
export { nameOfNetwork, networkOfName, parseNetworkOrName } from './network-names.js';
export {
  baseMainnet,
  baseSepolia,
  evmChainId,
  network,
  type Network,
  networkFamily,
  type NetworkFamily,
  parseNetwork,
  solanaDevnet,
  solanaMainnet,
  solanaTestnet,
} from './network.js';
export type { Payment, PaymentRequirements, X402Version } from './payment.js';
export { type Reason, reasons, type Rejection, saysUsed } from './reasons.js';
export { createEndpointPool, type EndpointStatus } from './rpc/endpoint-pool.js';
export { NoAnswerError } from './rpc/no-answer-error.js';
export { type PoolLimits, poolLimitsOf, type RpcLimits } from './rpc/pool-limits.js';
export { RefusingEndpointError } from './rpc/refusing-endpoint-error.js';
export { connectEach, type RpcPoolParts } from './rpc/rpc-pool-parts.js';
export { createAddressStriking } from './rpc/strike-address.js';
export type { RpcCall, RpcObserver } from './rpc-observer.js';
export type {
  AcceptablePayment,
  Authorization,
  Examination,
  PlanResult,
  ReplacementPlan,
  SchemeHandler,
  SignedTransaction,
  SupportedKind,
  TransactionPlan,
  Verdict,
  VerifiedPayment,
} from './scheme-handler.js';
export { isTooDeep, maximumDepth } from './wire/json-depth.js';
export type { PaymentAttempt, PaymentEvidence, PaymentReport } from './wire/payment-report.js';
export {
  failedAnswer,
  invalidAnswer,
  reasonText,
  type Reply,
  type SettleAnswer,
  validAnswer,
  type VerifyAnswer,
} from './wire/reply.js';
export { type PaymentRequest, PaymentRequestBody, readPaymentRequest } from './wire/request.js';
export type { AnsweredKind, SupportedAnswer } from './wire/supported.js';
