import * as z from 'zod';
import type { KeyMaker } from '../crypto/key-maker.ts';
import { Problem } from '../errors.ts';
import type { Answer, ApiRequest } from '../operation.ts';
import { nextLink, pageParameters } from '../record/lists.ts';
import { parse } from '../record/validate.ts';
import type { Segments } from '../table/keys.ts';
import { type ScopedTable, scopedTable } from '../table/scoped-table.ts';
import type { Store } from '../table/store.ts';
import type { Instant } from '../time.ts';
import type { CertificateKey } from './certificates.ts';
import type { IdentityProvider } from './identity.ts';
import type { MunicipalityStatus } from './lifecycle.ts';

/** What an operator's verbs get first: the control rows, and none of any municipality's. */
export interface OperatorContext {
  readonly operatorId: string;
  readonly requestId: string;
  /** When the request began. */
  readonly now: Instant;
  /** The time at this moment. */
  readonly clock: () => Date;
  readonly store: Store;
  readonly control: ScopedTable;
  readonly identity: IdentityProvider;
  readonly keys: KeyMaker;
  readonly certificates: CertificateKey;
  readonly tokenUrl: string;
  /** The client that was made together with the user pool. */
  readonly firstOperatorId: string;
  /** Seconds after which a recovery takes effect. */
  readonly recoveryDelayS: number;
}

const FIRST_SEGMENTS = new Set([
  'M',
  'P',
  'F',
  'C',
  'U',
  'KEY',
  'KEYS',
  'MUNICIPALITIES',
  'PARTNERS',
  'PROGRAMMES',
  'CLIENTS',
  'OPERATORS',
]);

function requireControl(partition: Segments): void {
  if (!FIRST_SEGMENTS.has(partition[0] ?? '')) throw new RangeError('Not a control row');
}

/** The rows outside any municipality. A key that starts otherwise than a control row is refused before it is sent. */
export function controlTable(store: Store): ScopedTable {
  const table = scopedTable(store, []);
  const guarded =
    <Args extends unknown[], Result>(partitionsOf: (...args: Args) => Segments[], run: (...args: Args) => Result) =>
    (...args: Args): Result => {
      for (const partition of partitionsOf(...args)) requireControl(partition);
      return run(...args);
    };
  return {
    get: guarded((key) => [key.pk], table.get),
    getMany: guarded((keys) => keys.map(({ pk }) => pk), table.getMany),
    query: guarded((range) => [range.partition], table.query),
    write: guarded((write) => [write.key.pk], table.write),
    add: guarded((write) => [write.key.pk], table.add),
    transact: guarded((writes) => writes.map(({ key }) => key.pk), table.transact),
    erase: guarded((rows) => rows.map(({ pk }) => String(pk).split('#')), table.erase),
    prepare: guarded((write) => [write.key.pk], table.prepare),
  };
}

const PAGE = 200;

/** Where a control list goes on: the name of the list and the text that its last item is sorted by. */
const Position = z.tuple([z.string(), z.string().max(400)]);

/** The position in a cursor. Throws `invalid_cursor` for anything but a cursor of this list. */
function positionIn(cursor: string, list: string): string {
  try {
    const [of, position] = Position.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    if (of === list) return position;
  } catch {
    // It is refused below, like one of another list.
  }
  throw new Problem('invalid_cursor', 'The cursor was not issued for this list.');
}

interface Page {
  readonly limit: number;
  readonly cursor?: string;
}

/** One page of a control list, by the text it is sorted by. Nothing in these lists is secret, so neither is the position. */
export async function listControl(ctx: OperatorContext, request: ApiRequest, partition: Segments): Promise<Answer> {
  const { limit, cursor } = parse(z.strictObject(pageParameters()), request.query, '/query') as unknown as Page;
  const list = partition.join('#');
  const after = cursor === undefined ? undefined : positionIn(cursor, list);
  const { rows, last } = await ctx.control.query({ index: 'list', partition, after, limit });
  const items = rows.map((row) => row['view']);
  if (last === undefined) return { status: 200, body: { items } };
  const nextCursor = Buffer.from(JSON.stringify([list, last])).toString('base64url');
  return { status: 200, body: { items, nextCursor }, headers: { link: nextLink(request, { cursor: nextCursor }) } };
}

/** Codes of the municipalities whose status is such a one. There are at most 98, so they are one page. */
export async function municipalitiesWhere(
  store: Store,
  holds: (status: MunicipalityStatus) => boolean,
): Promise<string[]> {
  const { rows } = await controlTable(store).query({ index: 'list', partition: ['MUNICIPALITIES'], limit: PAGE });
  return rows
    .map((row) => row['view'] as { code: string; status: MunicipalityStatus })
    .filter(({ status }) => holds(status))
    .map(({ code }) => code);
}
