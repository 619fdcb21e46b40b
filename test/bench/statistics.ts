/** What a set of measurements comes to. The quartiles are its spread: they say little of a burst of noise, which is the point. */
export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
}

/** The value below which the share `at` of the sorted values lies, between two of them by their distance. */
function quantile(sorted: readonly number[], at: number): number {
  const place = (sorted.length - 1) * at;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

/** Median and quartiles of the values. */
export function summarise(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    median: quantile(sorted, 0.5),
    lower: quantile(sorted, 0.25),
    upper: quantile(sorted, 0.75),
  };
}

/**
 * Takes `rounds` samples of each contender, one of each in turn, so that whatever else the machine does falls on all
 * alike. The order turns by one each round, so that nobody always runs after the same neighbour.
 */
export async function interleaved<Name extends string, Sample>(
  contenders: Readonly<Record<Name, () => Sample | Promise<Sample>>>,
  rounds: number,
): Promise<Record<Name, Sample[]>> {
  const names = Object.keys(contenders) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as Sample[]])) as Record<Name, Sample[]>;
  for (let round = 0; round < rounds; round += 1) {
    for (const [at] of names.entries()) {
      const name = names[(at + round) % names.length] as Name;
      samples[name].push(await contenders[name]());
    }
  }
  return samples;
}

/** The ratio of two contenders round by round, so that what slowed one round slows both sides of its ratio. */
export const ratioOf = (ours: readonly number[], theirs: readonly number[]): Summary =>
  summarise(ours.map((value, at) => value / (theirs[at] ?? Number.NaN)));
