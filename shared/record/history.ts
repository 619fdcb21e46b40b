import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { isId } from '../ids.ts';
import type { Answer, ApiRequest } from '../operation.ts';
import { historyPartition, recordKey } from '../table/keys.ts';
import { eventSummary } from './events.ts';
import { group, instant, line, listOf, oneOf, whole } from './fields.ts';
import { pageOf, pageParameters, pageSchema } from './lists.ts';
import { type Place, parentFields } from './place.ts';
import { notFound } from './read.ts';
import type { Fields, Resource } from './resource.ts';
import { parse } from './validate.ts';

/** One version of a record as its history shows it: who, when and which fields, never what stood in them. */
export const historyItem = () =>
  z
    .strictObject({
      version: whole('Number of the version (versionsnummer).', 1, Number.MAX_SAFE_INTEGER),
      status: line('The status it had then (status).').optional(),
      event: line('The event that told of it (hændelse), without `dk.livline.`.'),
      action: oneOf('What happened (OIO: Oprettet, Rettet, Passiveret, Slettet).', [
        'created',
        'updated',
        'ended',
        'deleted',
      ]),
      at: instant('When it was registered, UTC (registreringstidspunkt).'),
      actor: group('Who did it (aktør).', {
        kind: oneOf('A client, an operator or the system itself (aktørtype).', ['client', 'operator', 'system']),
        id: line('Its id (aktør-id).'),
      }),
      changed: listOf('Names of the fields that changed (ændrede felter).', line('A field.')),
    })
    .meta({
      description: 'One version of a record.',
      examples: [
        {
          version: 2,
          status: 'active',
          event: 'family.activated',
          action: 'updated',
          at: '2026-11-20T09:00:00.000Z',
          actor: { kind: 'client', id: '2b7c4d9e1f6g3h8j5k0l2m7n4p' },
          changed: ['status', 'statusAt'],
        },
      ],
    });

/** One page of a record's history. */
export const historyPage = () =>
  pageSchema(historyItem(), 'Versions of the record (versioner).').meta({
    description: 'Historik. One page of versions of a record, the latest first.',
  });

function itemOf(row: Fields): unknown {
  const { version, status } = row['view'] as Fields;
  const { event, action, at, actor, changed } = eventSummary(row);
  return { version, ...(status !== undefined && { status }), event, action, at, actor, changed };
}

/** Every version of a record, the latest first, from its events; of a deleted one too. */
export async function listHistory(
  ctx: Context,
  resource: Resource,
  { id, parents }: Place,
  request: ApiRequest,
): Promise<Answer> {
  if (!isId(id)) throw notFound(resource);
  const page = parse(z.strictObject(pageParameters()), request.query, '/query') as Fields;
  const row = await ctx.table.get(recordKey(id));
  const view = row?.['type'] === resource.path ? (row['view'] as Fields) : undefined;
  if (!view || parentFields(resource).some((field) => view[field] !== parents?.[field])) throw notFound(resource);
  return pageOf(ctx, request, { index: 'about', partition: historyPartition(id), descending: true }, page, itemOf);
}
