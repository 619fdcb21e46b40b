import type { Context } from '../auth/context.ts';
import { derivedId } from '../ids.ts';
import { recordKey } from '../table/keys.ts';
import { isRevision, type Write } from '../table/write.ts';
import type { RewriteEvent } from './event-names.ts';
import { eventWrite } from './events.ts';
import { hrefOf } from './place.ts';
import type { Resource, View } from './resource.ts';
import { rowMac } from './row-mac.ts';
import type { Sealed } from './stored.ts';
import { audienceAttribute, audiencesOf, organisationOf } from './visibility.ts';

/** The row of a record as it is to stand, at the version that it has. */
export interface RewrittenRow {
  readonly view: View;
  readonly sensitive?: Sealed | undefined;
  readonly writtenBy?: Readonly<Record<string, string>> | undefined;
  readonly deleted?: true;
  readonly erased?: true;
  readonly municipalKey?: true;
}

interface Rewrite {
  readonly name: RewriteEvent;
  readonly row: RewrittenRow;
  /** The record as it was read, which says whose it is and who sees it. */
  readonly record: View;
  /** The event that brought the row to the state in which it was read. */
  readonly lastEvent: string;
  /** `sealed-part` leaves the rest of the row and its index entries as they are; `whole` leaves nothing else of it. */
  readonly replaces: 'sealed-part' | 'whole';
  /** Further rows that are written with it. */
  readonly beside?: readonly Write[] | undefined;
}

/**
 * Writes the row of a record anew without a new version: what it says to its readers is the same. The row and an event
 * with its new code are written in one transaction, because a row without such an event would look altered to an audit.
 * The event stands in the chain and in the feed, and is posted to nobody. Throws `WriteRefused` where the row was changed
 * since it was read.
 */
export async function rewriteRow(
  ctx: Context,
  resource: Resource,
  { name, row, record: before, lastEvent, replaces, beside = [] }: Rewrite,
): Promise<void> {
  const { view, sensitive } = row;
  const id = derivedId('evt', ctx.tenant.code, lastEvent, name);
  const audiences = audienceAttribute(audiencesOf(resource, before));
  const item = { type: resource.path, version: view.version, ...row, ...audiences, lastEvent: id };
  const place = { key: recordKey(view.id), condition: isRevision(view.version, lastEvent) };
  const record: Write =
    replaces === 'whole'
      ? { kind: 'put', ...place, item }
      : {
          kind: 'update',
          ...place,
          set: {
            sensitive,
            lastEvent: id,
            ...(row.municipalKey && { municipalKey: true }),
          },
        };
  const event = eventWrite(ctx, {
    id,
    name,
    objectType: resource.name,
    objectId: view.id,
    objectVersion: view.version,
    scope: resource.scopes.read,
    source: organisationOf(resource, before),
    href: hrefOf(ctx, resource, view),
    action: 'updated',
    changed: [],
    previous: lastEvent,
    mac: rowMac(await ctx.keys.integrityKey(), ctx.tenant.code, item),
  });
  await ctx.table.transact([record, event, ...beside]);
}
