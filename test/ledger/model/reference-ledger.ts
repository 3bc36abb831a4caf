import { ownWallets, sharedWallets, type Deposit, type Operation } from './operations.js';

interface Transfer {
  readonly from: number;
  readonly to: number | undefined;
  claimedBy?: number;
  readonly units: bigint;
  state: 'pending' | 'completed' | 'cancelled' | 'expired';
}

interface Hold {
  readonly wallet: number;
  readonly units: bigint;
  state: 'open' | 'captured' | 'voided' | 'expired';
}

interface Charge {
  readonly from: number;
  readonly to: number;
  readonly units: bigint;
  refunded: bigint;
}

/** What an operation comes to: done, or the code with which it is refused; one for each item of a batch. */
export type Outcome = readonly string[];

/** What the ledger promises, in memory and one operation at a time. */
export function createReferenceLedger() {
  const wallets = Array.from({ length: ownWallets + sharedWallets }, () => 0n);
  const posted = new Map<number, Deposit>();
  const transfers: Transfer[] = [];
  const holds: Hold[] = [];
  const charges: Charge[] = [];

  const sum = (amounts: readonly bigint[]) => amounts.reduce((total, each) => total + each, 0n);
  const held = (wallet: number) =>
    sum(holds.filter((hold) => hold.wallet === wallet && hold.state === 'open').map(({ units }) => units));
  const covers = (wallet: number, units: bigint) => balance(wallet) - held(wallet) >= units;
  const balance = (wallet: number) => wallets[wallet] ?? 0n;
  const add = (wallet: number, units: bigint) => (wallets[wallet] = balance(wallet) + units);

  return {
    apply,
    /** Of own wallets: what is in them and held. Of shared ones: what this process brought. */
    balances: () => wallets.map((amount, wallet) => ({ balance: amount, held: held(wallet) })),
    escrow: () =>
      Array.from({ length: ownWallets }, (_, from) =>
        sum(transfers.filter((each) => each.from === from && each.state === 'pending').map(({ units }) => units)),
      ),
    deposited: () => sum([...posted.values()].map(({ units }) => units)),
  };

  function apply(operation: Operation): Outcome {
    if (operation.kind === 'deposit') return operation.items.map(deposit);
    return [single(operation)];
  }

  function single(operation: Exclude<Operation, { kind: 'deposit' }>): string {
    switch (operation.kind) {
      case 'send':
        return move(operation);
      case 'charge': {
        const outcome = move(operation);
        if (outcome === 'done') charges.push({ ...operation, refunded: 0n });
        return outcome;
      }
      case 'create':
        return create(operation);
      case 'claim':
        return claim(operation);
      case 'cancel':
        return cancel(operation.nth);
      case 'hold':
        if (!covers(operation.wallet, operation.units)) return 'BALANCE_INSUFFICIENT';
        holds.push({ ...operation, state: operation.expired ? 'expired' : 'open' });
        return 'done';
      case 'capture':
        return capture(operation);
      case 'void':
        return endHold(operation.nth, (hold) => (hold.state = 'voided'));
      case 'refund':
        return refund(operation);
    }
  }

  function deposit(item: Deposit): string {
    const known = posted.get(item.key);
    if (known !== undefined) {
      return known.wallet === item.wallet && known.units === item.units ? 'replayed' : 'LEDGER_KEY_REUSED';
    }
    if (item.units === 0n) return '23514';
    posted.set(item.key, item);
    add(item.wallet, item.units);
    return 'done';
  }

  function move({ from, to, units }: { from: number; to: number; units: bigint }): string {
    if (from === to) return 'TRANSFER_TO_ITSELF';
    if (!covers(from, units)) return 'BALANCE_INSUFFICIENT';
    add(from, -units);
    add(to, units);
    return 'done';
  }

  function create({ from, to, units, expired }: Operation & { kind: 'create' }): string {
    if (from === to) return 'TRANSFER_TO_ITSELF';
    if (!covers(from, units)) return 'BALANCE_INSUFFICIENT';
    if (!expired) add(from, -units);
    transfers.push({ from, to, units, state: expired ? 'expired' : 'pending' });
    return 'done';
  }

  function claim({ nth, by, withToken }: Operation & { kind: 'claim' }): string {
    const transfer = transfers[nth % transfers.length];
    if (transfer === undefined) return 'nothing';
    const showsToken = withToken && transfer.to === undefined;
    if (!showsToken && by !== transfer.to && by !== transfer.claimedBy) return 'TRANSFER_NOT_FOUND';
    if (transfer.state === 'expired') return 'TRANSFER_EXPIRED';
    if (transfer.state !== 'pending') return 'TRANSFER_NOT_PENDING';
    if (transfer.from === by) return 'TRANSFER_TO_ITSELF';
    transfer.state = 'completed';
    transfer.claimedBy = by;
    add(by, transfer.units);
    return 'done';
  }

  function cancel(nth: number): string {
    const transfer = transfers[nth % transfers.length];
    if (transfer === undefined) return 'nothing';
    if (transfer.state === 'expired') return 'TRANSFER_EXPIRED';
    if (transfer.state !== 'pending') return 'TRANSFER_NOT_PENDING';
    transfer.state = 'cancelled';
    add(transfer.from, transfer.units);
    return 'done';
  }

  function capture({ nth, units, to }: Operation & { kind: 'capture' }): string {
    const hold = holds[nth % holds.length];
    if (hold?.wallet === to) return 'TRANSFER_TO_ITSELF';
    return endHold(nth, (open) => {
      if ((units ?? open.units) > open.units) return 'HOLD_EXCEEDED';
      open.state = 'captured';
      add(open.wallet, -(units ?? open.units));
      add(to, units ?? open.units);
      return undefined;
    });
  }

  function endHold(nth: number, end: (hold: Hold) => string | undefined): string {
    const hold = holds[nth % holds.length];
    if (hold === undefined) return 'nothing';
    if (hold.state === 'expired') return 'HOLD_EXPIRED';
    if (hold.state !== 'open') return 'HOLD_NOT_OPEN';
    const refused = end(hold);
    return refused === undefined || refused === 'voided' ? 'done' : refused;
  }

  /** Refunds come from own wallets only: what a shared one has depends on the other processes. */
  function refund({ nth, units }: Operation & { kind: 'refund' }): string {
    const charge = charges[nth % charges.length];
    if (charge === undefined || charge.to >= ownWallets) return 'nothing';
    const returned = units ?? charge.units - charge.refunded;
    if (returned === 0n || charge.refunded + returned > charge.units) return 'REFUND_EXCEEDS_CHARGE';
    if (!covers(charge.to, returned)) return 'BALANCE_INSUFFICIENT';
    add(charge.to, -returned);
    add(charge.from, returned);
    charge.refunded += returned;
    return 'done';
  }
}
