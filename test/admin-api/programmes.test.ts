import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { adminApi } from '#functions/admin-api/app.ts';
import { allMunicipalities } from '#shared/register/register.ts';
import { contentOf, restore } from '#test/support/content.ts';
import { makeProgramme, PROGRAMME } from '#test/support/examples.ts';
import { type Caller, type Livline, OPERATOR, type Reply, startLivline } from '#test/support/livline.ts';
import { atEveryCall } from '#test/support/mortal.ts';
import { pages } from '#test/support/pages.ts';
import { expectProblem, withoutInstance, writesIn } from '#test/support/problems.ts';
import { proxyEvent } from '#test/support/proxy-event.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const create = (fields: object) => livline.operator('POST', '/programmes', { body: { ...PROGRAMME, ...fields } });
const read = (id: string) => livline.operator('GET', `/programmes/${id}`);
const change = (id: string, body: unknown, version: number) =>
  livline.operator('PATCH', `/programmes/${id}`, { body, headers: { 'if-match': `"${version}"` } });
const share = ({ code }: Caller, allocationOere: number) => ({ code, allocationOere });
const seenBy = (caller: Caller, id: string) => caller.get(`/programmes/${id}`);

describe('a programme', () => {
  it('has a name, who funds it, a grant in whole øre, a time, municipalities with their parts, and whom it is for', async () => {
    const [one, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const whole = {
      ...PROGRAMME,
      municipalities: [share(one, 400_000_000), share(other, 250_000_000)],
      eligibleKinds: ['almen', 'netvaerk'],
      eligibleCareForms: ['stoetteophold'],
    };
    const { status, headers, body } = await create(whole);
    expect({ status, location: headers['location'], etag: headers['etag'] }).toEqual({
      status: 201,
      location: `/v1/admin/programmes/${body.id}`,
      etag: '"1"',
    });
    const now = '2026-11-20T09:00:00.000Z';
    const made = { createdAt: now, createdBy: OPERATOR, updatedAt: now, updatedBy: OPERATOR };
    expect(body).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{14}7/), version: 1, ...whole, ...made });
    const found = await read(body.id);
    expect(found).toMatchObject({ status: 200, body });
    expect(found.headers['etag']).toBe('"1"');
    const known = { headers: { 'if-none-match': '"1"' } };
    expect((await livline.operator('GET', `/programmes/${body.id}`, known)).status).toBe(304);
  });

  it('is for every family and has no municipality where it names none', async () => {
    expect((await create({})).body).toMatchObject({ municipalities: [], eligibleKinds: [], eligibleCareForms: [] });
  });

  it('is listed in the order of setting up', async () => {
    const { operator, advance } = await startLivline();
    const made: unknown[] = [];
    for (const name of ['Øst', 'Vest', 'Nord']) {
      advance(1);
      made.push((await operator('POST', '/programmes', { body: { ...PROGRAMME, name } })).body);
    }
    expect((await operator('GET', '/programmes')).body).toEqual({ items: made });
  });

  it.each([
    ['no name', { name: undefined }, '/name'],
    ['a name too long to sort by', { name: 'a'.repeat(101) }, '/name'],
    ['nobody who pays', { fundingSource: ' ' }, '/fundingSource'],
    ['a grant in kroner and øre', { grantOere: 14_500_000.5 }, '/grantOere'],
    ['a grant below nothing', { grantOere: -1 }, '/grantOere'],
    ['a grant beyond ten billion kroner', { grantOere: 1_000_000_000_001 }, '/grantOere'],
    ['no last day', { to: undefined }, '/to'],
    ['a kind of family that does not exist', { eligibleKinds: ['slaegt'] }, '/eligibleKinds/0'],
    ['a kind of family twice', { eligibleKinds: ['almen', 'almen'] }, '/eligibleKinds'],
    ['a form of care that does not exist', { eligibleCareForms: ['dag'] }, '/eligibleCareForms/0'],
    ['something else', { spentOere: 1 }, '/spentOere'],
    ['a municipality without a part', { municipalities: [{ code: '0766' }] }, '/municipalities/0/allocationOere'],
    [
      'a part below nothing',
      { municipalities: [{ code: '0766', allocationOere: -1 }] },
      '/municipalities/0/allocationOere',
    ],
    ['a code that is none', { municipalities: [{ code: 'Vejle', allocationOere: 1 }] }, '/municipalities/0/code'],
    ['a code none of the 98 has', { municipalities: [{ code: '0631', allocationOere: 1 }] }, '/municipalities/0/code'],
  ])('is refused with %s', async (_, fields, pointer) => {
    const requests = await livline.requestsOf(async () => {
      expectProblem(await create(fields), 422, 'validation_failed', pointer);
    });
    expect(writesIn(requests)).toEqual([]);
  });

  it('is refused with a municipality that is not provisioned', async () => {
    const here = await livline.freshMunicipality();
    const missing = { code: livline.nextCode(), allocationOere: 1 };
    const refused = await create({ municipalities: [share(here, 1), missing] });
    expectProblem(refused, 422, 'unknown_reference', '/municipalities/1/code');
    const { id } = await makeProgramme(here);
    const later = await change(id, { municipalities: [missing, share(here, 1)] }, 1);
    expectProblem(later, 422, 'unknown_reference', '/municipalities/0/code');
    expect((await read(id)).body.version).toBe(1);
  });

  it('does not end before it starts', async () => {
    expectProblem(await create({ from: '2026-01-02', to: '2026-01-01' }), 422, 'validation_failed', '/to');
    const { id } = (await create({ from: '2026-01-01', to: '2026-01-01' })).body;
    expectProblem(await change(id, { from: '2026-01-02' }, 1), 422, 'validation_failed', '/to');
  });

  it('has no allocations above the programme’s grant, at first and later', async () => {
    const [one, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const municipalities = [share(one, 60), share(other, 41)];
    expectProblem(await create({ grantOere: 100, municipalities }), 422, 'validation_failed', '/municipalities');
    const { status, body } = await create({ grantOere: 101, municipalities });
    expect(status).toBe(201);
    expectProblem(await change(body.id, { grantOere: 100 }, 1), 422, 'validation_failed', '/municipalities');
    const more = { municipalities: [share(one, 60), share(other, 42)] };
    expectProblem(await change(body.id, more, 1), 422, 'validation_failed', '/municipalities');
    expect((await change(body.id, { ...more, grantOere: 102 }, 1)).status).toBe(200);
  });

  it('takes 630 for 0630, stores 0630, and has a municipality once however it is spelt', async () => {
    const caller = await livline.freshMunicipality();
    const short = caller.code.replace(/^0/, '');
    const { body } = await create({ municipalities: [{ code: short, allocationOere: 5 }] });
    expect(body.municipalities).toEqual([share(caller, 5)]);
    const twice = await create({ municipalities: [share(caller, 5), { code: short, allocationOere: 6 }] });
    expectProblem(twice, 422, 'validation_failed', '/municipalities/1/code');
  });

  it('is changed by a merge patch under If-Match', async () => {
    const caller = await livline.freshMunicipality();
    const { id, ...made } = await makeProgramme(caller, { eligibleKinds: ['almen'] });
    const patch = (headers: Record<string, string>, body: unknown = { name: 'Ny' }) =>
      livline.operator('PATCH', `/programmes/${id}`, { body, headers });
    expectProblem(await patch({}), 428, 'precondition_required');
    expectProblem(await patch({ 'if-match': '*' }), 428, 'precondition_required');
    expectProblem(await patch({ 'if-match': '"2"' }), 412, 'precondition_failed');
    livline.advance(60);
    const { status, headers, body } = await patch({ 'if-match': '"1"' }, { name: 'Ny', eligibleKinds: null });
    const updatedAt = livline.now().toISOString();
    expect(body).toEqual({ id, ...made, name: 'Ny', eligibleKinds: [], version: 2, updatedAt });
    expect({ status, etag: headers['etag'], location: headers['location'] }).toEqual({ status: 200, etag: '"2"' });
    expect((await read(id)).body).toEqual(body);
    expectProblem(await patch({ 'if-match': '"2"' }, { name: null }), 422, 'validation_failed', '/name');
    expectProblem(await patch({ 'if-match': '"2"' }, { id: randomUUID() }), 422, 'validation_failed', '/id');
    expectProblem(await patch({ 'if-match': '"2"' }, { version: 9 }), 422, 'validation_failed', '/version');
    const list = await patch({ 'if-match': '"2"' }, [1]);
    expect(list).toMatchObject({ status: 422, body: { errors: [{ pointer: '', code: 'invalid_type' }] } });
  });

  it('that a patch leaves as it was is not written', async () => {
    const caller = await livline.freshMunicipality();
    const programme = await makeProgramme(caller);
    const requests = await livline.requestsOf(async () => {
      const { name, municipalities } = programme;
      expect((await change(programme.id, { name, municipalities }, 1)).body).toEqual(programme);
    });
    expect(writesIn(requests)).toEqual([]);
  });

  it('changed by several at the same instant is changed by one of them', async () => {
    const callers = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const { id } = (await create({ municipalities: callers.map((caller) => share(caller, 1)) })).body;
    const allocations = [10, 20, 30, 40];
    const replies = await Promise.all(
      allocations.map((part) => change(id, { municipalities: callers.map((caller) => share(caller, part)) }, 1)),
    );
    const [winner, ...others] = replies.filter(({ status }) => status === 200);
    expect(others).toEqual([]);
    for (const reply of replies) if (reply !== winner) expectProblem(reply, 412, 'precondition_failed');
    expect((await read(id)).body).toEqual(winner?.body);
    for (const caller of callers) {
      const { allocationOere } = (await seenBy(caller, id)).body;
      expect(winner?.body.municipalities).toContainEqual(share(caller, allocationOere));
    }
  });

  it.each([randomUUID(), 'x', '%23', 'a'.repeat(300)])('called %j, which does not exist, is not found', async (id) => {
    expectProblem(await read(id), 404, 'not_found');
    expectProblem(await change(id, {}, 1), 404, 'not_found');
  });

  it('may have all 98 municipalities, and be changed for all of them at once', async () => {
    const denmark = await startLivline();
    const codes = allMunicipalities().map(({ code }) => code);
    const { code: first } = await denmark.freshMunicipality();
    const row = JSON.stringify((await contentOf(denmark.store)).find(({ type }) => type === 'municipality'));
    // Provisioning them all one by one would take seconds.
    const rows = codes.map((code) => JSON.parse(row.replaceAll(first, code)));
    await restore(denmark.store, rows);
    const municipalities = codes.map((code) => ({ code, allocationOere: 1 }));
    const body = { ...PROGRAMME, municipalities };
    const made = await denmark.operator('POST', '/programmes', { body });
    expect(made.status).toBe(201);
    const headers = { 'if-match': '"1"' };
    const renamed = { body: { name: 'Hele landet' }, headers };
    expect((await denmark.operator('PATCH', `/programmes/${made.body.id}`, renamed)).status).toBe(200);
    const writes = denmark.captured.filter(({ command }) => command === 'TransactWriteItems').slice(-2);
    expect(writes.map(({ input }) => input.TransactItems.length)).toEqual([99, 99]);
  });
});

describe('a municipality in a programme', () => {
  it('sees it with its own allocation, and never what another gets', async () => {
    const [here, there] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const municipalities = [share(here, 123_456_701), share(there, 234_567_802)];
    const { id } = (await create({ municipalities, eligibleKinds: ['almen'] })).body;
    const { name, fundingSource, from, to } = PROGRAMME;
    const seen = { id, name, fundingSource, from, to, eligibleKinds: ['almen'], eligibleCareForms: [] };
    const replies = await Promise.all([seenBy(here, id), seenBy(there, id)]);
    expect(replies.map(({ body }) => body)).toEqual([
      { ...seen, allocationOere: 123_456_701 },
      { ...seen, allocationOere: 234_567_802 },
    ]);
    expect(replies[0]?.headers['etag']).toBe('"1"');
    const requests = await livline.requestsOf(async () => {
      const list = await here.get('/programmes');
      expect(list.body.items).toEqual([replies[0]?.body]);
      for (const secret of ['234567802', there.code, String(PROGRAMME.grantOere)])
        expect(list.text).not.toContain(secret);
    });
    expect(JSON.stringify(requests)).not.toContain(`T#${there.code}#`);
  });

  it('sees no programme in which it takes no part, as if there were none', async () => {
    const [here, there] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const { id } = await makeProgramme(there);
    expect((await here.get('/programmes')).body.items).toEqual([]);
    const replies: Reply[] = [];
    for (const asked of [id, randomUUID(), 'x']) replies.push(await seenBy(here, asked));
    for (const reply of replies) {
      expectProblem(reply, 404, 'not_found');
      expect(withoutInstance(reply)).toEqual(withoutInstance(replies[0] as Reply));
    }
  });

  it('sees it change, and sees it no more once it is left out', async () => {
    const [here, there, later] = [
      await livline.freshMunicipality(),
      await livline.freshMunicipality(),
      await livline.freshMunicipality(),
    ];
    const { id } = (await create({ municipalities: [share(here, 5), share(there, 6)] })).body;
    await change(id, { name: 'Anden runde', municipalities: [share(here, 7), share(later, 8)] }, 1);
    expect((await seenBy(here, id)).body).toMatchObject({ name: 'Anden runde', allocationOere: 7 });
    expect((await seenBy(later, id)).body).toMatchObject({ name: 'Anden runde', allocationOere: 8 });
    expectProblem(await seenBy(there, id), 404, 'not_found');
    expect((await there.get('/programmes')).body.items).toEqual([]);
    await change(id, { municipalities: null }, 2);
    for (const caller of [here, there, later]) expect((await caller.get('/programmes')).body.items).toEqual([]);
  });

  it('has its row written only where it sees something else', async () => {
    const [here, there] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const { id } = (await create({ municipalities: [share(here, 5), share(there, 6)] })).body;
    const requests = await livline.requestsOf(() =>
      change(id, { grantOere: 900, municipalities: [share(here, 5), share(there, 7)] }, 1),
    );
    const [written] = writesIn(requests);
    const keys = written?.input.TransactItems.map((item: { Put: { Item: { pk: string } } }) => item.Put.Item.pk);
    expect(keys).toEqual([`F#${id}`, `M#${there.code}#F`]);
    // What it sees is what it saw, so the version that it may have kept is still the right one.
    expect((await seenBy(here, id)).headers['etag']).toBe('"1"');
    expect((await seenBy(there, id)).headers['etag']).toBe('"2"');
  });

  it('lists its programmes by name, one page at a time', async () => {
    const caller = await livline.freshMunicipality();
    for (const name of ['Delta', 'alfa', 'Charlie', 'bravo', 'Echo']) await makeProgramme(caller, { name });
    const listed = await pages(caller, '/programmes', { limit: '2' });
    expect(listed.map((page) => page.map(({ name }) => name))).toEqual([
      ['alfa', 'bravo'],
      ['Charlie', 'Delta'],
      ['Echo'],
    ]);
    const { nextCursor } = (await caller.get('/programmes', { limit: '2' })).body;
    const other = await livline.freshMunicipality();
    expectProblem(await other.get('/programmes', { cursor: nextCursor }), 422, 'invalid_cursor');
  });

  it('changes nothing of it', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeProgramme(caller);
    expectProblem(await caller.post('/programmes', PROGRAMME), 405, 'method_not_allowed');
    expectProblem(await caller.patch(`/programmes/${id}`, { name: 'Vores' }, 1), 405, 'method_not_allowed');
    expectProblem(await caller.remove(`/programmes/${id}`, 1), 405, 'method_not_allowed');
  });
});

describe('setting up a programme that is cut short', () => {
  it('before it was stored leaves nothing behind', async () => {
    const caller = await livline.freshMunicipality();
    const before = await contentOf(livline.store);
    await livline.killedAt('sending', 'TransactWriteItems', () => create({ municipalities: [share(caller, 1)] }));
    expect(await contentOf(livline.store)).toEqual(before);
    expect((await makeProgramme(caller)).version).toBe(1);
  });

  it('after it was stored is whole, for the operator and for each municipality', async () => {
    const callers = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const municipalities = callers.map((caller) => share(caller, 1));
    await livline.killedAt('answer', 'TransactWriteItems', () => create({ municipalities }));
    for (const caller of callers) {
      const { items } = (await caller.get('/programmes')).body;
      expect(items).toHaveLength(1);
      expect((await read(items[0].id)).body.municipalities).toEqual(municipalities);
    }
  });
});

describe('a change of a programme by a process that dies', () => {
  it('before its first call or after any is done whole or not at all', async () => {
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const [stays, leaves, joins] = [
      await livline.freshMunicipality(),
      await livline.freshMunicipality(),
      await livline.freshMunicipality(),
    ];
    const { id } = (await create({ municipalities: [share(stays, 1), share(leaves, 2)] })).body;
    const patch = { name: 'Videreført', municipalities: [share(stays, 3), share(joins, 4)] };
    const before = await contentOf(livline.store);
    expect((await change(id, patch, 1)).status).toBe(200);
    const after = await contentOf(livline.store);

    const outcomes: boolean[] = [];
    const claims = { client_id: OPERATOR, scope: 'livline/admin:write' };
    const path = `/v1/admin/programmes/${id}`;
    const request = { method: 'PATCH', path, claims, body: patch, headers: { 'if-match': '"1"' } };
    const calls = await atEveryCall(async (life) => {
      await restore(livline.store, before);
      const api = adminApi({
        store: life.store(livline.storeOf('admin-api')),
        identity: livline.identity,
        keys: livline.keys,
        certificates: livline.leaving.certificates,
        now: livline.now,
        tokenUrl: 'https://token.test/oauth2/token',
        operatorClientId: OPERATOR,
        recoveryDelayS: 259_200,
      });
      await api(proxyEvent(request));
      await life.over();
      const content = JSON.stringify(await contentOf(livline.store));
      outcomes.push(content === JSON.stringify(after));
      expect([before, after].map((rows) => JSON.stringify(rows))).toContain(content);
    });
    // Who operates, the programme, the municipality that joins, the transaction; only the last of them changes anything.
    expect(calls).toBe(4);
    expect(outcomes).toEqual([false, false, false, false, true, true]);
    vi.restoreAllMocks();
  });
});
