import { expect } from 'vitest';
import type { Caller } from './livline.ts';
import { pages } from './pages.ts';

/** One version of a record, as its history shows it. */
export interface Version {
  readonly version: number;
  readonly status?: string;
  readonly event: string;
  readonly action: string;
  readonly at: string;
  readonly actor: { readonly kind: string; readonly id: string };
  readonly changed: readonly string[];
}

/** The whole history of the record at a path, the first version first. */
export const historyOf = async (by: Caller, path: string): Promise<Version[]> =>
  (await pages(by, `${path}/history`, { limit: '4' })).flat().toReversed();

/** The versions of a record, one after the other without a hole, lead to the record as it stands. */
export async function expectReplay(by: Caller, path: string): Promise<Version[]> {
  const history = await historyOf(by, path);
  const { body: stored } = await by.get(path);
  const [first, last] = [history[0] as Version, history.at(-1) as Version];
  expect(history.map(({ version }) => version)).toEqual(history.map((_, at) => at + 1));
  expect(first).toMatchObject({ action: 'created', at: stored.createdAt, actor: { id: stored.createdBy } });
  const { version, status, updatedAt: at, updatedBy: id } = stored;
  expect(last).toMatchObject({ version, ...(status !== undefined && { status }), at, actor: { id } });
  return history;
}
