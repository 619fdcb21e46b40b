/** Remembers answers that cost a round trip, by name. */
export interface Memory<Value> {
  /** The answer that is remembered, else what `ask` gives. Those who ask at the same time share one asking. */
  get(name: string, ask: () => Promise<Value>): Promise<Value>;
}

export interface MemoryOptions<Value> {
  /** How many answers are kept; the one asked for longest ago gives way. */
  readonly most: number;
  readonly now: () => Date;
  /** Until when an answer holds, in milliseconds since 1970, that was asked for at `askedAt`. What holds no longer is forgotten. */
  readonly until: (value: Value, askedAt: number) => number;
}

/** A bounded memory of this process. A failure is not remembered. */
export function memory<Value>({ most, now, until }: MemoryOptions<Value>): Memory<Value> {
  const entries = new Map<string, { answer: Promise<Value>; until: number }>();
  return {
    get(name, ask) {
      const askedAt = now().getTime();
      const known = entries.get(name);
      if (known && known.until > askedAt) return known.answer;
      // Under way it holds for everybody; when it is there, for as long as it says.
      const entry = { answer: ask(), until: Number.POSITIVE_INFINITY };
      entries.delete(name);
      entries.set(name, entry);
      if (entries.size > most) entries.delete(entries.keys().next().value as string);
      const forget = () => {
        if (entries.get(name) === entry) entries.delete(name);
      };
      entry.answer.then((value) => {
        entry.until = until(value, askedAt);
        if (entry.until <= askedAt) forget();
      }, forget);
      return entry.answer;
    },
  };
}
