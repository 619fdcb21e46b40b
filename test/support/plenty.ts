/** Units a minute that no client of a test or a benchmark spends: its first lease is enough for the minute. */
export const PLENTY = 1_000_000_000;
