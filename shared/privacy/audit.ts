import { setTimeout as pause } from 'node:timers/promises';
import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { invalid, Problem } from '../errors.ts';
import { log } from '../log.ts';
import type { Answer, ApiRequest, Operation } from '../operation.ts';
import { areCasesWhole } from '../record/event-cases.ts';
import { eventSummary, sequenceText } from '../record/events.ts';
import { flag, line, oneOf, reference, whole } from '../record/fields.ts';
import { TENANT_BASE } from '../record/operations.ts';
import { wholeInQuery } from '../record/query.ts';
import { parse } from '../record/validate.ts';
import { feedPartition, sequenceKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { type Fault, type Followed, follow, type Ground, genesis, headOf, type Link } from './chain.ts';
import { isWholeFolded } from './fold-events.ts';
import { firstRowFault, type RecordEntry, type RowFault, recordEntryOf } from './verify-rows.ts';

/** Entries in one call: about 1.5 MB, two Queries. */
const MOST = 2_000;

/**
 * An index has an event a moment after the table, mostly a fraction of a second: what is not there is looked for again
 * this often, after so many milliseconds each, before it is called missing.
 */
const LOOKS = 3;
const PAUSE_MS = 300;

/** The end of the chain: its last event as the counter has it. */
const readHead = async (ctx: Context): Promise<Link> => headOf(ctx.tenant.code, await ctx.table.get(sequenceKey));

const entriesAfter = async (ctx: Context, { sequence }: Ground, limit: number): Promise<readonly Row[]> =>
  (await ctx.table.query({ index: 'list', partition: feedPartition, from: sequenceText(sequence + 1), limit })).rows;

/** An entry that is as it was written. */
interface WholeEntry extends RecordEntry {
  readonly hash: string;
}

interface Walked extends Followed {
  readonly entries: readonly WholeEntry[];
}

/**
 * Reads the next entries and follows the chain through them. An entry whose `view` is not JSON any more cannot be read,
 * so the entries before it are read in smaller pages until it comes alone.
 */
async function followNext(ctx: Context, link: Ground, limit: number): Promise<Walked> {
  try {
    const rows = await entriesAfter(ctx, link, limit);
    const key = await ctx.keys.integrityKey();
    const { code } = ctx.tenant;
    const followed = follow(link, rows, {
      isWholeFolded: (row) => isWholeFolded(key, code, row),
      areCasesWhole: (row) => areCasesWhole(key, code, eventSummary(row).id, row),
    });
    const whole = rows.slice(0, followed.link.sequence - link.sequence);
    return { ...followed, entries: whole.map((row) => ({ ...recordEntryOf(row), hash: row['hash'] as string })) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return limit > 1
      ? followNext(ctx, link, Math.ceil(limit / 2))
      : { link, fault: { sequence: link.sequence + 1, kind: 'altered' }, entries: [] };
  }
}

/** Follows the chain to a number, or to the first fault. */
async function walk(ctx: Context, from: Ground, to: number): Promise<Walked> {
  let link = from;
  const entries: WholeEntry[] = [];
  for (let looks = 1; link.sequence < to; ) {
    const next = await followNext(ctx, link, to - link.sequence);
    link = next.link;
    entries.push(...next.entries);
    if (!next.fault) continue;
    if (next.fault.kind === 'altered' || looks === LOOKS) return { ...next, entries };
    looks += 1;
    await pause(PAUSE_MS);
  }
  return { link, entries };
}

/** What is amiss at the end, which the walk has reached: the counter must name its last event, and none may follow. */
async function faultAtEnd(ctx: Context, link: Ground, head: Link): Promise<Fault | undefined> {
  if (link.sequence !== head.sequence || link.hash !== head.hash) return { sequence: link.sequence, kind: 'altered' };
  const [last, next] = await entriesAfter(ctx, { sequence: head.sequence - 1 }, 2);
  const further = last?.['sequence'] === head.sequence ? next : last;
  // What was numbered meanwhile has moved the counter too.
  const hasMoved = async () => headOf(ctx.tenant.code, await ctx.table.get(sequenceKey)).sequence > head.sequence;
  return further && !(await hasMoved()) ? { sequence: head.sequence + 1, kind: 'altered' } : undefined;
}

const parameters = () => ({
  from: wholeInQuery(z.int().min(1).max(Number.MAX_SAFE_INTEGER))
    .default(1)
    .describe('Number of the first entry to verify, `next` of the answer before; 1 is the first event.'),
  limit: wholeInQuery(z.int().min(1).max(MOST)).default(MOST).describe('How many entries to verify, 1–2,000.'),
});

/** The numbers of the first and the last entry that a call verifies. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Where a verification ends: at the last whole entry, with the fault behind it if there is one. */
interface Verified {
  readonly link: Ground;
  readonly fault?: Fault | RowFault | undefined;
  /** Whether the end of the history was reached. */
  readonly atEnd: boolean;
}

/** Verifies the chain from one number to another, and the records that its entries are about. */
async function verifyStretch(ctx: Context, ground: Ground, stretch: Stretch, head: Link): Promise<Verified> {
  const { link, fault: found, entries } = await walk(ctx, ground, stretch.to);
  // Whatever stands in the counter, only a number beyond leaves something to go on to.
  const atEnd = !found && !(link.sequence < head.sequence);
  const chainFault = atEnd ? await faultAtEnd(ctx, link, head) : found;
  const rowFault = await firstRowFault(
    ctx,
    entries.filter(({ sequence }) => sequence >= stretch.from),
    chainFault !== undefined,
  );
  if (!rowFault) return { link, fault: chainFault, atEnd };
  // The stretch ends before the entry, as it does before an entry that was altered itself.
  const last = entries.findLast(({ sequence }) => sequence < rowFault.sequence);
  return { link: last ?? ground, fault: rowFault, atEnd: false };
}

/**
 * Verifies a stretch of the change history. The counter is read first and walked to, so that events which are numbered
 * meanwhile are nobody's fault. The entry before the stretch is the ground it stands on and is believed as it stands.
 */
async function verify(ctx: Context, request: ApiRequest): Promise<Answer> {
  const { from, limit } = parse(z.strictObject(parameters()), request.query, '/query');
  if (ctx.rows === 'own') throw new Problem('forbidden', 'Only a client that sees all rows verifies the history.');
  const head = await readHead(ctx);
  if (from > head.sequence + 1) throw invalid('/query/from', `The last event has the number ${head.sequence}.`);
  const first = from;
  const ground = first === 1 ? genesis(ctx.tenant.code) : { sequence: first - 2 };
  const stretch = { from: first, to: Math.min(first + limit - 1, head.sequence) };
  const { link, fault, atEnd } = await verifyStretch(ctx, ground, stretch, head);
  const body = {
    verified: fault === undefined,
    from: first,
    to: Math.max(link.sequence, first - 1),
    entries: Math.max(link.sequence - first + 1, 0),
    hash: link.hash,
    ...(fault ? { fault } : !atEnd && { next: link.sequence + 1 }),
  };
  return { status: 200, body };
}

const Verification = () =>
  z
    .strictObject({
      verified: flag(
        'Whether all of this stretch, and each record whose last entry is in it, is as it was written (verificeret).',
      ),
      from: whole(
        'Number of the first entry looked at (fra løbenummer); 1 is the first event.',
        1,
        Number.MAX_SAFE_INTEGER,
      ),
      to: whole(
        'Number of the last entry that is as it was written (til løbenummer), one before `from` if none is; 1 is the first event.',
        0,
        Number.MAX_SAFE_INTEGER,
      ),
      entries: whole('How many are as they were written (antal), 0–2,000.', 0, MOST),
      hash: z
        .string()
        .describe(
          'The hash at `to` (hashværdi), SHA-256 in base64url: whoever keeps it can see later that it is still the same. Absent where the entry before the stretch is missing.',
        )
        .optional(),
      next: whole(
        'Give it as `from` to go on (næste); absent at the end and at a fault. 1 is the first event.',
        1,
        Number.MAX_SAFE_INTEGER,
      ).optional(),
      fault: z
        .strictObject({
          sequence: whole(
            'Number of the entry (løbenummer); 1 is the first event. For a record it is its last entry in this stretch. At the end it may be the counter that was altered.',
            0,
            Number.MAX_SAFE_INTEGER,
          ),
          kind: oneOf(
            '`missing` if the entry or the record is gone, `altered` if it is not as it was written (fejltype).',
            ['missing', 'altered'],
          ),
          objectType: line(
            'Type of the record (objekttype) where the entry is whole and the record is not; events call it the same.',
            50,
          ).optional(),
          objectId: reference('Id of that record (objekt-id).').optional(),
        })
        .describe('The first entry that is not as it was written, or whose record is not (fejl).')
        .optional(),
    })
    .meta({
      description: 'Verificering. What came of verifying one stretch of the change history.',
      examples: [
        {
          verified: false,
          from: 1,
          to: 41,
          entries: 41,
          hash: 'bxwLni1KSLej5cHQ-binxm8cC54tSki3o-XB0Pm4p8Y',
          fault: {
            sequence: 42,
            kind: 'altered',
            objectType: 'family',
            objectId: '01930000-0000-7000-8000-000000000003',
          },
        },
      ],
    });

/** Whether the change history is as it was written. */
export const verifyAudit = (): Operation<Context> => ({
  id: 'get-audit-verification',
  method: 'GET',
  path: `${TENANT_BASE}/audit/verify`,
  scope: 'audit:read',
  tag: 'audit',
  summary: 'Verify that no entry of the change history and no record was altered or removed',
  description:
    'Every event has the hash of the one before it and of its own content. The hashes are computed again here. Every version of a record has a keyed code of its row, which its event keeps; each record is compared with the code of its last event, so that an altered row or an old value put back is found. The answer ends at the first fault. To look behind a fault, go on from the number after it.',
  manner: 'list',
  cost: 'report',
  query: parameters,
  success: { status: 200, description: 'What came of it, for one stretch of the history.', body: Verification },
  problems: ['validation_failed'],
  run: verify,
});

/** Writes the end of the chain where those who can write the table cannot alter it: in the log. */
export async function logHead(ctx: Context): Promise<void> {
  const { sequence, hash } = headOf(ctx.tenant.code, await ctx.table.get(sequenceKey));
  log.info('audit head', { requestId: ctx.requestId, municipality: ctx.tenant.code, sequence, hash });
}
