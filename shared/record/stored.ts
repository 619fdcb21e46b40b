import { type Answer, etagOf } from '../operation.ts';
import type { Row } from '../table/scoped-table.ts';
import type { Sensitivity } from './fields.ts';
import type { Fields, Resource, View } from './resource.ts';
import { schemasOf } from './schemas.ts';

/** A record with all its fields, the sensitive ones too. */
export type Whole = View;

/** A record as stored: what lists may show, and apart from it what they may not. */
export interface Stored {
  readonly whole: Whole;
  /** What lists may show of it. */
  readonly view: View;
  /** What they may not, apart by who may see it, so that showing a record needs no schema. */
  readonly sensitive: Partial<Readonly<Record<Sensitivity, Fields>>>;
  /** For each SS field the organisation that wrote it. */
  readonly writtenBy: Readonly<Record<string, string>>;
  readonly lastEvent: string;
}

/** The stored record in a row of its type, undefined for anything else and for what was deleted. */
export function storedOf(resource: Resource, row: Row | undefined): Stored | undefined {
  if (row?.['type'] !== resource.path || row['deleted'] === true) return undefined;
  const view = row['view'] as View;
  const sensitive = (row['sensitive'] ?? {}) as Stored['sensitive'];
  return {
    whole: { ...view, ...sensitive.S, ...sensitive.SS, ...sensitive.secret },
    view,
    sensitive,
    writtenBy: (row['writtenBy'] ?? {}) as Record<string, string>,
    lastEvent: row['lastEvent'] as string,
  };
}

/** The part of a record that may stand in lists, events' answers and indexes. */
export function viewOf(resource: Resource, whole: Whole): View {
  const view: Record<string, unknown> = {};
  for (const name of schemasOf(resource).shown) if (whole[name] !== undefined) view[name] = whole[name];
  return view as View;
}

/** The sensitive fields of a record, apart by who may see them; undefined where it has none. */
export function sensitiveOf(resource: Resource, whole: Whole): Stored['sensitive'] | undefined {
  const parts: Partial<Record<Sensitivity, Record<string, unknown>>> = {};
  for (const [name, sensitivity] of Object.entries(schemasOf(resource).sensitivity)) {
    if (whole[name] === undefined) continue;
    parts[sensitivity] ??= {};
    parts[sensitivity][name] = whole[name];
  }
  return Object.keys(parts).length > 0 ? parts : undefined;
}

/** The answer to a write: the record without its sensitive fields, its ETag, and where it is when it is new. */
export const answerOf = (status: number, view: View, href: string): Answer => ({
  status,
  ...(status !== 204 && { body: view }),
  headers: { ...(status !== 204 && { etag: etagOf(view.version) }), ...(status === 201 && { location: href }) },
});
