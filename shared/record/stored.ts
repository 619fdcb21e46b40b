import { type Answer, etagOf } from '../operation.ts';
import type { Row } from '../table/scoped-table.ts';
import type { Sensitivity } from './fields.ts';
import type { Fields, Resource, View } from './resource.ts';
import { schemasOf } from './schemas.ts';

/** A record with all its fields, the sensitive ones too. */
export type Whole = View;

/** The sealed texts of sensitive fields, apart by who may see them. */
export type Sealed = Partial<Readonly<Record<Sensitivity, Readonly<Record<string, string>>>>>;

/** A record as it lies in the table: what lists may show, and sealed what they may not. */
export interface Stored {
  /** What lists may show of it. */
  readonly view: View;
  /** What they may not: apart by who may see it, so that showing a record needs no schema. */
  readonly sealed: Sealed;
  /** For each SS field the organisation that wrote it. */
  readonly writtenBy: Readonly<Record<string, string>>;
  readonly lastEvent: string;
  /** Whether somebody whom it is about was erased: it takes nothing any more that says who somebody is. */
  readonly erased: boolean;
  /** Whether its fields are sealed with the municipality's key, because whom it is about was erased and another person in it is held. */
  readonly municipalKey: boolean;
}

/** A stored record whose sensitive fields are open, for a change to be decided on them. */
export interface Opened extends Stored {
  readonly whole: Whole;
}

/** The stored record in a row of its type, undefined for anything else and for what was deleted. */
export function storedOf(resource: Resource, row: Row | undefined): Stored | undefined {
  if (row?.['type'] !== resource.path || row['deleted'] === true) return undefined;
  return {
    view: row['view'] as View,
    sealed: (row['sensitive'] ?? {}) as Sealed,
    writtenBy: (row['writtenBy'] ?? {}) as Record<string, string>,
    lastEvent: row['lastEvent'] as string,
    erased: row['erased'] === true,
    municipalKey: row['municipalKey'] === true,
  };
}

/** The part of a record that may stand in lists, events' answers and indexes. */
export function viewOf(resource: Resource, whole: Whole): View {
  const view: Record<string, unknown> = {};
  for (const name of schemasOf(resource).shown) if (whole[name] !== undefined) view[name] = whole[name];
  return view as View;
}

/** The sensitive fields of a record, apart by who may see them. */
export function sensitiveOf(resource: Resource, whole: Whole): Partial<Record<Sensitivity, Fields>> {
  const parts: Partial<Record<Sensitivity, Record<string, unknown>>> = {};
  for (const [name, sensitivity] of Object.entries(schemasOf(resource).sensitivity)) {
    if (whole[name] === undefined) continue;
    parts[sensitivity] ??= {};
    parts[sensitivity][name] = whole[name];
  }
  return parts;
}

/** The answer to a write: the record without its sensitive fields, its ETag, and where it is when it is new. */
export const answerOf = (status: number, view: View, href: string): Answer => ({
  status,
  ...(status !== 204 && { body: view }),
  headers: { ...(status !== 204 && { etag: etagOf(view.version) }), ...(status === 201 && { location: href }) },
});
