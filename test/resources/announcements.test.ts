import { beforeAll, describe, expect, it } from 'vitest';
import { ANNOUNCEMENT, makeAnnouncement } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem, writesIn } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

describe('an announcement', () => {
  it('has a title, a body, when it is out and whom it is for', async () => {
    const caller = await livline.freshMunicipality();
    const whole = {
      ...ANNOUNCEMENT,
      publishedAt: '2026-11-16T08:00:00.000Z',
      audience: { kinds: ['forstaerket', 'netvaerk'] },
    };
    const { id } = await makeAnnouncement(caller, whole);
    expect((await caller.get(`/announcements/${id}`)).body).toMatchObject(whole);
  });

  it('is for all families, and out now, unless it says otherwise', async () => {
    const caller = await livline.freshMunicipality();
    const made = await makeAnnouncement(caller);
    expect(made).toMatchObject({ audience: { kinds: [] }, publishedAt: made.createdAt });
    expect((await makeAnnouncement(caller, { audience: {} })).audience).toEqual({ kinds: [] });
    expect((await makeAnnouncement(caller, { publishedAt: '2026-12-24T08:00:00+01:00' })).publishedAt).toBe(
      '2026-12-24T07:00:00.000Z',
    );
  });

  it('stays out since when it was, also when it is put again without a time', async () => {
    const caller = await livline.freshMunicipality();
    const path = '/announcements/external/municipal/O-1';
    const first = await caller.put(path, ANNOUNCEMENT);
    livline.advance(3600);
    const requests = await livline.requestsOf(async () => {
      expect((await caller.put(path, ANNOUNCEMENT)).body).toEqual(first.body);
    });
    expect(writesIn(requests)).toEqual([]);
    const { body } = await caller.patch(`/announcements/${first.body.id}`, { publishedAt: null, title: 'Ny' }, 1);
    expect(body).toMatchObject({ title: 'Ny', publishedAt: first.body.publishedAt });
  });

  it.each([
    ['without a title', { title: undefined }, '/title'],
    ['without a body', { body: undefined }, '/body'],
    ['for a kind of family that there is not', { audience: { kinds: ['royal'] } }, '/audience/kinds/0'],
    ['for a kind of family twice', { audience: { kinds: ['almen', 'almen'] } }, '/audience/kinds'],
    ['out on a day', { publishedAt: '2026-11-16' }, '/publishedAt'],
  ])('%s is refused', async (_, fields, pointer) => {
    const caller = await livline.freshMunicipality();
    expectProblem(
      await caller.post('/announcements', { ...ANNOUNCEMENT, ...fields }),
      422,
      'validation_failed',
      pointer,
    );
  });

  it('is listed newest first, and between two times', async () => {
    const caller = await livline.freshMunicipality();
    const at = (day: string) => makeAnnouncement(caller, { publishedAt: `${day}T08:00:00.000Z` });
    const [middle, late, early] = [await at('2026-11-12'), await at('2026-12-01'), await at('2026-11-01')];
    const list = async (query: Record<string, string>) => (await caller.get('/announcements', query)).body.items;
    expect(await list({})).toEqual([late, middle, early]);
    expect(await list({ from: '2026-11-02', to: '2026-12-01' })).toEqual([middle]);
  });

  it('tells the event feed that it was created and updated, without what it says', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeAnnouncement(caller);
    await caller.patch(`/announcements/${id}`, { body: 'Aflyst' }, 1);
    await livline.relay();
    const { items } = (await caller.get('/events', { types: 'announcement.*' })).body;
    expect(items.map(({ type }: { type: string }) => type)).toEqual([
      'dk.livline.announcement.created',
      'dk.livline.announcement.updated',
    ]);
    expect(JSON.stringify(items)).not.toMatch(/Åbent|velkomne|Aflyst/);
  });
});
