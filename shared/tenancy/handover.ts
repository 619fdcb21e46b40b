import { createHash } from 'node:crypto';
import type { Bucket } from '../archive/bucket.ts';
import { type ObjectEntry, putNdjson } from '../archive/ndjson.ts';
import type { Context } from '../auth/context.ts';
import type { Recipient } from '../crypto/recipient.ts';
import { headOf, type Link } from '../privacy/chain.ts';
import { pagesOf, recordsOf } from '../record/all.ts';
import { eventBytes, eventSummary } from '../record/events.ts';
import type { Resource } from '../record/resource.ts';
import { showRecord } from '../record/sensitive-gate.ts';
import type { Stored } from '../record/stored.ts';
import { accessPartition, feedPartition, sequenceKey, sharesPartition } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { inboxMessages, wholePayload } from '../webhooks/inbox-messages.ts';

/**
 * What a municipality takes with it: one object of NDJSON for each resource, each line a record as the API shows it to the
 * municipality itself (handoverContext): S fields open, of the SS fields those that it wrote, for a partner's are the
 * partner's to hand over, and nobody's secrets. Then the programmes it takes part in, the access log, and the events with their chain.
 * What was deleted is told by the events alone. Where the municipality gave a public key, each object is encrypted to it
 * (archive/ndjson.ts); the manifest, which names no person, is not.
 */
export interface Handover {
  readonly ctx: Context;
  readonly bucket: Bucket;
  readonly resources: readonly Resource[];
  /** Folder of its objects. */
  readonly folder: string;
  /** Whom its objects are encrypted to. */
  readonly recipient?: Recipient | undefined;
}

/** Name of an object: `.jwe` where it is encrypted. */
const objectName = ({ recipient }: Handover, content: string): string => `${content}.ndjson${recipient ? '.jwe' : ''}`;

async function lineOf(ctx: Context, resource: Resource, stored: Stored): Promise<string> {
  const shown = await showRecord(ctx, resource, stored, 'handover');
  const { id, payload } = shown as { id: string; payload?: string };
  const isMessage = resource.path === inboxMessages.path && payload !== undefined;
  return JSON.stringify(isMessage ? { ...shown, payload: await wholePayload(ctx, id, payload) } : shown);
}

async function* recordLines({ ctx, resources }: Handover, resource: Resource): AsyncGenerator<string[]> {
  for await (const records of recordsOf(ctx, resources, resource)) {
    yield await Promise.all(records.map((stored) => lineOf(ctx, resource, stored)));
  }
}

async function* programmeLines({ ctx }: Handover): AsyncGenerator<string[]> {
  for await (const rows of pagesOf(ctx.control, { index: 'list', partition: sharesPartition })) {
    yield rows.map((row) => JSON.stringify(row['view']));
  }
}

/** The access log (privacy/access-log.ts), record by record in the order of their first events. */
async function* accessLines({ ctx }: Handover): AsyncGenerator<string[]> {
  const seen = new Set<string>();
  for await (const rows of pagesOf(ctx.table, { index: 'list', partition: feedPartition })) {
    for (const { objectId } of rows.map(aboutOf)) {
      if (seen.has(objectId)) continue;
      seen.add(objectId);
      for await (const entries of pagesOf(ctx.table, { partition: accessPartition(objectId) })) {
        yield entries.map(({ view }) => JSON.stringify({ subject: objectId, ...(view as object) }));
      }
    }
  }
}

/** What an event is about, as its CloudEvent says. */
export const aboutOf = (row: Row): { readonly objectType: string; readonly objectId: string } => eventSummary(row);

const OTHERS: Readonly<Record<string, (handover: Handover) => AsyncGenerator<string[]>>> = {
  programmes: programmeLines,
  'access-log': accessLines,
};

/** What there is an object of, in the order in which they are written; the events are another. */
export const contentsOf = ({ resources }: Pick<Handover, 'resources'>): string[] => [
  ...resources.map(({ path }) => path),
  ...Object.keys(OTHERS),
];

/** Writes the object of one of {@link contentsOf}. */
export const putContent = (handover: Handover, content: string): Promise<ObjectEntry> => {
  const resource = handover.resources.find(({ path }) => path === content);
  const lines = resource ? recordLines(handover, resource) : OTHERS[content]?.(handover);
  if (!lines) throw new RangeError(`There is no ${content} to hand over`);
  const { bucket, folder, recipient } = handover;
  return putNdjson(bucket, folder, objectName(handover, content), lines, recipient);
};

/** The events as they were handed over. */
export interface HandedEvents {
  readonly entry: ObjectEntry;
  /** The end of the chain. */
  readonly head: Link;
  /** Ids of all webhook endpoints there ever were. */
  readonly endpoints: readonly string[];
}

/**
 * Writes the events in the order of their numbers: `event`, `view`, `mac` and `hash` as the chain needs them
 * (privacy/chain.ts), and in `cases` the text with the case numbers of the event (record/event-cases.ts), unless an erasure
 * took them. Throws while the index has not all of them.
 */
export async function putEvents(handover: Handover): Promise<HandedEvents> {
  const { ctx, bucket, folder, recipient } = handover;
  const head = headOf(ctx.tenant.code, await ctx.table.get(sequenceKey));
  const endpoints = new Set<string>();
  let last = 0;
  async function* lines(): AsyncGenerator<string[]> {
    for await (const rows of pagesOf(ctx.table, { index: 'list', partition: feedPartition })) {
      for (const row of rows) {
        const { objectType, objectId } = aboutOf(row);
        if (objectType === 'webhook-endpoint') endpoints.add(objectId);
        last = row['sequence'] as number;
      }
      yield rows.map(({ envelope, cases, sequence, view, hash, mac = '' }) => {
        // Of an event whose CloudEvent has expired, `view` has what was kept.
        const event = envelope === undefined ? 'null' : eventBytes(envelope as string, sequence as number);
        const withCases = cases === undefined ? '' : `"cases":${JSON.stringify(cases)},`;
        return `{"event":${event},${withCases}"view":${JSON.stringify(view)},"mac":${JSON.stringify(mac)},"hash":${JSON.stringify(hash)}}`;
      });
    }
    if (last !== head.sequence) throw new Error(`The feed ends at ${last} and the counter at ${head.sequence}`);
  }
  const entry = await putNdjson(bucket, folder, objectName(handover, 'events'), lines(), recipient);
  return { entry, head, endpoints: [...endpoints] };
}

/** Writes the manifest, last of all: a folder without one is not whole. Gives its digest. */
export async function putManifest(
  { ctx, bucket, folder, recipient }: Handover,
  files: readonly ObjectEntry[],
  head: Link,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const { code: municipality, name, cvr } = ctx.tenant;
  const manifest = Buffer.from(
    JSON.stringify({
      municipality,
      name,
      cvr,
      startedAt: ctx.now,
      ...(recipient && { encryption: recipient.encryption }),
      files,
      history: head,
    }),
  );
  await bucket.put(`${folder}/manifest.json`, manifest, 'application/json');
  return { bytes: manifest.length, sha256: createHash('sha256').update(manifest).digest('hex') };
}
