import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { RESOURCES } from '#shared/resources/registry.ts';
import { makeCall, makeFamily, makeInstitution, makeShift, makeStaff } from '#test/support/examples.ts';
import { expectReplay, historyOf } from '#test/support/history.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { pages } from '#test/support/pages.ts';
import { expectProblem, withoutInstance } from '#test/support/problems.ts';
import { makeOf, pathOf } from '#test/support/records.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

describe('the history of a record', () => {
  it('is each version with who, when, which fields and the status it had then, the latest first', async () => {
    const caller = await livline.freshMunicipality();
    const begun = livline.now().toISOString();
    const { id } = await makeFamily(caller, { status: 'approved' });
    livline.advance(3600);
    await caller.status(`/families/${id}`, 1, { status: 'active' });
    const activated = livline.now().toISOString();
    livline.advance(60);
    await caller.patch(`/families/${id}`, { pressure: 'high', capacity: null, careForms: ['stoetteophold'] }, 2);
    livline.advance(60);
    await caller.status(`/families/${id}`, 3, { status: 'closed', reason: 'Flyttet' });
    await livline.relay();
    const actor = { kind: 'client', id: caller.clientId };
    expect((await caller.get(`/families/${id}/history`)).body).toEqual({
      items: [
        {
          version: 4,
          status: 'closed',
          event: 'family.closed',
          action: 'ended',
          at: livline.now().toISOString(),
          actor,
          changed: expect.arrayContaining(['status', 'statusAt', 'statusReason']),
        },
        {
          version: 3,
          status: 'active',
          event: 'family.updated',
          action: 'updated',
          at: new Date(livline.now().getTime() - 60_000).toISOString(),
          actor,
          changed: expect.arrayContaining(['pressure', 'capacity', 'careForms', 'type']),
        },
        {
          version: 2,
          status: 'active',
          event: 'family.activated',
          action: 'updated',
          at: activated,
          actor,
          changed: ['status', 'statusAt'],
        },
        { version: 1, status: 'approved', event: 'family.created', action: 'created', at: begun, actor, changed: [] },
      ],
    });
  });

  it('comes one page at a time, and goes on where it was although the record has changed since', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const path = `/families/${id}`;
    for (const version of [1, 2, 3, 4, 5, 6]) await caller.patch(path, { capacity: version + 3 }, version);
    await livline.relay();
    const numbers = (items: { version: number }[]) => items.map(({ version }) => version);
    for (const limit of ['1', '2', '3', '7', '8']) {
      expect(numbers((await pages(caller, `${path}/history`, { limit })).flat())).toEqual([7, 6, 5, 4, 3, 2, 1]);
    }
    const first = await caller.get(`${path}/history`, { limit: '3' });
    await caller.patch(path, { capacity: 0 }, 7);
    await livline.relay();
    const next = await caller.get(`${path}/history`, { limit: '3', cursor: first.body.nextCursor });
    expect([numbers(first.body.items), numbers(next.body.items)]).toEqual([
      [7, 6, 5],
      [4, 3, 2],
    ]);
  });

  it('of ten versions and more is in the order of their numbers', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    for (let version = 1; version <= 11; version += 1) {
      await caller.patch(`/families/${id}`, { capacity: version % 10 }, version);
    }
    await livline.relay();
    expect(await expectReplay(caller, `/families/${id}`)).toHaveLength(12);
  });

  it('has a version once its event has its number', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    expect((await caller.get(`/families/${id}/history`)).body).toEqual({ items: [] });
    await livline.relay();
    expect((await caller.get(`/families/${id}/history`)).body.items).toMatchObject([{ version: 1 }]);
  });

  it('has no version for what changed nothing or was refused', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    await caller.patch(`/families/${id}`, { alias: 'Familien ved åen' }, 1);
    expectProblem(await caller.patch(`/families/${id}`, { capacity: 11 }, 1), 422, 'validation_failed', '/capacity');
    expectProblem(await caller.patch(`/families/${id}`, { capacity: 1 }, 7), 412, 'precondition_failed');
    await livline.relay();
    expect(await expectReplay(caller, `/families/${id}`)).toHaveLength(1);
  });

  it('stays when the record is deleted, and says by whom', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeShift(caller);
    await caller.patch(`/shifts/${id}`, { endsAt: '2026-11-23T15:00:00Z' }, 1);
    await caller.remove(`/shifts/${id}`, 2);
    await livline.relay();
    expectProblem(await caller.get(`/shifts/${id}`), 404, 'not_found');
    expect((await caller.get(`/shifts/${id}/history`)).body.items).toMatchObject([
      { version: 3, event: 'shift.deleted', action: 'deleted', actor: { id: caller.clientId }, changed: [] },
      { version: 2, event: 'shift.updated', action: 'updated', changed: ['endsAt'] },
      { version: 1, event: 'shift.created', action: 'created' },
    ]);
  });

  it('tells a partner and the municipality apart', async () => {
    const municipality = await livline.freshMunicipality();
    const carelink = (await livline.freshPartner('carelink', [municipality.code]))(municipality.code);
    const { id } = await makeFamily(carelink);
    await municipality.patch(`/families/${id}`, { pressure: 'elevated' }, 1);
    await carelink.patch(`/families/${id}`, { skills: ['teenagers'] }, 2);
    await livline.relay();
    const told = (await historyOf(municipality, `/families/${id}`)).map(({ actor, changed }) => [actor.id, changed]);
    expect(told).toEqual([
      [carelink.clientId, []],
      [municipality.clientId, ['pressure']],
      [carelink.clientId, ['skills']],
    ]);
    expect(await historyOf(carelink, `/families/${id}`)).toHaveLength(3);
  });

  it('names fields, and never shows what stood in them', async () => {
    const caller = await livline.freshMunicipality();
    const planted = {
      alias: 'PLANTET-alias',
      skills: ['PLANTET-kompetence'],
      outsideWork: 'PLANTET-arbejde',
      adults: [{ name: 'PLANTET-Anne', cpr: '610180-1234' }],
      externalId: 'PLANTET-id',
      caseRefs: [{ system: 'DUBU', caseNumber: 'PLANTET-sag' }],
    };
    const { id } = await makeFamily(caller);
    await caller.patch(`/families/${id}`, planted, 1);
    await caller.status(`/families/${id}`, 2, { status: 'closed', reason: 'PLANTET-grund' });
    await livline.relay();
    const { text, body } = await caller.get(`/families/${id}/history`);
    expect(body.items[1].changed.toSorted()).toEqual(Object.keys(planted).sort());
    expect(text).not.toMatch(/PLANTET|610180/);
  });

  it('of an id that is unknown, foreign or of another collection is not found', async () => {
    const [caller, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const [call, foreign] = [await makeCall(caller), await makeFamily(other)];
    await livline.relay();
    const unknown = await caller.get(`/families/${randomUUID()}/history`);
    for (const id of [foreign.id, call.id, 'x', randomUUID()]) {
      const reply = await caller.get(`/families/${id}/history`);
      expectProblem(reply, 404, 'not_found');
      expect(withoutInstance(reply)).toEqual(withoutInstance(unknown));
    }
  });

  it('of a nested record is found under its own parent only', async () => {
    const caller = await livline.freshMunicipality();
    const [{ id, institutionId }, other] = [await makeStaff(caller), await makeInstitution(caller)];
    await livline.relay();
    expect(await expectReplay(caller, `/institutions/${institutionId}/staff/${id}`)).toHaveLength(1);
    expectProblem(await caller.get(`/institutions/${other.id}/staff/${id}/history`), 404, 'not_found');
  });

  it('needs the scope that reading its record needs', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const path = `/families/${id}/history`;
    expect((await caller.withScopes('families:read').get(path)).status).toBe(200);
    const others = caller.scopes.filter((scope) => scope !== 'families:read');
    expectProblem(await caller.withScopes(...others).get(path), 403, 'forbidden');
  });

  it('takes no filter', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const reply = await caller.get(`/families/${id}/history`, { from: '2026-11-20' });
    expectProblem(reply, 422, 'validation_failed', '/query/from');
  });

  describe('of every resource', () => {
    let caller: Caller;
    beforeAll(async () => {
      caller = await livline.freshMunicipality();
    });

    it.each(RESOURCES)('replays to the record as it stands: $path', async (resource) => {
      const path = pathOf(resource, await makeOf(resource.path, caller));
      livline.advance(60);
      const caseRefs = [{ system: 'DUBU', caseNumber: '27.03.00-G01-12-26' }];
      const { body } = await caller.patch(path, { caseRefs }, (await caller.get(path)).body.version);
      expect(body.caseRefs).toEqual(caseRefs);
      await livline.relay();
      const history = await expectReplay(caller, path);
      expect(history.at(-1)?.changed).toEqual(['caseRefs']);
    });
  });
});
