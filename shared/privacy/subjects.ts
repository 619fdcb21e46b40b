import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { type Answer, type ApiRequest, type Operation, param } from '../operation.ts';
import { line } from '../record/fields.ts';
import { nextLink, pageParameters } from '../record/lists.ts';
import { TENANT_BASE } from '../record/operations.ts';
import { showRecord } from '../record/sensitive-gate.ts';
import { parse } from '../record/validate.ts';
import { openCursor, sealCursor } from '../table/cursor.ts';
import { logAccess, type Purpose, purposeOf } from './access-log.ts';
import { type Held, loadSubject, pageOfStrand, readAll, strandsOf } from './trail.ts';

/** Bytes of a page, all its records open: an answer of Lambda has 6 MB at most. */
const MOST_BYTES = 3_000_000;

/** A record as it is exported. What it shows of sensitive fields is entered before. */
async function shownAs(ctx: Context, { resource, stored }: Held, purpose: Purpose): Promise<unknown> {
  return { type: resource.path, record: await showRecord(ctx, resource, stored, purpose) };
}

/** Where a page begins: in which strand, and after which place in it. */
function startOf(ctx: Context, query: string, cursor: string | undefined): { at: number; after?: string } {
  if (cursor === undefined) return { at: 0 };
  const [at, after] = JSON.parse(openCursor({ secret: ctx.tenant.cursorKey }, query, cursor)) as [number, string?];
  return { at, ...(after !== undefined && { after }) };
}

/**
 * Everything that the record says of one person (GDPR Art. 15), one page at a time: one Query of a strand, and one read of
 * the records that it shows. Records stand in several strands one after another, in each the newest first.
 */
async function exportSubject(ctx: Context, request: ApiRequest): Promise<Answer> {
  const id = param(request, 'id');
  const { limit, cursor } = parse(z.strictObject(pageParameters()), request.query, '/query') as {
    limit: number;
    cursor?: string;
  };
  const subject = await loadSubject(ctx, id);
  const strands = strandsOf(subject.resource, id);
  const query = JSON.stringify(['export', id]);
  let { at, after } = startOf(ctx, query, cursor);
  let page = await pageOfStrand(ctx, strands[at] as (typeof strands)[number], after, limit);
  // A strand in which there is nothing more is no page of its own.
  while (page.found.length === 0 && page.last === undefined && at < strands.length - 1) {
    at += 1;
    page = await pageOfStrand(ctx, strands[at] as (typeof strands)[number], undefined, limit);
  }
  const purpose = purposeOf(request);
  const [found] = await Promise.all([
    readAll(ctx, page.found),
    logAccess(ctx, [id], { what: { type: 'subject-export', id }, fields: [], purpose }),
  ]);
  const [own, ...all] = await Promise.all([subject, ...found].map((held) => shownAs(ctx, held, purpose)));
  let next: [number, string?] | undefined =
    page.last === undefined ? (at < strands.length - 1 ? [at + 1] : undefined) : [at, page.last];
  const items: unknown[] = [];
  let bytes = 0;
  for (const [nth, item] of all.entries()) {
    bytes += Buffer.byteLength(JSON.stringify(item));
    if (nth > 0 && bytes > MOST_BYTES) {
      next = [at, after as string];
      break;
    }
    items.push(item);
    after = found[nth]?.place;
  }
  const nextCursor = next && sealCursor({ secret: ctx.tenant.cursorKey }, query, JSON.stringify(next));
  return {
    status: 200,
    body: { subject: own, items, ...(nextCursor !== undefined && { nextCursor }) },
    ...(nextCursor !== undefined && { headers: { link: nextLink(request, { cursor: nextCursor }) } }),
  };
}

const entry = (description: string) =>
  z
    .strictObject({
      type: line('Collection of the record (posttype), such as `calls`.'),
      record: z.looseObject({}).describe('The record (post) with its sensitive fields.'),
    })
    .describe(description);

const Export = () =>
  z
    .strictObject({
      subject: entry('The own record of the person or household (den registrerede).'),
      items: z.array(entry('A record about the subject.')).describe('Records about the subject (poster).'),
      nextCursor: z
        .string()
        .describe('Give it as `cursor` to get the next page (næste side); absent on the last one.')
        .optional(),
    })
    .meta({
      description: 'Indsigt. One page of what the record says of one person or household.',
      examples: [
        {
          subject: {
            type: 'children',
            record: { id: '01930000-0000-7000-8000-000000000013', alias: 'Barn ved åen', cpr: '6103144321' },
          },
          items: [
            { type: 'visits', record: { id: '01930000-0000-7000-8000-000000000025', note: 'Viste sit værelse' } },
          ],
          nextCursor: 'a0Z3b2xkMjAyNi0xMS0yMHRpbWVsaW5l',
        },
      ],
    });

/** What a data-protection officer asks about one person. */
export const subjectExport = (): Operation<Context> => ({
  id: 'get-subject-export',
  method: 'GET',
  path: `${TENANT_BASE}/subjects/{id}/export`,
  scope: 'privacy:read',
  also: ['sensitive:read'],
  tag: 'subjects',
  summary: 'Everything about one person or household, with sensitive fields',
  description:
    'For requests of access (GDPR Art. 15): the id is that of a family, child, consultant or staff member. It also needs the scope `sensitive:read`. Fields that are shown only to the organisation that wrote them are in it where that is yours. Each page is an access.',
  manner: 'list',
  query: pageParameters,
  success: { status: 200, description: 'One page.', body: Export },
  problems: ['validation_failed', 'invalid_cursor'],
  logged: () => true,
  run: exportSubject,
});
