import { Problem } from '../errors.ts';
import { log } from '../log.ts';
import { memory } from '../memory.ts';
import { findMunicipality } from '../register/register.ts';

/** Requests a minute that one process refuses a client, for want of a grant, with 404. Beyond them it answers 429. */
export const REFUSALS_PER_MINUTE = 100;
/** After this many refusals of a client at one municipality in a minute, a refusal is remembered instead of looked up. */
const LOOKED_UP = 10;
/** How long a remembered refusal holds, in milliseconds. A new grant works after this time for a client that was flooding. */
const HELD_MS = 5_000;

const WINDOW_MS = 60_000;
/** More clients than one Lambda instance refuses in a minute; the oldest gives way. */
const REMEMBERED = 1_000;

/** The refusals of one client at one municipality within a minute. */
interface Place {
  refused: number;
  /** Until when the last one holds without a look, in milliseconds since 1970. */
  heldUntil: number;
}

/** One minute of a client's refusals, as this process knows it. */
interface Minute {
  readonly startsAt: number;
  refused: number;
  /** By municipality code: at most the 98 of the register. */
  readonly places: Map<string, Place>;
}

export interface RefusalDeps {
  readonly now: () => Date;
  /** Refused requests a minute that are answered 404, for each client. */
  readonly refusalsPerMinute?: number | undefined;
}

/** Bounds what a client costs where it has no grant. */
export interface Refusals {
  /** Returns whether a client is refused at a municipality without a look at the table. */
  isKnown(clientId: string, code: string): Promise<boolean>;
  /** Pays a refused request from the client's allowance. Throws `too_many_requests` if that is used up. */
  pay(clientId: string, code: string): Promise<void>;
}

/**
 * Returns the allowance from which a client's refused requests are paid. The quota of a municipality cannot pay for them,
 * because its rows are not touched for a client without a grant, so each process counts them itself. A client that was
 * refused now and then is looked up each time, so that a new grant works at once. After {@link LOOKED_UP} refusals at one
 * municipality in a minute, each further look holds for {@link HELD_MS}. A client that has used up its allowance is refused until
 * the minute is over wherever it was refused in this minute. It is still looked up once at each other municipality, so
 * that what it is refused in one never keeps it from working in another. A flood therefore costs a process at most the
 * allowance and 98 reads a minute, and 21 at a single municipality.
 */
export function refusalsOf({ now, refusalsPerMinute = REFUSALS_PER_MINUTE }: RefusalDeps): Refusals {
  const minutes = memory<Minute>({ most: REMEMBERED, now, until: ({ startsAt }) => startsAt + WINDOW_MS });
  const begin = async (): Promise<Minute> => {
    const time = now().getTime();
    return { startsAt: time - (time % WINDOW_MS), refused: 0, places: new Map() };
  };

  return {
    async isKnown(clientId, code) {
      // Nobody has a grant in a municipality that does not exist.
      if (!findMunicipality(code)) return true;
      const { refused, places } = await minutes.get(clientId, begin);
      const place = places.get(code);
      return place !== undefined && (refused >= refusalsPerMinute || now().getTime() < place.heldUntil);
    },
    async pay(clientId, code) {
      const minute = await minutes.get(clientId, begin);
      minute.refused += 1;
      if (findMunicipality(code)) note(minute.places, code, now().getTime());
      if (minute.refused <= refusalsPerMinute) return;
      // The log is told once a minute.
      if (minute.refused === refusalsPerMinute + 1) log.warn('refusals used up', { clientId, refusalsPerMinute });
      throw tooMany(refusalsPerMinute, Math.max(1, Math.ceil((minute.startsAt + WINDOW_MS - now().getTime()) / 1000)));
    },
  };
}

/** Counts a refusal at a municipality. One that was not looked up does not hold any longer for that. */
function note(places: Map<string, Place>, code: string, time: number): void {
  const place = places.get(code) ?? { refused: 0, heldUntil: 0 };
  place.refused += 1;
  if (place.refused >= LOOKED_UP && place.heldUntil <= time) place.heldUntil = time + HELD_MS;
  places.set(code, place);
}

/** The refusal of a client that keeps asking, with the headers of draft-ietf-httpapi-ratelimit-headers-10. */
function tooMany(allowance: number, seconds: number): Problem {
  const detail = `The client was refused more than ${allowance} times in a minute, in municipalities where it has no grant.`;
  return new Problem('too_many_requests', detail, [], {
    'ratelimit-policy': `"refused";q=${allowance};qu="units";w=${WINDOW_MS / 1000}`,
    ratelimit: `"refused";r=0;t=${seconds}`,
    'retry-after': String(seconds),
  });
}
