import { createHmac, type KeyObject } from 'node:crypto';
import type { Context } from '../auth/context.ts';
import { log } from '../log.ts';
import {
  accessFeedPartition,
  accessKey,
  accessLinkKey,
  accessLinks,
  encodeKey,
  type IndexEntries,
} from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { ABSENT, type Write, WriteRefused } from '../table/write.ts';
import { plusSeconds } from '../time.ts';

/**
 * The access log of a municipality as a chain. Every entry keeps a code under the municipality's integrity key, and the
 * clock writes a link for each minute that had entries: a code over the codes of those entries and the link before. So an
 * entry that was altered, removed or put in later is found by `GET access-log/verify`, and nobody without the key can make
 * the chain anew. Somebody who removes the last links with their entries is shown by the end that the clock logs hourly.
 *
 * An entry costs one write unit more for its place in the index `list`, and a link two. A municipality without new entries
 * costs two Queries a minute.
 */

/** Say what the codes are for, so that none can stand in the place of another one under the same key. */
const ENTRY_DOMAIN = 'livline access entry 1';
const LINK_DOMAIN = 'livline access link 1';

/**
 * Seconds until an entry is linked. An entry bears the time at which its request or round began, and no function of ours
 * runs longer than 15 minutes, so that after this time no entry comes in before those that are linked.
 */
export const LINK_GRACE_S = 16 * 60;
/** Entries of one link. */
export const LINK_ENTRIES = 1_000;
/** Seconds for which a link outlives its entries. */
const LINK_OUTLIVES_S = 30 * 86_400;

const code = (key: KeyObject, ...parts: readonly unknown[]): string =>
  createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url');

/** An entry as its row says it: whom it is under, when and which, what, and until when it is kept. */
interface EntryContent {
  readonly subject: string;
  /** The sort key of its row. */
  readonly place: string;
  readonly view: unknown;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

const entryMac = (key: KeyObject, municipality: string, { subject, place, view, expiresAt }: EntryContent): string =>
  code(key, ENTRY_DOMAIN, municipality, subject, place, JSON.stringify(view), expiresAt);

/** Returns the writes of an entry under each subject, with its code and its place among all entries. */
export async function entryWrites(
  ctx: Context,
  subjects: readonly string[],
  entry: { readonly id: string; readonly at: string; readonly view: object; readonly expiresAt: number },
): Promise<readonly (Write & { readonly kind: 'put' })[]> {
  const integrityKey = await ctx.keys.integrityKey();
  const { id, at, view, expiresAt } = entry;
  return subjects.map((subject) => {
    const key = accessKey(subject, at, id);
    const mac = entryMac(integrityKey, ctx.tenant.code, { subject, place: encodeKey(key.sk), view, expiresAt });
    const index: IndexEntries = { list: { pk: accessFeedPartition, sk: [at, id, subject] } };
    return { kind: 'put', key, item: { type: 'access', view, mac }, index, expiresAt };
  });
}

/** Whether an entry in the index is as it was written. */
export const isWholeEntry = (key: KeyObject, municipality: string, row: Row): boolean =>
  row['mac'] ===
  entryMac(key, municipality, {
    subject: String(row['pk']).split('#').at(-1) as string,
    place: String(row['sk']),
    view: row['view'],
    expiresAt: row['expiresAt'] as number,
  });

/** One link of the chain. It can be verified by itself, so that the chain may lose the links whose entries expired. */
export interface AccessLink {
  /** 1 is the first link. */
  readonly number: number;
  /** The code of the link before; empty for the first link. */
  readonly previous: string;
  /** Place in the index of the last entry of the link before; empty for the first link. */
  readonly after: string;
  /** Place in the index of its own last entry. */
  readonly last: string;
  readonly count: number;
  /** Until when all its entries are kept, in seconds since 1970. */
  readonly keptUntil: number;
  /** The same of the link before; 0 for the first link. */
  readonly previousKeptUntil: number;
  /** The code over the codes of its entries. */
  readonly entries: string;
  /** The code over all of that. */
  readonly hash: string;
}

/** Returns the code over the codes of entries, in their order. */
export const entriesCode = (key: KeyObject, rows: readonly Row[]): string =>
  code(key, LINK_DOMAIN, 'entries', ...rows.map((row) => row['mac']));

/** Returns the code of a link. */
export const linkCode = (
  key: KeyObject,
  municipality: string,
  { number, previous, after, last, count, keptUntil, previousKeptUntil, entries }: Omit<AccessLink, 'hash'>,
): string =>
  code(key, LINK_DOMAIN, municipality, number, previous, after, last, count, keptUntil, previousKeptUntil, entries);

/** The link in a row of the index; undefined where there is no row. */
export const linkIn = (row: Row | undefined): AccessLink | undefined => row?.['view'] as AccessLink | undefined;

/** The last link; undefined before the first one. */
async function lastLink(ctx: Context): Promise<AccessLink | undefined> {
  const { rows } = await ctx.table.query({ ...accessLinks, descending: true, limit: 1 });
  return linkIn(rows[0]);
}

/** Writes a link over the entries since the last one, where there are any old enough. */
export async function linkEntries(ctx: Context): Promise<void> {
  const previous = await lastLink(ctx);
  const { rows } = await ctx.table.query({
    index: 'list',
    partition: accessFeedPartition,
    ...(previous && { after: previous.last }),
    to: plusSeconds(ctx.now, -LINK_GRACE_S),
    limit: LINK_ENTRIES,
  });
  if (rows.length === 0) return;
  const key = await ctx.keys.integrityKey();
  const link = {
    number: (previous?.number ?? 0) + 1,
    previous: previous?.hash ?? '',
    after: previous?.last ?? '',
    last: String(rows.at(-1)?.['listSk']),
    count: rows.length,
    keptUntil: Math.min(...rows.map((row) => Number(row['expiresAt']))),
    previousKeptUntil: previous?.keptUntil ?? 0,
    entries: entriesCode(key, rows),
  };
  const view: AccessLink = { ...link, hash: linkCode(key, ctx.tenant.code, link) };
  const last = Math.max(...rows.map((row) => Number(row['expiresAt'])));
  const { key: at, index } = accessLinkKey(link.number);
  const expiresAt = last + LINK_OUTLIVES_S;
  try {
    await ctx.table.write({
      kind: 'put',
      key: at,
      index,
      condition: ABSENT,
      item: { type: 'access-link', view },
      expiresAt,
    });
  } catch (error) {
    // Another round was quicker.
    if (!(error instanceof WriteRefused)) throw error;
  }
}

/** Logs the end of the chain, where those who can write the table cannot alter it. */
export async function logAccessHead(ctx: Context): Promise<void> {
  const { number = 0, hash } = (await lastLink(ctx)) ?? {};
  log.info('access log head', { requestId: ctx.requestId, municipality: ctx.tenant.code, number, hash });
}
