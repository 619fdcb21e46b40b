import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  APPROVAL,
  makeApprovedFamily,
  makeAssignment,
  makeChild,
  makeFamily,
  makePlacement,
} from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const codes = (reasons: readonly { code: string }[]) => reasons.map(({ code }) => code).sort();
const matchesOf = async (
  by: Caller,
  { id }: { id: string },
  query: Record<string, string> = {},
): Promise<Reply['body'][]> => (await by.get(`/children/${id}/matches`, query)).body.items;

describe('the matches of a child', () => {
  it('are the families with a free approved place, and no others', async () => {
    const caller = await livline.freshMunicipality();
    const child = await makeChild(caller);
    const free = await makeApprovedFamily(caller, { alias: 'Ledig', approval: { ...APPROVAL, places: 1 } });
    const full = await makeApprovedFamily(caller, { alias: 'Optaget', approval: { ...APPROVAL, places: 1 } });
    await makeFamily(caller, { alias: 'Ikke godkendt', status: 'active' });
    await makeApprovedFamily(caller, { alias: 'Pause', status: 'paused' });
    const placement = await makePlacement(caller, { familyId: full.id, status: 'active' });
    expect((await matchesOf(caller, child)).map(({ familyId }) => familyId)).toEqual([free.id]);
    await caller.status(`/placements/${placement.id}`, 1, { status: 'ended', reason: 'planned' });
    expect((await matchesOf(caller, child)).map(({ alias }) => alias).sort()).toEqual(['Ledig', 'Optaget']);
  });

  it('are ranked, each with what speaks for it and against it', async () => {
    const caller = await livline.freshMunicipality();
    const child = await makeChild(caller, { birthYear: 2014, needs: ['ADHD'] });
    const skilled = await makeApprovedFamily(caller, { alias: 'Kan ADHD', skills: ['adhd'] });
    await makeAssignment(caller, { familyId: skilled.id });
    await makeApprovedFamily(caller, { alias: 'Presset', pressure: 'high' });
    const risky = await makeApprovedFamily(caller, { alias: 'Risiko', approval: { ...APPROVAL, places: 1 } });
    await caller.post('/risk-flags', { familyId: risky.id, reasons: ['conflict'], level: 'medium' });
    await makeApprovedFamily(caller, {
      alias: 'Kun små og støtteophold',
      approval: { ...APPROVAL, ageMax: 6, careForms: ['stoetteophold'] },
    });
    const items = await matchesOf(caller, child);
    expect(items.map(({ alias }) => alias)).toEqual(['Kan ADHD', 'Presset', 'Risiko', 'Kun små og støtteophold']);
    const [first, second, third, last] = items;
    expect(first).toMatchObject({ familyId: skilled.id, possible: true, freePlaces: 2, against: [] });
    expect(codes(first.for)).toEqual([
      'age_in_range',
      'approved_for_care_form',
      'has_consultant',
      'has_skill',
      'several_places',
    ]);
    expect(codes(second.against)).toEqual(['high_pressure', 'no_consultant']);
    expect(codes(third.against)).toEqual(['no_consultant', 'raised_risk']);
    expect(last.possible).toBe(false);
    expect(codes(last.against)).toEqual(['age_outside_range', 'no_consultant', 'not_approved_for_care_form']);
    const stays = await matchesOf(caller, child, { careForm: 'stoetteophold' });
    expect(codes(stays.at(-1).against)).toEqual(['age_outside_range', 'no_consultant']);
  });

  it('put a family that the child knows first, and a network family of another child last', async () => {
    const caller = await livline.freshMunicipality();
    const [child, other] = [await makeChild(caller), await makeChild(caller)];
    await makeApprovedFamily(caller, { alias: 'Fremmed' });
    const approval = { ...APPROVAL, childId: other.id };
    await makeApprovedFamily(caller, { alias: 'Netværk', kind: 'netvaerk', approval });
    const known = await makeApprovedFamily(caller, { alias: 'Kendt' });
    const stay = { familyId: known.id, childId: child.id, type: 'stoetteophold', startsOn: '2025-01-01' };
    await makePlacement(caller, { ...stay, status: 'ended', endReason: 'planned' });
    const items = await matchesOf(caller, child);
    expect(items.map(({ alias, possible }) => [alias, possible])).toEqual([
      ['Kendt', true],
      ['Fremmed', true],
      ['Netværk', false],
    ]);
    expect(codes(items[0].for)).toContain('known_to_child');
    expect(codes(items[2].against)).toContain('network_of_another_child');
  });

  it('tell a family whose approval is not valid on the day from one whose is', async () => {
    const caller = await livline.freshMunicipality();
    const child = await makeChild(caller);
    await makeApprovedFamily(caller, { alias: 'Udløbet', approval: { ...APPROVAL, to: '2026-11-19' } });
    await makeApprovedFamily(caller, { alias: 'Gyldig', approval: { ...APPROVAL, to: '2026-11-20' } });
    const items = await matchesOf(caller, child);
    expect(items.map(({ alias, possible }) => [alias, possible])).toEqual([
      ['Gyldig', true],
      ['Udløbet', false],
    ]);
  });

  it('say nothing of the child’s needs to who may not read them', async () => {
    const caller = await livline.freshMunicipality();
    const child = await makeChild(caller, { needs: ['selvskade'] });
    await makeApprovedFamily(caller, { skills: ['selvskade'] });
    const some = caller.withScopes('children:read', 'families:read', 'placements:read');
    const reply = await some.get(`/children/${child.id}/matches`);
    expect(codes(reply.body.items[0].for)).not.toContain('has_skill');
    expect(reply.text).not.toContain('selvskade');
    expect(codes((await matchesOf(caller, child))[0].for)).toContain('has_skill');
  });

  it('are one Query beside the child and its placements, in one round trip', async () => {
    const caller = await livline.freshMunicipality();
    const child = await makeChild(caller);
    await makeApprovedFamily(caller);
    const requests = await livline.requestsOf(() => matchesOf(caller, child));
    expect(requests.map(({ command }) => command).sort()).toEqual(['GetItem', 'GetItem', 'Query']);
    expect(await livline.roundTripsOf(() => matchesOf(caller, child))).toBe(1);
  });

  it('need a child of this municipality and the scopes of what they look at', async () => {
    const [caller, foreign] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    for (const id of [(await makeChild(foreign)).id, randomUUID(), 'none']) {
      expectProblem(await caller.get(`/children/${id}/matches`), 404, 'not_found');
    }
    const { id } = await makeChild(caller);
    for (const scopes of [
      ['children:read', 'families:read'],
      ['families:read', 'placements:read'],
      ['children:read', 'placements:read'],
    ]) {
      expectProblem(await caller.withScopes(...scopes).get(`/children/${id}/matches`), 403, 'forbidden');
    }
    const wrong = await caller.get(`/children/${id}/matches`, { careForm: 'weekend' });
    expectProblem(wrong, 422, 'validation_failed', '/query/careForm');
  });
});
