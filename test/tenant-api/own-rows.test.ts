import { beforeAll, describe, expect, it } from 'vitest';
import { PRESETS, TENANT_SCOPES } from '#shared/auth/scopes.ts';
import * as make from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

/**
 * A municipality's record in which a partner whose grant says `rows: "own"` works beside the municipality and beside another
 * partner. What the partner is shown of it is what its own organisation wrote.
 */
let livline: Livline;
let municipality: Caller;
let partner: Caller;
let other: Caller;

/** Every scope that may go with own rows. */
const SCOPES = TENANT_SCOPES.filter((scope) => !/^(audit|grants|privacy):/.test(scope));
const CASE = '27.03.00-G01-77-26';
const caseRefs = [{ system: 'DUBU', caseNumber: CASE }];
const adults = [{ name: 'Anne Prøve', phone: '70605040', cpr: '6101772345' }];
type Made = Awaited<ReturnType<typeof make.makeFamily>>;
const made = {} as Record<'mine' | 'theirs' | 'others', Made>;

beforeAll(async () => {
  livline = await startLivline();
  municipality = await livline.freshMunicipality();
  partner = (await livline.freshPartner('carelink', [municipality.code], SCOPES, 'own'))(municipality.code);
  other = (await livline.freshPartner('andre', [municipality.code], SCOPES, 'own'))(municipality.code);
  const family = { adults, caseRefs };
  made.mine = await make.makeApprovedFamily(partner, { ...family, alias: 'Min', externalId: 'F-1' });
  made.theirs = await make.makeApprovedFamily(municipality, { ...family, alias: 'Kommunens', externalId: 'F-1' });
  made.others = await make.makeApprovedFamily(other, { ...family, alias: 'Den andens', externalId: 'F-1' });
  await livline.relay();
});

const idsOf = ({ body }: { body: { items: { id: string }[] } }): string[] => body.items.map(({ id }) => id);

describe('a partner that sees its own rows', () => {
  it('reads what it wrote, and gets for all else the answer that an unknown id gets', async () => {
    expect((await partner.get(`/families/${made.mine.id}`)).body.alias).toBe('Min');
    for (const { id } of [made.theirs, made.others]) {
      for (const path of ['', '/history', '/timeline']) {
        expectProblem(await partner.get(`/families/${id}${path}`), 404, 'not_found');
      }
      expectProblem(await partner.patch(`/families/${id}`, { capacity: 3 }, 1), 404, 'not_found');
      expectProblem(await partner.status(`/families/${id}`, 1, { status: 'active' }), 404, 'not_found');
    }
  });

  it('lists what it wrote, in every order and by every filter', async () => {
    const lists: Record<string, string>[] = [
      {},
      { kind: 'almen' },
      { status: 'active' },
      { pressure: 'normal' },
      { changedSince: '2026-01-01T00:00:00Z' },
    ];
    for (const query of lists) expect(idsOf(await partner.get('/families', query))).toEqual([made.mine.id]);
    expect(idsOf(await municipality.get('/families'))).toHaveLength(3);
  });

  it('has its pages in full: the rows of others take no place in them', async () => {
    const second = await make.makeFamily(partner, { alias: 'Mine' });
    const page = await partner.get('/families', { limit: '1' });
    expect(idsOf(page)).toEqual([made.mine.id]);
    const rest = await partner.get('/families', { limit: '2', cursor: page.body.nextCursor });
    expect(idsOf(rest)).toEqual([second.id]);
    expect(rest.body).not.toHaveProperty('nextCursor');
  });

  it('finds by case, telephone and CPR number what it wrote', async () => {
    const { items } = (await partner.get('/records', { caseNumber: CASE })).body;
    expect(items.map(({ record }: { record: { id: string } }) => record.id)).toEqual([made.mine.id]);
    for (const body of [{ phone: '70605040' }, { cpr: '610177-2345' }]) {
      expect(idsOf(await partner.post('/families/lookup', body))).toEqual([made.mine.id]);
      expect(idsOf(await municipality.post('/families/lookup', body))).toHaveLength(3);
    }
  });

  it('finds under the external ids of another organisation nothing', async () => {
    expect((await partner.get('/families/external/carelink/F-1')).body.id).toBe(made.mine.id);
    for (const source of ['municipal', 'andre']) {
      expectProblem(await partner.get(`/families/external/${source}/F-1`), 404, 'not_found');
    }
  });

  it('sees on the timeline of its family what it wrote about the family', async () => {
    const mine = await make.makeContact(partner, { familyId: made.mine.id });
    const theirs = await make.makeContact(municipality, { familyId: made.mine.id });
    const idsIn = async (by: Caller) =>
      (await by.get(`/families/${made.mine.id}/timeline`)).body.items.map(
        ({ record }: { record: { id: string } }) => record.id,
      );
    expect(await idsIn(municipality)).toEqual(expect.arrayContaining([mine.id, theirs.id]));
    expect(await idsIn(partner)).toContain(mine.id);
    expect(await idsIn(partner)).not.toContain(theirs.id);
    expectProblem(await partner.get(`/contacts/${theirs.id}`), 404, 'not_found');
  });

  it('has an overview of its own families, made of what it wrote about them', async () => {
    await make.makeRiskFlag(municipality, { familyId: made.mine.id, level: 'high' });
    const overview = async (by: Caller, query = {}) => (await by.get('/family-overviews', query)).body.items;
    const find = (items: { familyId: string }[]) => items.find(({ familyId }) => familyId === made.mine.id);
    expect(find(await overview(municipality))).toMatchObject({ riskLevel: 'high' });
    const own = await overview(partner);
    expect(own.map(({ alias }: { alias: string }) => alias).sort()).toEqual(['Min', 'Mine']);
    expect(find(own)).not.toHaveProperty('riskLevel');
    await make.makeRiskFlag(partner, { familyId: made.mine.id, level: 'low' });
    expect(find(await overview(partner))).toMatchObject({ riskLevel: 'low' });
    expect(find(await overview(partner, { attention: 'true' }))).toMatchObject({ attention: ['no_consultant'] });
    const consultantId = (await make.makeConsultant(partner)).id;
    await make.makeAssignment(partner, { familyId: made.mine.id, consultantId });
    expect(await overview(partner, { consultantId })).toHaveLength(1);
    expect(find(await overview(partner, { withoutConsultant: 'true' }))).toBeUndefined();
  });

  it('matches a child of its own with families of its own', async () => {
    const child = await make.makeChild(partner);
    const { items } = (await partner.get(`/children/${child.id}/matches`)).body;
    expect(items.map(({ familyId }: { familyId: string }) => familyId)).toEqual([made.mine.id]);
    const theirs = await make.makeChild(municipality);
    expectProblem(await partner.get(`/children/${theirs.id}/matches`), 404, 'not_found');
  });

  it('keeps seeing its record when the municipality changes it, and its history when it is gone', async () => {
    const contact = await make.makeContact(partner, { familyId: made.mine.id, minutes: 10 });
    const changed = await municipality.patch(`/contacts/${contact.id}`, { minutes: 20 }, contact.version);
    expect(changed.status).toBe(200);
    const { items } = (await partner.get('/contacts', { familyId: made.mine.id })).body;
    expect(items.find(({ id }: { id: string }) => id === contact.id)).toMatchObject({ minutes: 20, version: 2 });
  });

  it('names in what it writes its own records and reference data, and others only as it would an unknown id', async () => {
    const contact = { channel: 'phone', purpose: 'follow_up', minutes: 30, at: '2026-11-20T08:00:00Z', note: 'Aftalt' };
    const consultantId = (await make.makeConsultant(partner)).id;
    const refused = await partner.post('/contacts', { ...contact, consultantId, familyId: made.theirs.id });
    expectProblem(refused, 422, 'unknown_reference', '/familyId');
    const institution = await make.makeInstitution(municipality);
    const staff = { name: 'Medarbejder B', role: 'Pædagog', specialties: [] };
    expect((await partner.post(`/institutions/${institution.id}/staff`, staff)).status).toBe(201);
  });

  it('is told by a rule that spans records nothing of a family that it may not name', async () => {
    const closed = await make.makeFamily(municipality);
    await municipality.status(`/families/${closed.id}`, closed.version, { status: 'closed', reason: 'Flyttet' });
    const childId = (await make.makeChild(partner)).id;
    const placement = { childId, type: 'doegn', legalBasis: 'SL §66', startsOn: '2026-11-20', status: 'active' };
    const { status, body } = await partner.post('/placements', { ...placement, familyId: closed.id });
    const unknown = await partner.post('/placements', {
      ...placement,
      familyId: '01930000-0000-7000-8000-0000000000ff',
    });
    expect({ status, type: body.type, errors: body.errors }).toEqual({
      status: 422,
      type: '/problems/unknown_reference',
      errors: unknown.body.errors,
    });
  });

  it('reads reference data, whoever wrote it, and changes only its own', async () => {
    const theirs = await make.makeInstitution(municipality);
    const own = await make.makeInstitution(partner, { name: 'Carelinks hus' });
    const listed = idsOf(await partner.get('/institutions'));
    expect(listed).toEqual(expect.arrayContaining([theirs.id, own.id]));
    expect((await partner.get(`/institutions/${theirs.id}`)).status).toBe(200);
    expectProblem(await partner.patch(`/institutions/${theirs.id}`, { name: 'X' }, 1), 403, 'forbidden');
    expect((await partner.patch(`/institutions/${own.id}`, { name: 'X' }, 1)).status).toBe(200);
  });

  it('sees its own endpoints, their deliveries and their keys', async () => {
    const endpoint = { url: 'https://sag.example.dk/livline', signatures: ['v1a'] };
    const theirs = (await municipality.post('/webhook-endpoints', endpoint)).body;
    const own = (await partner.post('/webhook-endpoints', endpoint)).body;
    await make.makeFamily(municipality);
    await make.makeFamily(partner);
    await livline.relay();
    expect(idsOf(await partner.get('/webhook-endpoints'))).toEqual([own.id]);
    const { keys } = (await partner.get('/webhook-keys')).body;
    expect(keys.map(({ kid }: { kid: string }) => kid)).toEqual([own.id]);
    expect((await partner.get(`/webhook-endpoints/${own.id}/deliveries`)).body.items).not.toEqual([]);
    const [delivery] = (await municipality.get(`/webhook-endpoints/${theirs.id}/deliveries`)).body.items;
    const path = `/webhook-endpoints/${theirs.id}/deliveries`;
    expectProblem(await partner.get(path), 404, 'not_found');
    expectProblem(await partner.get(`${path}/${delivery.id}/attempts`), 404, 'not_found');
    expectProblem(await partner.post(`${path}/${delivery.id}/resend`, {}), 404, 'not_found');
  });
});

describe('the feed of a partner that sees its own rows', () => {
  it('has the events about what its organisation wrote, whoever changed it, and no other', async () => {
    await municipality.patch(`/families/${made.mine.id}`, { capacity: 4 }, made.mine.version);
    await livline.relay();
    const { items } = (await partner.get('/events', { types: 'family.*', limit: '200' })).body;
    const subjects = new Set(items.map(({ subject }: { subject: string }) => subject));
    expect(subjects).toContain(made.mine.id);
    expect(subjects).not.toContain(made.theirs.id);
    expect(subjects).not.toContain(made.others.id);
    expect(items.at(-1).data).toMatchObject({ objectId: made.mine.id, changed: ['capacity'] });
  });

  it('gives each event once to whoever follows next, however small the pages', async () => {
    const all = (await partner.get('/events', { limit: '200' })).body;
    const seen: string[] = [];
    let after = 0;
    for (;;) {
      const { items, next } = (await partner.get('/events', { after: String(after), limit: '2' })).body;
      if (next === after) break;
      seen.push(...items.map(({ id }: { id: string }) => id));
      after = next;
    }
    expect(seen).toEqual(all.items.map(({ id }: { id: string }) => id));
    expect(seen.length).toBeGreaterThan(10);
  });

  it('is one Query, and shows the types that the client may read', async () => {
    const narrow = partner.withScopes('events:read', 'families:read');
    await narrow.get('/events');
    const requests = await livline.requestsOf(() => narrow.get('/events', { limit: '200' }));
    expect(requests.map(({ command, input }) => [command, input.IndexName])).toEqual([['Query', 'filter1']]);
    const { items } = (await narrow.get('/events', { limit: '200' })).body;
    const types = new Set(items.map(({ data }: { data: { objectType: string } }) => data.objectType));
    expect([...types]).toEqual(['family']);
  });
});

it('a partner with the preset for partners works with its own rows', async () => {
  const at = await livline.freshPartner('preset', [municipality.code], PRESETS.partner, 'own');
  const by = at(municipality.code);
  const family = await make.makeFamily(by);
  expect(idsOf(await by.get('/families'))).toEqual([family.id]);
});
