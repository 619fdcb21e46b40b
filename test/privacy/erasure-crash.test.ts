import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { Buckets } from '#shared/archive/bucket.ts';
import { workerContext } from '#shared/auth/system.ts';
import { eraseRequested } from '#shared/privacy/erase.ts';
import { type AnyRow, contentOf, restore } from '#test/support/content.ts';
import { makeAction, makeChild, makeErasure } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { atEveryCall } from '#test/support/mortal.ts';
import { remainderIn } from '#test/support/planted.ts';

let livline: Livline;
let at: Caller;
let before: AnyRow[];
let ids: string[];

beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const caseRefs = [{ system: 'DUBU', caseNumber: 'SLETMIG-1' }];
  const { id } = await makeChild(at, { alias: 'SLETMIG', custody: 'GEMTNAVN', caseRefs });
  const action = await makeAction(at, { title: 'SLETMIG', about: { type: 'child', id }, caseRefs });
  await makeErasure(at, { subject: { type: 'child', id }, cause: 'retention' });
  ids = [id, action.id];
  before = await contentOf(livline.store);
});

/** What a round of the lifecycle does about the erasures of the municipality. */
async function round(store = livline.storeOf('lifecycle'), buckets = livline.leaving.buckets): Promise<void> {
  const ctx = await workerContext(store, at.code, 'test-request', livline.now());
  if (ctx) await eraseRequested(ctx, () => true, { buckets });
}

describe('an erasure whose process dies before its first call or after any', () => {
  it('is done by the rounds that come after, each change once', async () => {
    const start = livline.now().getTime();
    const calls = await atEveryCall(async (life, lastCall) => {
      await restore(livline.store, before);
      (livline.objects as Map<string, Buffer>).clear();
      livline.advance((start - livline.now().getTime()) / 1000);
      const buckets: Buckets = (code, shelf) => {
        const bucket = livline.leaving.buckets(code, shelf);
        return { ...bucket, put: life.guard(bucket.put), get: life.guard(bucket.get) };
      };
      for (const _ of [1, 2]) {
        await round(life.store(livline.storeOf('lifecycle')), buckets).catch(() => undefined);
        livline.advance(61);
      }
      await life.over();
      await round();
      livline.advance(61);
      await round();

      const told = `dead after call ${lastCall}`;
      const rows = await contentOf(livline.store);
      const erasure = JSON.parse(rows.find(({ type }) => type === 'erasures')?.['view']);
      expect(erasure, told).toMatchObject({ status: 'completed', erased: 1, kept: 0 });
      expect(remainderIn(rows, at.code, ids), told).toEqual([]);
      const lines = livline.objects.get(`archive/${at.code}/${ids[0]}.ndjson`)?.toString().trim().split('\n') ?? [];
      const archived = lines.map((line) => JSON.parse(line)).map(({ id, version }) => `${id} ${version}`);
      expect(archived.sort(), told).toEqual([`${ids[0]} 2`, `${ids[1]} 1`].sort());
      const events = rows.filter(({ type }) => type === 'event').map(({ name }) => name);
      for (const name of ['child.deleted', 'action.updated'])
        expect(
          events.filter((one) => one === name),
          told,
        ).toHaveLength(1);
    });
    expect(calls).toBeGreaterThan(20);
  }, 60_000);
});
