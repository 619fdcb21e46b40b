import { setTimeout as pause } from 'node:timers/promises';
import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { invalid } from '../errors.ts';
import { log } from '../log.ts';
import type { Answer, ApiRequest, Operation } from '../operation.ts';
import { sequenceText } from '../record/events.ts';
import { flag, oneOf, whole } from '../record/fields.ts';
import { TENANT_BASE } from '../record/operations.ts';
import { parse } from '../record/validate.ts';
import { checkpointKey, feedPartition, sequenceKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { type Fault, type Followed, follow, type Ground, genesis, headOf, type Link } from './chain.ts';

/** Entries in one call: about 1.5 MB, two Queries. */
const MOST = 2_000;

/**
 * An index has an event a moment after the table, mostly a fraction of a second: what is not there is looked for again
 * this often, after so many milliseconds each, before it is called missing.
 */
const LOOKS = 3;
const PAUSE_MS = 300;

/** The ends of the chain: where it begins, which is after what was purged, and its last event as the counter has it. */
async function endsOf(ctx: Context): Promise<{ start: Link; head: Link }> {
  const rows = await ctx.table.getMany([sequenceKey, checkpointKey]);
  const byType = new Map(rows.map((row) => [row['type'], row]));
  const checkpoint = byType.get('checkpoint') as unknown as Link | undefined;
  return { start: checkpoint ?? genesis(ctx.tenant.code), head: headOf(ctx.tenant.code, byType.get('sequence')) };
}

const entriesAfter = async (ctx: Context, { sequence }: Ground, limit: number): Promise<readonly Row[]> =>
  (await ctx.table.query({ index: 'list', partition: feedPartition, from: sequenceText(sequence + 1), limit })).rows;

/** The next entries followed. One whose `view` is no JSON any more cannot even be read: those before it are, one by one. */
async function followNext(ctx: Context, link: Ground, limit: number): Promise<Followed> {
  try {
    return follow(link, await entriesAfter(ctx, link, limit));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return limit > 1
      ? followNext(ctx, link, Math.ceil(limit / 2))
      : { link, fault: { sequence: link.sequence + 1, kind: 'altered' } };
  }
}

/** Follows the chain to a number, or to the first fault. */
async function walk(ctx: Context, from: Ground, to: number): Promise<Followed> {
  let link = from;
  for (let looks = 1; link.sequence < to; ) {
    const next = await followNext(ctx, link, to - link.sequence);
    link = next.link;
    if (!next.fault) continue;
    if (next.fault.kind === 'altered' || looks === LOOKS) return next;
    looks += 1;
    await pause(PAUSE_MS);
  }
  return { link };
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
  from: z.coerce
    .number()
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER)
    .default(1)
    .describe('Number of the first entry to verify, `next` of the answer before; 1 is the first event.'),
  limit: z.coerce.number().int().min(1).max(MOST).default(MOST).describe('How many entries to verify, 1–2,000.'),
});

/**
 * Verifies a stretch of the change history. The counter is read first and walked to, so that events which are numbered
 * meanwhile are nobody's fault. The entry before the stretch is the ground it stands on and is believed as it stands.
 */
async function verify(ctx: Context, request: ApiRequest): Promise<Answer> {
  const { from, limit } = parse(z.strictObject(parameters()), request.query, '/query');
  const { start, head } = await endsOf(ctx);
  if (from > Math.max(start.sequence, head.sequence) + 1) {
    throw invalid('/query/from', `The last event has the number ${head.sequence}.`);
  }
  const first = Math.max(from, start.sequence + 1);
  const ground = first === start.sequence + 1 ? start : { sequence: first - 2 };
  const { link, fault: found } = await walk(ctx, ground, Math.min(first + limit - 1, head.sequence));
  // Whatever stands in the counter, only a number beyond leaves something to go on to.
  const atEnd = !found && !(link.sequence < head.sequence);
  const fault = atEnd ? await faultAtEnd(ctx, link, head) : found;
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
      verified: flag('Whether all of this stretch is as it was written (verificeret).'),
      from: whole(
        'Number of the first entry looked at (fra løbenummer), later than asked where older ones were purged; 1 is the first event.',
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
            'Number of the entry (løbenummer); 1 is the first event. At the end it may be the counter that was altered.',
            0,
            Number.MAX_SAFE_INTEGER,
          ),
          kind: oneOf('Whether it is gone or something else than was written stands there (fejltype).', [
            'missing',
            'altered',
          ]),
        })
        .describe('The first entry that is not as it was written (fejl), where there is one.')
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
          fault: { sequence: 42, kind: 'altered' },
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
  summary: 'Verify that no entry of the change history was altered or removed',
  description:
    'Every event has the hash of the one before it and of what it says; they are computed anew here, up to the first that does not fit. To look behind a fault, go on from the number after it.',
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
