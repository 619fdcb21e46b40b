import * as z from 'zod';
import type { KeyMaker } from '../crypto/key-maker.ts';
import type { Answer, ApiRequest, QueryParameters } from '../operation.ts';
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

/** A page of a control list as it is answered. */
export const controlPage = (item: z.ZodType, description: string) => () =>
  z.strictObject({
    items: z.array(item).describe(description),
    next: z
      .string()
      .describe('Give it as `after` to get the next page (næste side); absent on the last one.')
      .optional(),
  });

/** The query parameter of a control list's next page. */
export const afterParameter = (): QueryParameters => ({
  after: z.string().max(200).describe('`next` of the page before.').optional(),
});

/** One page of a control list, by the text it is sorted by. Nothing in these lists is secret, so neither is the position. */
export async function listControl(ctx: OperatorContext, request: ApiRequest, partition: Segments): Promise<Answer> {
  const { after } = parse(z.strictObject(afterParameter()), request.query, '/query') as { after?: string };
  const { rows, last } = await ctx.control.query({ index: 'list', partition, after, limit: PAGE });
  return { status: 200, body: { items: rows.map((row) => row['view']), ...(last !== undefined && { next: last }) } };
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
