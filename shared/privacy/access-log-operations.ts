import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { CSV_TYPE, csvOf } from '../csv.ts';
import { invalid } from '../errors.ts';
import type { Answer, ApiRequest, Operation } from '../operation.ts';
import { day, group, instant, line, listOf, oneOf, reference } from '../record/fields.ts';
import { instantOfBound, MAX_PAGE, moment, pageOf, pageParameters, pageSchema } from '../record/lists.ts';
import { TENANT_BASE } from '../record/operations.ts';
import type { Fields } from '../record/resource.ts';
import { parse } from '../record/validate.ts';
import { accessByActor, accessPartition, recordKey } from '../table/keys.ts';
import { plusMonths } from '../time.ts';
import { DEFAULT_MONTHS, logAccess, PURPOSES, purposeOf, UNSTATED_PURPOSES } from './access-log.ts';

/** Entries in one page of CSV: about 500 KB of rows, so one Query. */
const MOST = 1_000;

const AccessEntry = () =>
  z
    .strictObject({
      at: instant('When it was shown, UTC (tidspunkt).'),
      actor: group('Who was shown it (aktør).', {
        kind: oneOf('A client, an operator or the system itself (aktørtype).', ['client', 'operator', 'system']),
        id: line('Its id (aktør-id).'),
        organisation: line('`municipal`, or the id of the partner that it belongs to (organisation).', 50),
      }),
      what: group('What was shown (genstand).', {
        type: line(
          'Its type as events call it, such as `call` (objekttype); `access-log` is this log, `subject-export` a page of all that the record says.',
          50,
        ),
        id: line('Its id (objekt-id); of a reading by actor the id of that actor.', 64),
      }),
      person: line('The person behind the client (person), as X-Access-Person named it.', 64).optional(),
      fields: listOf('Names of the sensitive fields that were shown (felter).', line('A field.')),
      purpose: oneOf('Why, as the reader stated it (formål).', [...UNSTATED_PURPOSES, ...Object.keys(PURPOSES)]),
      requestId: line('Id of the request (anmodnings-id), as logs have it.', 64),
    })
    .meta({
      description: 'Adgang. One showing of what is sensitive: who, what, when and why, never what stood there.',
      examples: [
        {
          at: '2026-11-23T08:30:00.000Z',
          actor: { kind: 'client', id: '4p8v1m2q7r9s3t5u6w0x1y2z3a', organisation: 'municipal' },
          what: { type: 'call', id: '01930000-0000-7000-8000-000000000009' },
          fields: ['callerPhone', 'note'],
          purpose: 'casework',
          requestId: '7f1d0a52-3c0e-4b8e-9a53-6f0f8a1f6c11',
        },
      ],
    });
type Entry = z.output<ReturnType<typeof AccessEntry>>;

const COLUMNS: Readonly<Record<string, (entry: Entry) => string>> = {
  at: ({ at }) => at,
  actorKind: ({ actor }) => actor.kind,
  actorId: ({ actor }) => actor.id,
  organisation: ({ actor }) => actor.organisation,
  type: ({ what }) => what.type,
  id: ({ what }) => what.id,
  fields: ({ fields }) => fields.join(' '),
  purpose: ({ purpose }) => purpose,
  person: ({ person = '' }) => person,
  requestId: ({ requestId }) => requestId,
};

const parameters = () => ({
  subject: reference('Id of the record that the entries concern, such as a family or a child.').optional(),
  actor: z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .describe('Id of the client that was shown something, in place of `subject`; with `day`.')
    .optional(),
  day: day('The local date of which the accesses of `actor` are listed.').optional(),
  from: moment('Showings from then on.'),
  to: moment('Showings before then.'),
  format: oneOf(`The form of the page: \`csv\` is for export and may have up to ${MOST} entries.`, [
    'json',
    'csv',
  ]).default('json'),
  ...pageParameters(MOST),
});

/** Returns until when an entry is kept, in milliseconds. The index of an actor's entries does not hold when each expires. */
const endOf = ({ tenant }: Context, at: string): number =>
  Date.parse(plusMonths(at, tenant.accessLogMonths ?? DEFAULT_MONTHS));

/** Which entries are asked for: those under one record, or those of one actor on one local day. */
type Selection = { readonly subject: string } | { readonly actor: string; readonly day: string };

/** Returns what a request asks for. Throws 422 unless it names a record, or an actor with a day. */
function selectionOf({ subject, actor, day: date }: Readonly<Record<string, unknown>>): Selection {
  if (actor === undefined) {
    if (date !== undefined) throw invalid('/query/day', 'A day goes with an actor.');
    if (subject === undefined) throw invalid('/query/subject', 'Name a subject, or an actor with a day.', 'required');
    return { subject: String(subject) };
  }
  if (subject !== undefined) throw invalid('/query/actor', 'Name a subject or an actor, not both.');
  if (date === undefined) throw invalid('/query/day', 'An actor goes with a day.', 'required');
  return { actor: String(actor), day: String(date) };
}

/**
 * Lists the entries under one record, or of one actor on one day, newest first: one Query. A record that does not exist here
 * has none, and one that was erased keeps its own. The reading is entered after the Query and before the answer, so that it
 * stands in the next one: under the record where it exists, and that of an actor's list under the municipality itself.
 */
async function list(ctx: Context, request: ApiRequest): Promise<Answer> {
  const { subject: about, actor, day: date, ...rest } = parse(z.strictObject(parameters()), request.query, '/query');
  const selection = selectionOf({ subject: about, actor, day: date });
  const { format, ...page } = rest;
  const { limit, from, to } = page as Fields;
  if (format === 'json' && Number(limit) > MAX_PAGE)
    throw invalid('/query/limit', `A page of JSON has at most ${MAX_PAGE} entries.`, 'too_big');
  const purpose = purposeOf(request);
  const listing = {
    ...('subject' in selection
      ? { partition: accessPartition(selection.subject) }
      : { index: 'about' as const, partition: accessByActor(selection.actor, selection.day) }),
    from: instantOfBound(from),
    to: instantOfBound(to),
    descending: true,
  };
  // DynamoDB takes days to remove what has expired: meanwhile nobody sees it.
  const isKept = ({ expiresAt, view }: Fields) =>
    (expiresAt === undefined ? endOf(ctx, String((view as Fields)['at'])) : Number(expiresAt) * 1000) >
    Date.parse(ctx.now);
  const answer = await pageOf(ctx, request, listing, page, (row) => row['view'], isKept);
  const { items } = answer.body as { items: readonly unknown[] };
  // Every entry stands under an object that has an event, by which it is erased with the municipality (tenancy/erasure.ts).
  const [id, under] =
    'subject' in selection ? [selection.subject, selection.subject] : [selection.actor, ctx.tenant.code];
  if ('actor' in selection || items.length > 0 || (await ctx.table.get(recordKey(id)))) {
    await logAccess(ctx, [under], { what: { type: 'access-log', id }, fields: [], purpose });
  }
  if (format === 'json') return answer;
  const { body, ...others } = answer;
  return { ...others, text: { type: CSV_TYPE, content: csvOf(COLUMNS, (body as { items: Entry[] }).items) } };
}

/** Who was shown what is sensitive about one person. */
export const accessLog = (): Operation<Context> => ({
  id: 'list-access-log',
  method: 'GET',
  path: `${TENANT_BASE}/access-log`,
  scope: 'privacy:read',
  tag: 'privacy',
  summary: 'Who was shown sensitive fields of a record, and of what is about it',
  description:
    'For data-protection officers: each showing stands under the record itself, under the families and children that it is about, and in the list of the actor on that day. Reading the log stands in it too. As CSV the next page is in the header `Link`.',
  manner: 'list',
  query: parameters,
  success: {
    status: 200,
    description: 'One page, the latest first.',
    body: () => pageSchema(AccessEntry(), 'Showings of what is sensitive (adgange).'),
    text: {
      type: CSV_TYPE,
      example: `${Object.keys(COLUMNS)}\r\n2026-11-23T08:30:00.000Z,client,4p8v1m2q7r9s3t5u6w0x1y2z3a,municipal,call,01930000-0000-7000-8000-000000000009,callerPhone note,casework,,7f1d0a52-3c0e-4b8e-9a53-6f0f8a1f6c11\r\n`,
    },
  },
  problems: ['validation_failed', 'invalid_cursor'],
  logged: () => true,
  run: list,
});
