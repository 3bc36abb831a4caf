declare const brand: unique symbol;

/** A primitive that only its own constructor can make, so that no two kinds of string or bigint are mixed by accident. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };
