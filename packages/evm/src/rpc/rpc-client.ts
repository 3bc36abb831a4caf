/** How an EVM network is asked, whichever of its endpoints answers. */
export interface RpcClient {
  /**
   * Calls a method and gives its result, unread.
   * @throws RpcError when the node refuses the call.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE` when none of the endpoints answers in time, or with JSON-RPC, or serves us for now;
   * `CHAIN_WRONG_NETWORK` when all of them serve another network.
   */
  call(method: string, parameters: readonly unknown[]): Promise<unknown>;
  /** Does work whose calls all go to one endpoint, and anew on the next one when that does not answer. It may only read. */
  onOneEndpoint<Result>(work: (rpc: RpcClient) => Promise<Result>): Promise<Result>;
}
