import type { Context } from '../auth/context.ts';
import type { RangeQuery, Row, ScopedTable } from '../table/scoped-table.ts';
import { listOfAll } from './indexes.ts';
import { findRecords } from './read.ts';
import type { Fields, Resource, View } from './resource.ts';
import type { Stored } from './stored.ts';

const PAGE = 100;

/** The rows of a range, page by page. */
export async function* pagesOf(
  table: ScopedTable,
  range: Omit<RangeQuery, 'limit' | 'after'>,
): AsyncGenerator<readonly Row[]> {
  let after: string | undefined;
  do {
    const page = await table.query({ ...range, after, limit: PAGE });
    yield page.rows;
    after = page.last;
  } while (after !== undefined);
}

const viewsIn = async function* (ctx: Context, resource: Resource, parents: Fields): AsyncGenerator<View[]> {
  for await (const rows of pagesOf(ctx.table, { index: 'list', partition: listOfAll(resource, parents) })) {
    yield rows.map((row) => row['view'] as View);
  }
};

/** The ids under which a resource's lists stand; of one that is not nested one list under none. */
async function* parentsOf(ctx: Context, resources: readonly Resource[], { parent }: Resource): AsyncGenerator<Fields> {
  if (!parent) return yield {};
  const { path, field, part } = parent;
  const above = resources.find((resource) => resource.path === path);
  if (!above) return;
  for await (const views of viewsIn(ctx, above, {})) {
    for (const view of views) {
      if (!part) yield { [field]: view.id };
      else for (const id of part.ids(view)) yield { [field]: view.id, [part.field]: id };
    }
  }
}

/**
 * Every record of a type, page by page in the order of its lists, as they stand: one Query and one read a page, nothing
 * that is not of it. `resources` has the types that it may be nested in.
 */
export async function* recordsOf(
  ctx: Context,
  resources: readonly Resource[],
  resource: Resource,
): AsyncGenerator<Stored[]> {
  for await (const parents of parentsOf(ctx, resources, resource)) {
    for await (const views of viewsIn(ctx, resource, parents)) {
      const ids = views.map(({ id }) => id);
      const found = new Map((await findRecords(ctx, resource, ids)).map((stored) => [stored.view.id, stored]));
      yield ids.flatMap((id) => found.get(id) ?? []);
    }
  }
}
