import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { CONTACT, makeConsultant, makeContact, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
let caller: Caller;
beforeAll(async () => {
  livline = await startLivline();
  caller = await livline.freshMunicipality();
});

describe('a contact', () => {
  it('says when, by which channel, for which purpose, for how long and about what', async () => {
    const whole = {
      ...CONTACT,
      familyId: (await makeFamily(caller)).id,
      consultantId: (await makeConsultant(caller)).id,
      tags: ['school', 'sleep'],
      note: 'En god snak om sengetider.',
    };
    const made = await makeContact(caller, whole);
    expect(made).not.toHaveProperty('note');
    expect((await caller.get(`/contacts/${made.id}`)).body).toMatchObject(whole);
    for (const [field, value] of [
      ['channel', 'fax'],
      ['purpose', 'chat'],
      ['minutes', -1],
    ] as const) {
      expectProblem(
        await caller.post('/contacts', { ...whole, [field]: value }),
        422,
        'validation_failed',
        `/${field}`,
      );
    }
    for (const field of ['familyId', 'consultantId']) {
      const reply = await caller.post('/contacts', { ...whole, [field]: randomUUID() });
      expectProblem(reply, 422, 'unknown_reference', `/${field}`);
    }
  });

  it('lies not in the future, and stays with its family', async () => {
    const { id, familyId, consultantId } = await makeContact(caller);
    const later = { ...CONTACT, familyId, consultantId, at: '2026-11-20T10:00:00Z' };
    expectProblem(await caller.post('/contacts', later), 422, 'validation_failed', '/at');
    const { id: other } = await makeFamily(caller);
    expectProblem(await caller.patch(`/contacts/${id}`, { familyId: other }, 1), 422, 'validation_failed', '/familyId');
  });

  it('is listed by family and by consultant, the latest first, and stands in the timeline', async () => {
    const first = await makeContact(caller, { at: '2026-11-01T09:00:00.000Z' });
    const { familyId, consultantId } = first;
    const second = await makeContact(caller, { familyId, consultantId, at: '2026-11-08T09:00:00.000Z' });
    for (const query of [{ familyId }, { consultantId }]) {
      expect((await caller.get('/contacts', query)).body.items).toEqual([second, first]);
    }
    const timeline = (await caller.get(`/families/${familyId}/timeline`)).body.items;
    expect(timeline.map(({ type, record }: Reply['body']) => [type, record.id])).toEqual([
      ['contacts', second.id],
      ['contacts', first.id],
    ]);
  });
});
