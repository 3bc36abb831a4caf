import fc from 'fast-check';

/** Wallets are named by number: each process has the first ones to itself, and all processes pay into the last ones. */
export const ownWallets = 4;
export const sharedWallets = 2;

/** What money can do. Things that were made before are named by how many of their kind there were before them. */
export type Operation =
  | { readonly kind: 'deposit'; readonly items: readonly Deposit[] }
  | { readonly kind: 'send'; readonly from: number; readonly to: number; readonly units: bigint }
  | { readonly kind: 'charge'; readonly from: number; readonly to: number; readonly units: bigint }
  | {
      readonly kind: 'create';
      readonly from: number;
      /** Nobody in particular: whoever has the token. */
      readonly to: number | undefined;
      readonly units: bigint;
      /** It is over as soon as it is made, and goes back. */
      readonly expired: boolean;
    }
  | { readonly kind: 'claim'; readonly nth: number; readonly by: number; readonly withToken: boolean }
  | { readonly kind: 'cancel'; readonly nth: number }
  | { readonly kind: 'void'; readonly nth: number }
  | { readonly kind: 'hold'; readonly wallet: number; readonly units: bigint; readonly expired: boolean }
  | { readonly kind: 'capture'; readonly nth: number; readonly units: bigint | undefined; readonly to: number }
  | { readonly kind: 'refund'; readonly nth: number; readonly units: bigint | undefined };

/** A credit under a key; few keys, so that many repeat one or reuse it with another body, also within one batch. */
export interface Deposit {
  readonly key: number;
  readonly wallet: number;
  readonly units: bigint;
}

const own = fc.nat(ownWallets - 1);
const any = fc.nat(ownWallets + sharedWallets - 1);
const units = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt({ min: 1n, max: 400n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: 1n, max: 10n ** 40n }) },
);
const maybeUnits = fc.option(fc.bigInt({ min: 1n, max: 300n }), { nil: undefined });
const nth = fc.nat(1_000_000);
const seldom = fc.nat(7).map((n) => n === 0);

/** Most keys always come with the same body; the others make keys that are used for two. */
const deposit = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.nat(2_000).map((key) => ({ key, wallet: key % ownWallets, units: BigInt(1 + (key % 300)) })),
  },
  { weight: 2, arbitrary: fc.record({ key: fc.nat(2_000), wallet: own, units: fc.bigInt({ min: 1n, max: 300n }) }) },
  { weight: 1, arbitrary: fc.record({ key: fc.nat(2_000), wallet: own, units: fc.constant(0n) }) },
);

/** Random operations, most of which can be carried out. */
export const operations: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('deposit'), items: fc.array(deposit, { minLength: 1, maxLength: 6 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('send' as const, 'charge' as const), from: own, to: any, units }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('create'),
      from: own,
      to: fc.option(any, { nil: undefined }),
      units,
      expired: seldom,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('claim'), nth, by: any, withToken: seldom.map((is) => !is) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel'), nth }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('hold'), wallet: own, units, expired: seldom }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('capture'), nth, units: maybeUnits, to: any }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('void'), nth }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('refund'), nth, units: maybeUnits }) },
);
