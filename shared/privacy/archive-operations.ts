import * as z from 'zod';
import type { Buckets } from '../archive/bucket.ts';
import type { Context } from '../auth/context.ts';
import type { Operation } from '../operation.ts';
import { instant, line, whole } from '../record/fields.ts';
import { pageParameters, pageSchema } from '../record/lists.ts';
import { TENANT_BASE } from '../record/operations.ts';
import { ARCHIVE_MONTHS } from './archive-months.ts';
import { deleteArchive, listArchives, MOST, readArchive } from './archives.ts';

/** What the operations on archives need from outside. */
export interface ArchiveDeps {
  readonly buckets: Buckets;
}

const EXAMPLE = {
  id: '01930000-0000-7000-8000-000000000061',
  subject: { type: 'family', id: '01930000-0000-7000-8000-000000000003' },
  records: 4,
  sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  archivedAt: '2026-11-20T09:02:00.000Z',
  expiresAt: '2031-11-20T09:02:00.000Z',
};

const Archive = () =>
  z
    .strictObject({
      id: line('Id of the archive (arkiv-id), which is that of the erasure that left it.'),
      subject: z
        .strictObject({
          type: line('Type of whom it is about (registrerettype), such as `family`.'),
          id: line('The id that the person had (id).'),
        })
        .describe('Who was erased (registreret).'),
      records: whole(
        'How many records are in it (antal), in all versions that were archived; 1 is one record.',
        1,
        Number.MAX_SAFE_INTEGER,
      ),
      sha256: line('SHA-256 of the archived object in hexadecimal (kontrolsum).'),
      archivedAt: instant('When it was complete, UTC (arkiveret).'),
      expiresAt: instant('When it expires, UTC (udløber).'),
    })
    .meta({
      description: 'Arkiv. What was archived of a person before a retention erased the person.',
      examples: [EXAMPLE],
    });

const ArchivePage = () =>
  z
    .strictObject({
      archive: Archive().describe('The archive (arkiv).'),
      items: z
        .array(
          z
            .strictObject({
              type: line('Collection of the record (posttype), such as `calls`.'),
              version: whole('Number of the version that was archived (version).', 1, Number.MAX_SAFE_INTEGER),
              record: z
                .looseObject({})
                .describe('The record as it was (post), with the sensitive fields that you may see.'),
            })
            .describe('An archived record (arkiveret post).'),
        )
        .describe('Records of this page (poster), in the order in which they were archived.'),
      nextCursor: z
        .string()
        .describe('Give it as `cursor` to get the next page (næste side); absent on the last one.')
        .optional(),
    })
    .meta({
      description: 'Arkiverede poster. One page of an archive.',
      examples: [
        {
          archive: EXAMPLE,
          items: [
            {
              type: 'families',
              version: 3,
              record: { id: EXAMPLE.subject.id, alias: 'Familien ved åen', status: 'closed', version: 3 },
            },
          ],
        },
      ],
    });

const path = `${TENANT_BASE}/archives`;
const tag = 'archives';

/** The operations on archives of persons whom a retention erased: for data-protection officers. */
export const archiveOperations = ({ buckets }: ArchiveDeps): Operation<Context>[] => [
  {
    id: 'list-archives',
    method: 'GET',
    path,
    scope: 'privacy:read',
    tag,
    summary: 'List what was archived of persons whom a retention erased',
    description: `An archive is kept for the months of the setting \`archiveMonths\` (${ARCHIVE_MONTHS} where it is not chosen), counted from the erasure with the setting as it was then. It is listed until it expires or is deleted, with ids, counts and times alone.`,
    manner: 'list',
    query: pageParameters,
    success: {
      status: 200,
      description: 'One page, those first that expire first.',
      body: () => pageSchema(Archive(), 'Archives (arkiver).'),
    },
    problems: ['validation_failed', 'invalid_cursor'],
    run: listArchives,
  },
  {
    id: 'get-archive',
    method: 'GET',
    path: `${path}/{id}`,
    scope: 'privacy:read',
    also: ['sensitive:read'],
    tag,
    summary: 'Read an archive, with sensitive fields',
    description:
      'It also needs the scope `sensitive:read`. Fields that are shown only to the organisation that wrote them are in it where that is yours. Each page is an access, which is entered in the access log of the person before it is answered.',
    manner: 'list',
    query: () => pageParameters(MOST),
    success: { status: 200, description: 'One page of its records.', body: ArchivePage },
    problems: ['validation_failed', 'invalid_cursor'],
    logged: () => true,
    run: (ctx, request) => readArchive(ctx, buckets, request),
  },
  {
    id: 'delete-archive',
    method: 'DELETE',
    path: `${path}/{id}`,
    scope: 'privacy:write',
    tag,
    summary: 'Delete an archive before it expires',
    description:
      'Nobody can read it from then on. Its object and its key are removed within minutes, after which no copy of it can be read. The erasure says when. It cannot be undone.',
    manner: 'act',
    success: { status: 204, description: 'It is deleted.' },
    problems: ['in_flight'],
    run: deleteArchive,
  },
];
