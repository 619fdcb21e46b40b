import type { Tenant } from '../context.ts';
import { Problem } from '../errors.ts';
import { findMunicipality } from '../register/register.ts';
import { municipalityKey } from '../table/keys.ts';
import type { ScopedTable } from '../table/scoped-table.ts';
import { unchangedSince, type Write, WriteRefused } from '../table/write.ts';
import type { Instant } from '../time.ts';

/** Something that happened to a municipality and that its own events do not tell yet (steward.ts writes them). */
export interface Untold {
  /** Name of the event without `dk.livline.`. */
  readonly name: string;
  /** Version of the municipality that it made. */
  readonly version: number;
  readonly at: Instant;
  readonly operatorId: string;
}

/** A municipality as it is stored outside of itself. */
export interface Municipality {
  readonly version: number;
  /** What its contexts are made of; shown to nobody. */
  readonly tenant: Tenant;
  /** What operators see. */
  readonly view: Readonly<Record<string, unknown>>;
  readonly untold: readonly Untold[];
}

const notProvisioned = (code: string) =>
  new Problem('not_found', `The municipality ${code.slice(0, 20)} is not provisioned.`);

/** The stored municipality, undefined where the code was never provisioned. */
export async function findMunicipalityRow(control: ScopedTable, code: string): Promise<Municipality | undefined> {
  const row = findMunicipality(code) ? await control.get(municipalityKey(code)) : undefined;
  return row as Municipality | undefined;
}

/** The stored municipality. Throws `not_found` where the code was never provisioned. */
export async function loadMunicipality(control: ScopedTable, code: string): Promise<Municipality> {
  const found = await findMunicipalityRow(control, code);
  if (!found) throw notProvisioned(code);
  return found;
}

/** Writes the next version of a municipality, or its first, provided that nobody else did since it was read. */
export function municipalityWrite(
  before: Municipality | undefined,
  {
    tenant,
    view,
    untold = before?.untold ?? [],
  }: Omit<Municipality, 'version' | 'untold'> & Partial<Pick<Municipality, 'untold'>>,
): Write {
  const version = (before?.version ?? 0) + 1;
  return {
    kind: 'put',
    key: municipalityKey(tenant.code),
    condition: unchangedSince(before?.version ?? 0),
    item: { type: 'municipality', version, tenant, view: { ...view, status: tenant.status }, untold },
    index: { list: { pk: ['MUNICIPALITIES'], sk: [tenant.code] } },
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
