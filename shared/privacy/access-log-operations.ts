import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { CSV_TYPE, csvOf } from '../csv.ts';
import { invalid } from '../errors.ts';
import type { Answer, ApiRequest, Operation } from '../operation.ts';
import { group, instant, line, listOf, oneOf, reference } from '../record/fields.ts';
import { instantOfBound, MAX_PAGE, moment, pageOf, pageParameters, pageSchema } from '../record/lists.ts';
import { TENANT_BASE } from '../record/operations.ts';
import type { Fields } from '../record/resource.ts';
import { parse } from '../record/validate.ts';
import { accessPartition, recordKey } from '../table/keys.ts';
import { logAccess, PURPOSES, purposeOf, UNSTATED_PURPOSES } from './access-log.ts';

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
        id: reference('Its id (objekt-id).'),
      }),
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
  requestId: ({ requestId }) => requestId,
};

const parameters = () => ({
  subject: reference('Id of the record that the entries concern, such as a family or a child.'),
  from: moment('Showings from then on.'),
  to: moment('Showings before then.'),
  format: oneOf(`The form of the page: \`csv\` is for export and may have up to ${MOST} entries.`, [
    'json',
    'csv',
  ]).default('json'),
  ...pageParameters(MOST),
});

/**
 * Lists the entries under one record, newest first: one Query. One that does not exist here has none, and one that was
 * erased keeps its own. The reading of one that exists is entered after the Query and before the answer, so that it stands in the next one.
 */
async function list(ctx: Context, request: ApiRequest): Promise<Answer> {
  const { subject, format, ...page } = parse(z.strictObject(parameters()), request.query, '/query');
  const { limit, from, to } = page as Fields;
  if (format === 'json' && Number(limit) > MAX_PAGE)
    throw invalid('/query/limit', `A page of JSON has at most ${MAX_PAGE} entries.`, 'too_big');
  const purpose = purposeOf(request);
  const listing = {
    partition: accessPartition(subject),
    from: instantOfBound(from),
    to: instantOfBound(to),
    descending: true,
  };
  // DynamoDB takes days to remove what has expired: meanwhile nobody sees it.
  const isKept = (row: Fields) => Number(row['expiresAt']) * 1000 > Date.parse(ctx.now);
  const answer = await pageOf(ctx, request, listing, page, (row) => row['view'], isKept);
  const { items } = answer.body as { items: readonly unknown[] };
  // Every entry stands under a record that there was, by which it is erased with the municipality (tenancy/erasure.ts).
  if (items.length > 0 || (await ctx.table.get(recordKey(subject)))) {
    await logAccess(ctx, [subject], { what: { type: 'access-log', id: subject }, fields: [], purpose });
  }
  if (format === 'json') return answer;
  const { body, ...rest } = answer;
  return { ...rest, text: { type: CSV_TYPE, content: csvOf(COLUMNS, (body as { items: Entry[] }).items) } };
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
    'For data-protection officers: each showing stands under the record itself and under the families and children that it is about. Reading the log stands in it too. As CSV the next page is in the header `Link`.',
  manner: 'list',
  query: parameters,
  success: {
    status: 200,
    description: 'One page, the latest first.',
    body: () => pageSchema(AccessEntry(), 'Showings of what is sensitive (adgange).'),
    text: {
      type: CSV_TYPE,
      example: `${Object.keys(COLUMNS)}\r\n2026-11-23T08:30:00.000Z,client,4p8v1m2q7r9s3t5u6w0x1y2z3a,municipal,call,01930000-0000-7000-8000-000000000009,callerPhone note,casework,7f1d0a52-3c0e-4b8e-9a53-6f0f8a1f6c11\r\n`,
    },
  },
  problems: ['validation_failed', 'invalid_cursor'],
  logged: () => true,
  run: list,
});
