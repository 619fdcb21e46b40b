import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import { isId } from '../ids.ts';
import { etagOf, type Operation, param } from '../operation.ts';
import { pageOf, pageParameters, pageSchema } from '../record/lists.ts';
import { TENANT_BASE } from '../record/operations.ts';
import { parse } from '../record/validate.ts';
import { sharesPartition } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { type MunicipalProgramme, MunicipalProgrammeView } from '../tenancy/programmes.ts';

/** The operator's programmes as a municipality sees those in which it takes part. Only the operator changes them. */
const collection = `${TENANT_BASE}/programmes`;

const findRow = async (ctx: Context, id: string): Promise<Row | undefined> =>
  isId(id) ? ctx.control.get({ pk: sharesPartition, sk: [id] }) : undefined;

/** A programme in which the municipality takes part; undefined where it takes part in none by that id. */
export async function findProgramme(ctx: Context, id: string): Promise<MunicipalProgramme | undefined> {
  const row = await findRow(ctx, id);
  return row?.['view'] as MunicipalProgramme | undefined;
}

export const municipalProgrammes: readonly Operation<Context>[] = [
  {
    id: 'list-municipal-programmes',
    method: 'GET',
    path: collection,
    scope: 'programmes:read',
    tag: 'programmes',
    summary: 'List the programmes in which the municipality takes part',
    manner: 'list',
    query: pageParameters,
    success: {
      status: 200,
      description: 'One page, by name.',
      body: () => pageSchema(MunicipalProgrammeView(), 'The programmes of this page (indsatser).'),
    },
    problems: ['validation_failed', 'invalid_cursor'],
    run: (ctx, request) => {
      const page = parse(z.strictObject(pageParameters()), request.query, '/query');
      const listing = { table: ctx.control, index: 'list', partition: sharesPartition } as const;
      return pageOf(ctx, request, listing, page, (row) => row['view']);
    },
  },
  {
    id: 'get-municipal-programme',
    method: 'GET',
    path: `${collection}/{id}`,
    scope: 'programmes:read',
    tag: 'programmes',
    summary: 'Get a programme in which the municipality takes part',
    manner: 'read',
    success: {
      status: 200,
      description: "The programme with the municipality's own allocation.",
      body: MunicipalProgrammeView,
    },
    problems: [],
    run: async (ctx, request) => {
      const row = await findRow(ctx, param(request, 'id'));
      if (!row) throw new Problem('not_found', 'There is no such programme here.');
      return { status: 200, body: row['view'], headers: { etag: etagOf(row['version'] as number) } };
    },
  },
];
