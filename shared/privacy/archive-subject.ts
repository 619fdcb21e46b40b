import { createHash } from 'node:crypto';
import type { Bucket } from '../archive/bucket.ts';
import type { Context } from '../auth/context.ts';
import type { Sensitivity } from '../record/fields.ts';
import type { Fields, Resource, View } from '../record/resource.ts';
import { sealField } from '../record/sealing.ts';
import { type Opened, sensitiveOf } from '../record/stored.ts';
import { requireArchiveKey } from './person-keys.ts';

/**
 * What is archived of a person before a retention erases the person: every record whole, one line each, the record sealed
 * as a JWE for its place (seal.ts) under the key of this person's archive, which outlasts the person's own. So whoever has
 * the object has ids and types, and dropping that key ends the archive (end-archives.ts).
 */
export interface Archived {
  readonly object: string;
  readonly sha256: string;
  readonly records: number;
}

/** One line of the object. */
export interface ArchiveLine {
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly sealed: string;
}

/**
 * A record as it is sealed into a line: its sensitive fields lie apart by who may see them, beside the organisations that
 * wrote the SS fields, so that showing it needs no schema.
 */
export interface ArchivedRecord {
  readonly view: View;
  readonly sensitive: Partial<Readonly<Record<Sensitivity, Fields>>>;
  readonly writtenBy: Readonly<Record<string, string>>;
}

/** The field that a sealed record is sealed for. */
export const ARCHIVED_FIELD = 'archive';

/** Name of a person's object on the archive's shelf. */
export const archiveName = (subjectId: string): string => `${subjectId}.ndjson`;

/** A record to be archived. */
export interface Archivable {
  readonly resource: Resource;
  readonly record: Opened;
}

const archivedRecord = (resource: Resource, { view, whole, writtenBy }: Opened): ArchivedRecord => {
  const { S, SS } = sensitiveOf(resource, whole);
  return { view, sensitive: { ...(S && { S }), ...(SS && { SS }) }, writtenBy };
};

const nameOf = (id: string, version: number): string => `${id} ${version}`;

/** A person's archive: what is in it, and a way to add what is not. */
export interface SubjectArchive {
  /** Whether a record is in it as it stands at this version. */
  has(id: string, version: number): boolean;
  /** Writes the object anew with these records added, wholly or not at all; nothing that is in it is lost. */
  add(records: readonly Archivable[]): Promise<void>;
  /** What it is now; undefined while nothing is in it. */
  archived(): Archived | undefined;
}

/** Opens the archive of a person, as whoever was at it before left it. */
export async function openArchive(ctx: Context, bucket: Bucket, subjectId: string): Promise<SubjectArchive> {
  const object = archiveName(subjectId);
  let text = Buffer.from((await bucket.get(object)) ?? []).toString();
  const lines = text.split('\n').filter((line) => line !== '');
  const known = new Set(
    lines.map((line) => {
      const { id, version } = JSON.parse(line) as ArchiveLine;
      return nameOf(id, version);
    }),
  );
  return {
    has: (id, version) => known.has(nameOf(id, version)),
    async add(records) {
      const fresh = records.filter(({ record: { view } }) => !known.has(nameOf(view.id, view.version)));
      if (fresh.length === 0) return;
      const key = await requireArchiveKey(ctx, subjectId);
      const sealed = fresh.map(async ({ resource, record }): Promise<ArchiveLine> => {
        const { id, version } = record.view;
        const content = archivedRecord(resource, record);
        return { type: resource.path, id, version, sealed: await sealField(ctx, id, ARCHIVED_FIELD, content, key) };
      });
      const more = (await Promise.all(sealed)).map((line) => `${JSON.stringify(line)}\n`).join('');
      await bucket.put(object, text + more, 'application/x-ndjson');
      text += more;
      for (const { record } of fresh) known.add(nameOf(record.view.id, record.view.version));
    },
    archived: () =>
      known.size === 0
        ? undefined
        : { object, sha256: createHash('sha256').update(text).digest('hex'), records: known.size },
  };
}
