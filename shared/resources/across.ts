import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { type Operation, param } from '../operation.ts';
import { checkedLater, instant, line } from '../record/fields.ts';
import { pageOf, pageParameters, pageSchema } from '../record/lists.ts';
import { TENANT_BASE } from '../record/operations.ts';
import { load } from '../record/read.ts';
import type { Fields, Resource } from '../record/resource.ts';
import { parse } from '../record/validate.ts';
import { casePartition, timelinePartition } from '../table/keys.ts';
import { families } from './families.ts';

/** Questions that go across all resources of the record. */
export const acrossOperations = (resources: readonly Resource[]): Operation<Context>[] => [
  timeline(resources),
  recordsOfCase(resources),
];

/** A record of any type, as these lists show it. */
const anyRecord = () =>
  z.looseObject({}).describe('The record (post) without its sensitive fields, as its own collection lists it.');

const RECORD = { id: '01930000-0000-7000-8000-000000000009', topic: 'conflict', severity: 2, status: 'closed' };
const collection = () => line('Collection of the record (posttype), such as `calls`.');

/** One entry of a timeline. */
const timelineItem = () =>
  z
    .strictObject({
      type: collection(),
      at: instant('When it happened, UTC (tidspunkt): what the timeline is ordered by.'),
      record: anyRecord(),
    })
    .meta({
      description: 'One entry of the timeline.',
      examples: [{ type: 'calls', at: '2026-11-21T21:14:00.000Z', record: RECORD }],
    });

/** The scopes that reading a family's timeline needs besides that of families: those of everything that can stand in it. */
const timelineScopes = (resources: readonly Resource[]) => [
  ...new Set(
    resources
      .filter(({ about, edges }) => about !== undefined || 'familyId' in (edges ?? {}))
      .map(({ scopes }) => scopes.read)
      .filter((scope) => scope !== families.scopes.read),
  ),
];

/** Everything about a family, one Query a page. */
function timeline(resources: readonly Resource[]): Operation<Context> {
  return {
    id: 'get-family-timeline',
    method: 'GET',
    path: `${TENANT_BASE}/families/{id}/timeline`,
    scope: families.scopes.read,
    also: timelineScopes(resources),
    tag: 'families',
    summary: 'Everything about a family, newest first',
    description: 'It shows what others wrote about the family too.',
    manner: 'list',
    query: pageParameters,
    success: {
      status: 200,
      description: 'One page of what happened around the family.',
      body: () => pageSchema(timelineItem(), 'Records about the family (tidslinje).'),
    },
    problems: ['validation_failed', 'invalid_cursor'],
    run: async (ctx, request) => {
      const { view: family } = await load(ctx, families, { id: param(request, 'id') });
      const page = parse(z.strictObject(pageParameters()), request.query, '/query') as Fields;
      const listing = { index: 'about', partition: timelinePartition(family.id), descending: true } as const;
      return pageOf(ctx, request, listing, page, (row) => ({
        type: row['type'],
        at: String(row['aboutSk']).slice(0, String(row['aboutSk']).indexOf('#')),
        record: row['view'],
      }));
    },
  };
}

const caseParameters = () => ({
  caseNumber: checkedLater(line('The case number (sagsnummer), as it stands in `caseRefs`.', 100)),
  ...pageParameters(),
});

/** Everything with one case number, one Query a page. Few records share a case, so leaving out some by scope costs little. */
function recordsOfCase(resources: readonly Resource[]): Operation<Context> {
  const scopeOf = new Map(resources.map(({ path, scopes }) => [path, scopes.read]));
  return {
    id: 'list-records-of-case',
    method: 'GET',
    path: `${TENANT_BASE}/records`,
    scope: families.scopes.read,
    tag: 'records',
    summary: 'Everything with one case number',
    description: 'Records of every type that link to the case, as far as the scopes of the client reach.',
    manner: 'list',
    query: caseParameters,
    success: {
      status: 200,
      description: 'One page, ordered by type.',
      body: () =>
        pageSchema(
          z
            .strictObject({ type: collection(), record: anyRecord() })
            .meta({ description: 'One record of the case.', examples: [{ type: 'calls', record: RECORD }] }),
          'Records of the case (sagens poster).',
        ),
    },
    problems: ['validation_failed', 'invalid_cursor'],
    run: async (ctx, request) => {
      const { caseNumber, ...page } = parse(z.strictObject(caseParameters()), request.query, '/query');
      const visible = (row: Fields) => {
        const scope = scopeOf.get(String(row['type']));
        return scope !== undefined && ctx.scopes.has(scope);
      };
      const listing = { index: 'case', partition: casePartition(caseNumber) } as const;
      return pageOf(ctx, request, listing, page, (row) => ({ type: row['type'], record: row['view'] }), visible);
    },
  };
}
