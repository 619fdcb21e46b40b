import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { stewardContext } from '#shared/auth/system.ts';
import { ARCHIVED_FIELD, type ArchivedRecord } from '#shared/privacy/archive-subject.ts';
import type { Fields } from '#shared/record/resource.ts';
import { openFields } from '#shared/record/sealing.ts';
import { controlTable } from '#shared/tenancy/control.ts';
import { loadMunicipality } from '#shared/tenancy/municipality-row.ts';
import {
  makeApprovedFamily,
  makeCall,
  makeChild,
  makeConcernReport,
  makeErasure,
  makeFamily,
  makeGroup,
  makeLegalHold,
  makePlacement,
  makeSession,
  makeVisit,
} from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { remainderOf } from '#test/support/planted.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const MONTH_S = 31 * 86_400;
const keep = (caller: Caller, retentionMonths: number | null) => livline.configure(caller, { retentionMonths });
/** A municipality that keeps families and children for a year. */
async function forgetful(): Promise<Caller> {
  const caller = await livline.freshMunicipality();
  await keep(caller, 12);
  return caller;
}
const CLOSED = { status: 'closed', statusReason: 'Flyttet' };
const requested = async (caller: Caller): Promise<Fields[]> => (await caller.get('/erasures')).body.items;
const subjects = async (caller: Caller) =>
  (await requested(caller)).map(({ subject }) => (subject as { id: string }).id).sort();

interface Line {
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly record: Fields;
}

/** What is in somebody's archive, opened with the municipality's key. */
async function archiveOf(caller: Caller, id: string): Promise<Line[]> {
  const store = livline.storeOf('lifecycle');
  const { tenant } = await loadMunicipality(controlTable(store), caller.code);
  const ctx = stewardContext(store, tenant, 'test-request', livline.now());
  const text = livline.objects.get(`archive/${caller.code}/${id}.ndjson`)?.toString() ?? '';
  const lines = text.split('\n').filter((line) => line !== '');
  return Promise.all(
    lines.map(async (line) => {
      const { sealed, ...rest } = JSON.parse(line);
      const opened = await openFields(ctx, rest.id, { [ARCHIVED_FIELD]: sealed });
      const { view, sensitive } = opened[ARCHIVED_FIELD] as ArchivedRecord;
      return { ...rest, record: { ...view, ...sensitive.S, ...sensitive.SS } };
    }),
  );
}

/** The rounds in which what is due is requested and erased. */
async function rounds(): Promise<void> {
  for (const _ of [1, 2, 3]) {
    await livline.lifecycle();
    livline.advance(61);
  }
}

describe('the retention of a municipality', () => {
  it('is chosen by the operator: at least twelve months, and never unless it is', async () => {
    const caller = await livline.freshMunicipality();
    for (const months of [11, 0, 1.5, 1_201])
      expectProblem(await keep(caller, months), 422, 'validation_failed', '/retentionMonths');
    expect((await keep(caller, 12)).body.retentionMonths).toBe(12);
    expect((await keep(caller, null)).body).not.toHaveProperty('retentionMonths');
  });
});

describe('a purge', () => {
  it('erases a family that was closed for that time, archived first: everything, whole', async () => {
    const caller = await forgetful();
    const carelink = (await livline.freshPartner('carelink', [caller.code]))(caller.code);
    const { id } = await makeFamily(caller, { ...CLOSED, alias: 'SLETMIG', outsideWork: 'GEMTNAVN' });
    const call = await makeCall(caller, { familyId: id, note: 'GEMTNAVN', outcome: 'SLETMIG' });
    const session = await makeSession(carelink, { familyId: id, reflection: 'GEMTNAVN' });
    const report = await makeConcernReport(caller, {
      source: { type: 'call', id: call.id },
      note: 'GEMTNAVN',
      status: 'handed_over',
      statusReason: 'SLETMIG',
    });
    livline.advance(13 * MONTH_S);
    await rounds();

    const [erasure] = await requested(caller);
    const object = livline.objects.get(`archive/${caller.code}/${id}.ndjson`) as Buffer;
    expect(erasure).toMatchObject({
      subject: { type: 'family', id },
      cause: 'retention',
      status: 'completed',
      erased: 3,
      archive: { object: `${id}.ndjson`, sha256: createHash('sha256').update(object).digest('hex'), records: 4 },
    });
    expect(object.toString()).not.toMatch(/SLETMIG|GEMTNAVN/);
    const archived = new Map((await archiveOf(caller, id)).map((line) => [line.id, line]));
    expect(archived.get(id)).toMatchObject({ type: 'families', record: { alias: 'SLETMIG', outsideWork: 'GEMTNAVN' } });
    expect(archived.get(call.id)).toMatchObject({ version: 1, record: { note: 'GEMTNAVN', outcome: 'SLETMIG' } });
    expect(archived.get(session.id)?.record).toMatchObject({ reflection: 'GEMTNAVN' });
    expect(archived.get(report.id)?.record).toMatchObject({ note: 'GEMTNAVN', receipt: 'SLETMIG' });
    expect(await remainderOf(livline, caller.code, [id, call.id, session.id, report.id])).toEqual([]);
  });

  it('erases a child of whom nothing was heard for that time, and none that is placed or was of late', async () => {
    const caller = await forgetful();
    const { id: familyId } = await makeApprovedFamily(caller);
    const [forgotten, visited, reported] = [await makeChild(caller), await makeChild(caller), await makeChild(caller)];
    const past = { familyId, type: 'stoetteophold', startsOn: '2026-01-01', endsOn: '2026-06-30', status: 'ended' };
    const ended = await makePlacement(caller, { ...past, childId: forgotten.id, endReason: 'planned' });
    const visit = { ...past, childId: visited.id, endReason: 'planned' };
    const { id: placementId } = await makePlacement(caller, visit);
    const placed = await makePlacement(caller, { familyId, type: 'stoetteophold', status: 'active' });
    livline.advance(13 * MONTH_S);
    await makeVisit(caller, { placementId, at: livline.now().toISOString() });
    await makeConcernReport(caller, {
      source: { type: 'child', id: reported.id },
      receivedAt: livline.now().toISOString(),
      status: 'handed_over',
      statusReason: 'Journal 26/4711',
    });
    await rounds();
    expect(await subjects(caller)).toEqual([forgotten.id]);
    expect((await archiveOf(caller, forgotten.id)).map(({ id }) => id).sort()).toEqual([forgotten.id, ended.id].sort());
    expect((await caller.get(`/children/${placed.childId}`)).status).toBe(200);
    expect((await caller.get(`/families/${familyId}`)).status).toBe(200);
  });

  it('leaves a family that is not closed, was closed or changed of late, or of which something was heard', async () => {
    const caller = await forgetful();
    const old = [await makeFamily(caller), await makeFamily(caller, CLOSED), await makeFamily(caller, CLOSED)];
    const due = await makeFamily(caller, CLOSED);
    const group = await makeGroup(caller, { familyIds: [due.id] });
    livline.advance(13 * MONTH_S);
    await makeFamily(caller, CLOSED);
    await caller.patch(`/families/${old[1].id}`, { externalId: 'F-1' }, 1);
    await makeCall(caller, { familyId: old[2].id, receivedAt: livline.now().toISOString() });
    // What is about others as well says nothing of this family.
    await caller.patch(`/supervision-groups/${group.id}`, { name: 'Hold 2' }, 1);
    await rounds();
    expect(await subjects(caller)).toEqual([due.id]);
  });

  it('leaves whom a hold is on, and archives nothing of them', async () => {
    const caller = await forgetful();
    const { id } = await makeFamily(caller, CLOSED);
    const hold = await makeLegalHold(caller, { subject: { type: 'family', id } });
    livline.advance(13 * MONTH_S);
    await rounds();
    expect(await requested(caller)).toEqual([]);
    expect(await archiveOf(caller, id)).toEqual([]);
    const colleague = (await livline.freshPartner(`partner-${caller.code}`, [caller.code]))(caller.code);
    await colleague.status(`/legal-holds/${hold.id}`, 1, { status: 'lifted', reason: 'Afgjort' });
    livline.advance(86_400);
    await rounds();
    expect(await requested(caller)).toMatchObject([{ subject: { id }, status: 'completed' }]);
  });

  it('is made once a day, and where nothing is due it reads nobody', async () => {
    const caller = await forgetful();
    await makeFamily(caller);
    await makeChild(caller);
    await livline.lifecycle();
    const again = await livline.requestsOf(() => livline.lifecycle());
    const looked = again.filter(({ input }) => JSON.stringify(input).includes(`T#${caller.code}#L#families`));
    expect(looked).toEqual([]);
    livline.advance(86_400);
    const next = await livline.requestsOf(() => livline.lifecycle());
    const queries = next.filter(({ command, input }) => command === 'Query' && input.IndexName === 'changed');
    const ours = queries.filter(({ input }) => JSON.stringify(input).includes(`T#${caller.code}#`));
    expect(ours).toHaveLength(2);
    expect(next.filter(({ input }) => JSON.stringify(input).includes(`T#${caller.code}#O#`))).toEqual([]);
  });

  it('never happens in a municipality that keeps its record for good', async () => {
    const caller = await livline.freshMunicipality();
    await makeFamily(caller, CLOSED);
    livline.advance(40 * MONTH_S);
    await rounds();
    expect(await requested(caller)).toEqual([]);
  });
});

describe('an erasure by retention', () => {
  it('waits for a record that was changed after it was archived until that is archived too', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, CLOSED);
    const call = await makeCall(caller, { familyId: id, outcome: 'SLETMIG' });
    const { id: erasureId } = await makeErasure(caller, { subject: { type: 'family', id }, cause: 'retention' });
    await livline.lifecycle();
    livline.advance(61);
    // It dies when it has archived and notes that.
    await livline.killedAt('sending', 'TransactWriteItems', () => livline.lifecycle().catch(() => undefined));
    expect(await archiveOf(caller, id)).toHaveLength(2);
    await caller.patch(`/calls/${call.id}`, { outcome: 'SLETMIG senere' }, 1);
    await livline.lifecycle();
    const erasure = (await caller.get(`/erasures/${erasureId}`)).body;
    expect(erasure).toMatchObject({ status: 'completed', archive: { records: 3 } });
    const outcomes = (await archiveOf(caller, id)).flatMap(({ record }) => record['outcome'] ?? []);
    expect(outcomes).toEqual(['SLETMIG', 'SLETMIG senere']);
  });

  it('archives nothing where a person asked for it', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, CLOSED);
    await makeErasure(caller, { subject: { type: 'family', id } });
    await rounds();
    expect((await requested(caller))[0]).toMatchObject({ status: 'completed' });
    expect(await archiveOf(caller, id)).toEqual([]);
  });
});
