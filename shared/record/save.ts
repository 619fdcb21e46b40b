import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../context.ts';
import { invalid, Problem } from '../errors.ts';
import { derivedId, digest, isId } from '../ids.ts';
import { type Answer, etagOf, type Idempotency } from '../operation.ts';
import {
  edgeKey,
  eventKey,
  type IndexEntries,
  type IndexName,
  ledgerKey,
  listPartition,
  lockKey,
  recordKey,
  timelinePartition,
} from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { ABSENT, type Condition, type Write, WriteRefused } from '../table/write.ts';
import { plusSeconds } from '../time.ts';
import { type Action, eventWrite } from './events.ts';
import type { Sensitivity } from './fields.ts';
import { newReferences, referenceChecks } from './references.ts';
import type { Fields, LedgerEntry, Lock, Resource, View } from './resource.ts';
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
  const { sensitivity } = schemasOf(resource);
  return Object.fromEntries(Object.entries(whole).filter(([name]) => !sensitivity[name])) as View;
}

function sensitiveOf(resource: Resource, whole: Whole): Stored['sensitive'] | undefined {
  const parts: Partial<Record<Sensitivity, Record<string, unknown>>> = {};
  for (const [name, sensitivity] of Object.entries(schemasOf(resource).sensitivity)) {
    if (whole[name] === undefined) continue;
    parts[sensitivity] ??= {};
    parts[sensitivity][name] = whole[name];
  }
  return Object.keys(parts).length > 0 ? parts : undefined;
}

export interface Saving {
  readonly before?: Stored | undefined;
  readonly after: Whole;
  readonly writtenBy: Readonly<Record<string, string>>;
  readonly event: { readonly name: string; readonly action: Action; readonly changed: readonly string[] };
  readonly href: string;
  /** Set by {@link once}. */
  readonly eventId?: string | undefined;
  readonly idempotency?: Idempotency | undefined;
  readonly answerStatus: number;
}

/** A row that the change was decided on has been changed by another request: decide again. */
export class Outrun extends Error {}
/** The request's event is there already: the request was done before. */
class Done extends Error {
  readonly event: Row | undefined;

  constructor(event: Row | undefined) {
    super();
    this.event = event;
  }
}

/** A sort key holds 1,024 bytes, and a character in it takes up to five. */
const LONGEST_ORDER = 180;

const orderOf = (resource: Resource, record: Whole) => [resource.order(record).slice(0, LONGEST_ORDER), record.id];
const timeOf = (resource: Resource, record: Whole) => [
  resource.period ? resource.order(record) : record.createdAt,
  record.id,
];

/** Partition of the plain list; a nested resource has one for each parent. */
export const listOfAll = (resource: Resource, parentId: unknown) =>
  listPartition(resource.path, ...(resource.parent ? [String(parentId)] : []));

/** Partition of the records that one filter value selects; of a nested resource, those of one parent. */
export const selectedList = (resource: Resource, parentId: unknown, name: string, value: string) => [
  ...listOfAll(resource, parentId),
  name,
  value,
];

const parentOf = (resource: Resource, record: Whole): unknown => resource.parent && record[resource.parent.field];

function indexOf(resource: Resource, record: Whole): IndexEntries {
  const sk = orderOf(resource, record);
  const owner = resource.about?.(record);
  const filters = Object.entries(resource.filters ?? {}).flatMap(([name, filterOf], at) => {
    const value = filterOf(record);
    return value === undefined
      ? []
      : [[`filter${at + 1}`, { pk: selectedList(resource, parentOf(resource, record), name, value), sk }]];
  });
  return {
    list: { pk: listOfAll(resource, parentOf(resource, record)), sk },
    ...(owner !== undefined && { about: { pk: timelinePartition(owner), sk: timeOf(resource, record) } }),
    ...(Object.fromEntries(filters) as Partial<Record<IndexName, { pk: string[]; sk: string[] }>>),
  };
}

/** Edges of a record as `name` and the id each leads to. */
const edgesOf = (resource: Resource, record: Whole | undefined): [string, string][] =>
  record
    ? Object.entries(resource.edges ?? {}).flatMap(([name, idsOf]) =>
        [...new Set(idsOf(record))].map((id): [string, string] => [name, id]),
      )
    : [];

/** A write with what the caller is told when its condition does not hold. */
interface Guarded {
  readonly write: Write;
  /** Gets the row that stood in the way, if there was one. */
  readonly refusal: (standing: Row | undefined) => Error;
}

function edgeWrites(resource: Resource, before: Whole | undefined, after: Whole): Write[] {
  const kept = new Set(edgesOf(resource, after).map((edge) => JSON.stringify(edge)));
  const gone = edgesOf(resource, before).filter((edge) => !kept.has(JSON.stringify(edge)));
  if (kept.size === 0 && gone.length === 0) return [];
  const view = viewOf(resource, after);
  return [
    ...gone.map(([name, id]): Write => ({ kind: 'delete', key: edgeKey(after.id, name, id) })),
    ...edgesOf(resource, after).map(
      ([name, id]): Write => ({
        kind: 'put',
        key: edgeKey(after.id, name, id),
        item: { type: resource.path, view },
        index: {
          list: { pk: selectedList(resource, parentOf(resource, after), name, id), sk: orderOf(resource, after) },
          ...(isId(id) && { about: { pk: timelinePartition(id), sk: timeOf(resource, after) } }),
        },
      }),
    ),
  ];
}

/** The unique names of a record: its own locks, and its external id within source and type. */
function locksOf(resource: Resource, record: Whole | undefined): readonly Lock[] {
  if (!record) return [];
  const external = record.externalId !== undefined && {
    name: externalName(resource, record.source, record.externalId),
    detail: `Another ${resource.name} has this externalId.`,
  };
  return [...(external ? [external] : []), ...(resource.locks?.(record) ?? [])];
}

export const externalName = (resource: Resource, source: string, id: string) => ['external', resource.path, source, id];

function lockWrites(resource: Resource, before: Whole | undefined, after: Whole | undefined, id: string): Guarded[] {
  const held = new Map(locksOf(resource, before).map((lock) => [digest(...lock.name), lock]));
  const wanted = new Map(locksOf(resource, after).map((lock) => [digest(...lock.name), lock]));
  const released = [...held].filter(([name]) => !wanted.has(name));
  const taken = [...wanted].filter(([name]) => !held.has(name));
  return [
    ...released.map(([, lock]) => ({
      write: { kind: 'delete', key: lockKey(...lock.name) } as const,
      refusal: () => new Outrun(),
    })),
    ...taken.map(([, { name, detail }]) => ({
      write: { kind: 'put', key: lockKey(...name), item: { type: 'lock', holder: id }, condition: ABSENT } as const,
      refusal: () => new Problem('already_exists', detail),
    })),
  ];
}

interface LedgerState {
  readonly version: number;
  readonly entries: Readonly<Record<string, Fields>>;
}

/** Reads the ledgers a change touches, asks each for admission, and writes them on condition that they stand as read. */
async function ledgerWrites(
  ctx: Context,
  resource: Resource,
  before: Whole | undefined,
  after: Whole | undefined,
  id: string,
): Promise<Guarded[]> {
  const left = (before && resource.ledgers?.(before)) ?? [];
  const joined = (after && resource.ledgers?.(after)) ?? [];
  const names = new Map([...left, ...joined].map(({ name }) => [digest(...name), name]));
  if (names.size === 0) return [];
  const rows = await Promise.all(
    [...names].map(async ([at, name]) => [at, await ctx.table.get(ledgerKey(...name))] as const),
  );
  return rows.flatMap(([at, row]): Guarded[] => {
    const mine = joined.find(({ name }) => digest(...name) === at);
    const { version, entries } = (row ?? { version: 0, entries: {} }) as unknown as LedgerState;
    const { [id]: standing, ...others } = entries;
    if (mine && isDeepStrictEqual(standing, mine.entry)) return [];
    const refusal = mine?.admit(new Map(Object.entries(others)));
    if (refusal) throw refusal;
    return [
      ledgerWrite(names.get(at) as LedgerEntry['name'], version, mine ? { ...others, [id]: mine.entry } : others),
    ];
  });
}

function ledgerWrite(name: LedgerEntry['name'], version: number, entries: LedgerState['entries']): Guarded {
  const condition: Condition = version === 0 ? ABSENT : { expression: '#version = :version', values: { version } };
  return {
    write: { kind: 'put', key: ledgerKey(...name), item: { type: 'ledger', version: version + 1, entries }, condition },
    refusal: () => new Outrun(),
  };
}

/** An item of DynamoDB holds 400 KB, of which a record's own fields may have this many bytes. */
const MOST_BYTES = 380_000;

/**
 * Commits one change of one record: in the common case two items in one transaction, the record on condition of its
 * version and its event on condition of not existing, plus what the resource's edges, locks, ledgers and references
 * need. All or nothing; one round trip unless ledgers or many references have to be read first.
 */
export async function save(ctx: Context, resource: Resource, saving: Saving): Promise<Answer> {
  const { before, after, event, idempotency, href } = saving;
  if (Buffer.byteLength(JSON.stringify(after)) > MOST_BYTES) {
    throw invalid('', `A record has at most ${MOST_BYTES} bytes in all.`, 'too_long');
  }
  const deleted = event.action === 'deleted';
  const eventId = saving.eventId ?? derivedId('evt', ctx.tenant.code, after.id, after.version);
  const view = viewOf(resource, after);
  const references = deleted ? [] : newReferences(resource, before?.whole, after);
  const [ledgers, checks] = await Promise.all([
    ledgerWrites(ctx, resource, before?.whole, deleted ? undefined : after, after.id),
    referenceChecks(ctx, references, after.id),
  ]);

  const record: Guarded = {
    write: {
      kind: 'put',
      key: recordKey(after.id),
      condition: before
        ? { expression: '#view.#version = :version', values: { version: before.whole.version } }
        : ABSENT,
      item: {
        type: resource.path,
        view,
        sensitive: sensitiveOf(resource, after),
        writtenBy: saving.writtenBy,
        lastEvent: eventId,
        ...(deleted && { deleted }),
      },
      ...(!deleted && { index: indexOf(resource, after) }),
    },
    refusal: () => new Outrun(),
  };
  const outbox: Guarded = {
    write: eventWrite(ctx, {
      id: eventId,
      ...event,
      objectType: resource.name,
      objectId: after.id,
      objectVersion: after.version,
      href,
      caseRefs: after.caseRefs,
      previous: before?.lastEvent,
      request: idempotency && {
        fingerprint: idempotency.fingerprint,
        // As text, because a map comes back with its members in another order, and a replay gives the same bytes.
        answer: { status: saving.answerStatus, view: JSON.stringify(view), href },
      },
    }),
    refusal: (standing) => new Done(standing),
  };
  const edges = deleted
    ? edgesOf(resource, before?.whole).map(
        ([name, id]): Write => ({ kind: 'delete', key: edgeKey(after.id, name, id) }),
      )
    : edgeWrites(resource, before?.whole, after);
  const guarded: Guarded[] = [
    outbox,
    record,
    ...lockWrites(resource, before?.whole, deleted ? undefined : after, after.id),
    ...ledgers,
    ...checks,
    ...edges.map((write) => ({ write, refusal: () => new Outrun() })),
  ];
  try {
    await ctx.table.transact(guarded.map(({ write }) => write));
  } catch (error) {
    if (error instanceof WriteRefused) throw (guarded[error.at] as Guarded).refusal(error.row);
    throw error;
  }
  return answerOf(saving.answerStatus, view, href);
}

/** The answer to a write: the record without its sensitive fields, its ETag, and where it is when it is new. */
export const answerOf = (status: number, view: View, href: string): Answer => ({
  status,
  ...(status !== 204 && { body: view }),
  headers: { ...(status !== 204 && { etag: etagOf(view.version) }), ...(status === 201 && { location: href }) },
});

/** Days for which an Idempotency-Key stands for the request it came with. */
const KEY_LIFE_DAYS = 7;
/** How often a change is decided anew because others were quicker. */
const TRIES = 8;

/**
 * Runs a change so that one request has one effect. A request whose event exists already gets the first answer, also
 * when a rule now refuses it or its If-Match has become stale through its own first success. The event is named by
 * client and key, so two at the same instant meet in the database. A key older than a week names a new event.
 */
export async function once(
  ctx: Context,
  idempotency: Idempotency | undefined,
  run: (eventId: string | undefined) => Promise<Answer>,
): Promise<Answer> {
  let eventId = idempotency && derivedId('evt', ctx.tenant.code, ctx.actor.id, idempotency.key);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run(eventId);
    } catch (error) {
      const expected = error instanceof Problem || error instanceof Done || error instanceof Outrun;
      if (!expected) throw error;
      const earlier = error instanceof Done ? error.event : eventId && (await ctx.table.get(eventKey(eventId)));
      if (earlier && idempotency) {
        if ((earlier['at'] as string) >= plusSeconds(ctx.now, -KEY_LIFE_DAYS * 86_400))
          return replay(earlier, idempotency);
        eventId = derivedId('evt', ctx.tenant.code, eventId as string);
      } else if (error instanceof Problem) throw error;
      if (attempt === TRIES) {
        throw new Problem('in_flight', 'Others are changing the same data at this moment.', [], { 'retry-after': '1' });
      }
    }
  }
}

function replay(event: Row, { fingerprint }: Idempotency): Answer {
  const request = event['request'] as
    | { fingerprint: string; answer: { status: number; view: string; href: string } }
    | undefined;
  if (request?.fingerprint !== fingerprint) {
    throw new Problem('idempotency_key_reused', 'This Idempotency-Key came earlier with another request.');
  }
  const { status, view, href } = request.answer;
  const first = answerOf(status, JSON.parse(view) as View, href);
  return { ...first, headers: { ...first.headers, 'idempotency-replayed': 'true' } };
}
