/** How patient a pool of RPC endpoints is. */
export interface PoolLimits {
  /** One call, all the endpoints that it fails over to included. */
  readonly timeoutMs: number;
  /**
   * How long an endpoint that did not answer, or refused to serve, is left alone; twice as long each time in a row, up to
   * {@link cooldownGrowth} times.
   */
  readonly cooldownMs: number;
  /** How often the endpoints in use are compared; never without traffic, and never where there is only one. */
  readonly compareEveryMs: number;
  /** Blocks that an endpoint may be behind the highest before it leaves the rotation. */
  readonly maximumLagBlocks: number;
}

/** {@link PoolLimits} among the other limits of a network. */
export interface RpcLimits {
  /** One call, all the endpoints that it fails over to included. */
  readonly rpcTimeoutMs: number;
  /** How long an endpoint that did not answer, or refused to serve, is left alone at first. */
  readonly rpcCooldownMs: number;
  /** How often endpoints in use are compared. */
  readonly rpcCompareEveryMs: number;
  /** Blocks that an endpoint may be behind the others. */
  readonly rpcMaximumLagBlocks: number;
}

export function poolLimitsOf(limits: RpcLimits): PoolLimits {
  return {
    timeoutMs: limits.rpcTimeoutMs,
    cooldownMs: limits.rpcCooldownMs,
    compareEveryMs: limits.rpcCompareEveryMs,
    maximumLagBlocks: limits.rpcMaximumLagBlocks,
  };
}

/** The longest cooldown, in first cooldowns. */
export const cooldownGrowth = 64;
