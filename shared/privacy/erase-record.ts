import type { Context } from '../auth/context.ts';

import { eventName } from '../record/event-names.ts';
import { subjectName } from '../record/legal-hold.ts';
import { changedFields } from '../record/merge.ts';
import { Done, Outrun } from '../record/once.ts';
import { isAbout, personsIn } from '../record/persons.ts';
import { hrefOf } from '../record/place.ts';
import { findOpened } from '../record/read.ts';
import { withoutPersonal, withoutSensitive } from '../record/redact.ts';
import type { Resource } from '../record/resource.ts';
import { save } from '../record/save.ts';
import { schemasOf } from '../record/schemas.ts';
import type { Opened, Whole } from '../record/stored.ts';
import { isHeld } from '../resources/subject-ledger.ts';
import { ledgerKey } from '../table/keys.ts';
import { unchangedSince, type Write } from '../table/write.ts';
import { localDateOf } from '../time.ts';
import { forgetInEvents } from './forget-events.ts';
import { forgetKept } from './kept.ts';
import { keepReadable } from './reseal.ts';

/** How often a change is decided anew because another was quicker. */
const TRIES = 12;

/** Runs a change that others may outrun until it is done. */
export async function untilDone<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof Outrun || error instanceof Done) || attempt === TRIES) throw error;
    }
  }
}

/**
 * The checks that nobody of these is held, as they stand when the record is written; undefined where somebody is. A hold
 * that comes in between fails the write, which is then decided anew.
 */
export async function unheld(ctx: Context, ids: readonly string[]): Promise<Write[] | undefined> {
  const keys = ids.map((id) => ledgerKey(...subjectName(id)));
  const rows = await Promise.all(keys.map((key) => ctx.table.get(key)));
  const day = localDateOf(ctx.now);
  if (rows.some((row) => isHeld((row?.['entries'] as object | undefined) ?? {}, day))) return undefined;
  return keys.map((key, at) => ({
    kind: 'check',
    key,
    condition: unchangedSince((rows[at]?.['version'] as number | undefined) ?? 0),
  }));
}

/** The SS fields that a record still has, by who wrote them. */
const writersIn = (resource: Resource, { writtenBy }: Opened, after: Whole): Record<string, string> =>
  Object.fromEntries(
    Object.entries(writtenBy).filter(([name]) => name in schemasOf(resource).sensitivity && after[name] !== undefined),
  );

/**
 * What came of the erasure of a person in one record. `untouched`: nothing in it says who the person is. `waiting`: it is
 * not archived as it stands.
 */
export type Outcome = 'erased' | 'kept' | 'untouched' | 'waiting';

/** Whether a record may be erased as it stands at a version. */
export type MayErase = (id: string, version: number) => boolean;

/**
 * Takes from one record what says who the person is: a new version of it, with its event, in one transaction. A record
 * that is about somebody else too who is held stays as it is. Done again it changes nothing.
 */
export const eraseRecord = (
  ctx: Context,
  resource: Resource,
  id: string,
  subjectId: string,
  mayErase: MayErase,
): Promise<Outcome> =>
  untilDone(async () => {
    const before = await findOpened(ctx, resource, id);
    if (!before) return 'untouched';
    if (before.erased) return 'erased';
    await forgetKept(ctx, resource, id);
    const { whole } = before;
    const about = isAbout(resource, whole, subjectId);
    const after = about ? withoutPersonal(resource, whole) : withoutSensitive(resource, whole);
    const changed = changedFields(whole, after);
    if (!about && changed.length === 0) return 'untouched';
    const others = personsIn(resource, whole).filter((other) => other !== subjectId);
    const beside = await unheld(ctx, others);
    if (!beside) {
      if (!(await keepReadable(ctx, resource, before))) throw new Outrun();
      return 'kept';
    }
    if (!mayErase(id, whole.version)) return 'waiting';
    await forgetInEvents(ctx, before.lastEvent, about);
    await save(ctx, resource, {
      before,
      after: { ...after, version: whole.version + 1, updatedAt: ctx.now, updatedBy: ctx.actor.id },
      writtenBy: writersIn(resource, before, after),
      event: { name: eventName(resource, 'updated'), action: 'updated', changed },
      href: hrefOf(ctx, resource, whole),
      erased: about,
      beside,
      unheld: true,
      answerStatus: 200,
    });
    return 'erased';
  });
