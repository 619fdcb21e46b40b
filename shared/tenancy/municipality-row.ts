import type { Tenant } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import { derivedId } from '../ids.ts';
import { findMunicipality } from '../register/register.ts';
import { municipalityKey } from '../table/keys.ts';
import type { ScopedTable } from '../table/scoped-table.ts';
import { unchangedSince, type Write, WriteRefused } from '../table/write.ts';
import type { Instant } from '../time.ts';
import type { Offboarding } from './offboarding.ts';
import type { PendingRecovery } from './recovery.ts';
import type { SettingsState } from './settings.ts';

/** Something that happened to a municipality and that its own events do not tell yet (steward.ts writes them). */
export interface Untold {
  /** Name of the event without `dk.livline.`. */
  readonly name: string;
  /** Version of the municipality that it made. */
  readonly version: number;
  readonly at: Instant;
  readonly operatorId: string;
  /** Version of the municipality that its event before this one tells of. */
  readonly previous?: number | undefined;
  /** What the event says besides. */
  readonly details?: object | undefined;
}

/** A municipality as it is stored outside of itself. */
export interface Municipality {
  readonly version: number;
  /** What its contexts are made of; shown to nobody. */
  readonly tenant: Tenant;
  /** What operators see. */
  readonly view: Readonly<Record<string, unknown>>;
  readonly untold: readonly Untold[];
  /** Version that the last of its events tells of, be it told or not. */
  readonly lastEvent?: number | undefined;
  /** The data key that everything is to be sealed with, while that is under way (key-rotation.ts). */
  readonly resealTo?: number | undefined;
  /** Who changed its settings last (settings.ts). */
  readonly settings?: SettingsState | undefined;
  /** A recovery that an operator asked for and that has not been used or cancelled (recovery.ts). */
  readonly recovery?: PendingRecovery | undefined;
  /** How far it has left, while it leaves. */
  readonly offboarding?: Offboarding | undefined;
  /** The certificate of its erasure, once it is deleted. */
  readonly certificate?: string | undefined;
}

/** How it is stored: as text, because a map comes back with its members in another order. */
type MunicipalityRow = Omit<Municipality, 'offboarding'> & { readonly offboarding?: string };

/** What a change of a municipality may set; all else stays as it is. */
export type MunicipalityChange = Partial<Omit<Municipality, 'version' | 'lastEvent'>>;

/** Id of the event that tells of a version of a municipality. */
export const municipalityEventId = (code: string, version: number): string =>
  derivedId('evt', code, 'municipality', version);

const notProvisioned = (code: string) =>
  new Problem('not_found', `The municipality ${code.slice(0, 20)} is not provisioned.`);

/** The stored municipality, undefined where the code was never provisioned. */
export async function findMunicipalityRow(control: ScopedTable, code: string): Promise<Municipality | undefined> {
  const row = findMunicipality(code) ? await control.get(municipalityKey(code)) : undefined;
  if (!row) return undefined;
  const { version, tenant, view, untold, lastEvent, resealTo, settings, recovery, certificate, ...rest } =
    row as unknown as MunicipalityRow;
  const offboarding = rest.offboarding && JSON.parse(rest.offboarding);
  return { version, tenant, view, untold, lastEvent, resealTo, settings, recovery, offboarding, certificate };
}

/** The stored municipality. Throws `not_found` where the code was never provisioned. */
export async function loadMunicipality(control: ScopedTable, code: string): Promise<Municipality> {
  const found = await findMunicipalityRow(control, code);
  if (!found) throw notProvisioned(code);
  return found;
}

/** The next version of a municipality, or its first. */
export function nextMunicipality(before: Municipality | undefined, change: MunicipalityChange): Municipality {
  const after = { untold: [], ...before, ...change } as Municipality;
  const { tenant, view, untold } = after;
  return {
    ...after,
    version: (before?.version ?? 0) + 1,
    view: { ...view, status: tenant.status },
    lastEvent: untold.at(-1)?.version ?? before?.lastEvent,
  };
}

/** Writes a municipality as it is next, provided that nobody else changed it since it was read. */
export function municipalityWrite(before: Municipality | undefined, change: MunicipalityChange): Write {
  const after = nextMunicipality(before, change);
  const { code } = after.tenant;
  return {
    kind: 'put',
    key: municipalityKey(code),
    condition: unchangedSince(before?.version ?? 0),
    item: { type: 'municipality', ...after, offboarding: after.offboarding && JSON.stringify(after.offboarding) },
    index: { list: { pk: ['MUNICIPALITIES'], sk: [code] } },
  };
}

/** Performs writes of which one changes a municipality. Throws `in_flight` where another change was quicker. */
export async function commitMunicipality(control: ScopedTable, ...writes: readonly Write[]): Promise<void> {
  try {
    await control.transact(writes);
  } catch (error) {
    if (!(error instanceof WriteRefused)) throw error;
    throw new Problem('in_flight', 'The municipality is being changed by another request. Try again.', [], {
      'retry-after': '1',
    });
  }
}
