import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import { listOfAll } from '../record/indexes.ts';
import type { Fields, Resource } from '../record/resource.ts';
import { createRecord } from '../record/verbs.ts';
import { children } from '../resources/children.ts';
import { erasures } from '../resources/erasures.ts';
import { families } from '../resources/families.ts';
import { ledgerKey, timelinePartition } from '../table/keys.ts';
import { type Instant, type LocalDate, localDateOf, plusMonths } from '../time.ts';
import type { HasTime } from './erase.ts';

/**
 * The purge by retention: a family that was closed, and a child of whom nothing was heard, for as many months as the
 * municipality keeps them are to be erased, which the erasures' rounds do, archiving first.
 *
 * Who is due is found in the index of what has changed: one Query gives those whose own record has stood for that time,
 * and no others; of each of them one Query of its timeline tells whether anything about it is younger. It is done once a
 * day; the other rounds of a day read one row, and nothing where the municipality keeps its record for good.
 */
const PAGE = 100;
/** The row that says on which day the last purge was. */
const DONE = ledgerKey('purge');
/** Refusals of an erasure that stand against the purge too: a hold, a case that is alive, one that is requested already. */
const STANDING: readonly string[] = ['legal_hold', 'conflict', 'unknown_reference'];

interface Retention {
  /** What has changed since is not due. */
  readonly cutoff: Instant;
  readonly day: LocalDate;
}

/** Whether a record in somebody's timeline says that something is, or was, going on since the cutoff. */
const isYoung = ({ updatedAt, status, endsOn }: Fields, { cutoff, day }: Retention): boolean =>
  String(updatedAt) > cutoff || status === 'active' || (typeof endsOn === 'string' && endsOn >= day);

/** Whether nothing about somebody happened since the cutoff or was changed. What others take part in too does not count. */
async function isQuiet(ctx: Context, id: string, retention: Retention): Promise<boolean> {
  let after: string | undefined;
  do {
    const range = { index: 'about', partition: timelinePartition(id), descending: true } as const;
    const page = await ctx.table.query({ ...range, after, limit: PAGE });
    for (const row of page.rows) {
      const view = row['view'] as Fields;
      const isOwn = view['familyId'] === id || view['childId'] === id;
      if (isOwn && (String(row['aboutSk']) > retention.cutoff || isYoung(view, retention))) return false;
    }
    after = page.last;
  } while (after !== undefined);
  return true;
}

/** Who may be due, and by what of the own record. */
const DUE: readonly (readonly [Resource, (view: Fields, retention: Retention) => boolean])[] = [
  [families, ({ status, statusAt }, { cutoff }) => status === 'closed' && String(statusAt) <= cutoff],
  [children, () => true],
];

/** Requests the erasure of one person, unless something stands against it. */
async function request(ctx: Context, { name }: Resource, id: string): Promise<void> {
  try {
    await createRecord(ctx, erasures, { subject: { type: name, id }, cause: 'retention' }, {});
  } catch (error) {
    if (!(error instanceof Problem && STANDING.includes(error.code))) throw error;
  }
}

/** Requests the erasure of everybody who is due; says whether there was time for all. */
async function requestDue(
  ctx: Context,
  [resource, mayBeDue]: (typeof DUE)[number],
  retention: Retention,
  hasTime: HasTime,
): Promise<boolean> {
  let after: string | undefined;
  do {
    const range = { index: 'changed', partition: listOfAll(resource, {}), to: retention.cutoff } as const;
    const page = await ctx.table.query({ ...range, after, limit: PAGE });
    for (const row of page.rows) {
      if (!hasTime()) return false;
      const view = row['view'] as Fields;
      const id = String(view['id']);
      if (mayBeDue(view, retention) && (await isQuiet(ctx, id, retention))) await request(ctx, resource, id);
    }
    after = page.last;
  } while (after !== undefined);
  return true;
}

/** The day's purge of one municipality, in the first round of a Danish day that has time for it. */
export async function purge(ctx: Context, hasTime: HasTime): Promise<void> {
  const { retentionMonths } = ctx.tenant;
  if (retentionMonths === undefined) return;
  const today = localDateOf(ctx.now);
  if ((await ctx.table.get(DONE))?.['day'] === today) return;
  const cutoff = plusMonths(ctx.now, -retentionMonths);
  const retention = { cutoff, day: localDateOf(cutoff) };
  for (const due of DUE) if (!(await requestDue(ctx, due, retention, hasTime))) return;
  await ctx.table.write({ kind: 'put', key: DONE, item: { type: 'purge', day: today } });
}
