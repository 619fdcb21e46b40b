import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { workerContext } from '#shared/auth/system.ts';
import { SealBroken } from '#shared/crypto/seal.ts';
import { openFields } from '#shared/record/sealing.ts';
import { contentOf } from '#test/support/content.ts';
import {
  makeCall,
  makeChild,
  makeConsultant,
  makeErasure,
  makeFamily,
  makeLegalHold,
  makePlacement,
  makeVisit,
} from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';

// An erasure takes several rounds, each of them many requests.
vi.setConfig({ testTimeout: 60_000 });

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const kidOf = (text: string): string => JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString()).kid;

/** The sealed fields of a record as they lie in the table. */
async function sealedOf({ code }: Caller, id: string): Promise<Record<string, string>> {
  const { tableName: TableName, client } = livline.store;
  const { Item } = await client.send(new GetCommand({ TableName, Key: { pk: `T#${code}#R#${id}`, sk: 'A' } }));
  return Object.assign({}, ...Object.values(JSON.parse(Item?.['sensitive'] ?? '{}') as object));
}
const keysOf = async (at: Caller, id: string): Promise<string[]> => [
  ...new Set(Object.values(await sealedOf(at, id)).map(kidOf)),
];
const keyRows = async ({ code }: Caller) =>
  (await contentOf(livline.store)).filter(({ pk }) => String(pk).startsWith(`T#${code}#Y#`));

/** Opens a sealed value with what a process that starts now can read. */
async function openNow({ code }: Caller, id: string, name: string, sealed: string): Promise<unknown> {
  // What a key is remembered for.
  livline.advance(300);
  const ctx = await workerContext(livline.storeOf('clock'), code, 'test', livline.now());
  if (!ctx) throw new Error('The municipality is not at work');
  return (await openFields(ctx, id, { [name]: sealed }))[name];
}

async function eraseFamily(at: Caller, id: string): Promise<void> {
  const { version, status } = (await at.get(`/families/${id}`)).body;
  if (status !== 'closed') await at.status(`/families/${id}`, version, { status: 'closed', reason: 'Flyttet' });
  await makeErasure(at, { subject: { type: 'family', id } });
  await livline.lifecycle();
  livline.advance(61);
  await livline.lifecycle();
}

describe('what the record says', () => {
  it('is sealed with the key of the family or child that it is about, and else with the municipality’s', async () => {
    const at = await livline.freshMunicipality();
    const family = await makeFamily(at, { outsideWork: 'Sygeplejerske' });
    const call = await makeCall(at, { familyId: family.id, note: 'Sagt i fortrolighed' });
    const child = await makeChild(at, { cpr: '6103144321', birthYear: 2014 });
    const member = await makeConsultant(at, { phone: '70605040' });
    expect(await keysOf(at, family.id)).toEqual([`p:${family.id}`]);
    expect(await keysOf(at, call.id)).toEqual([`p:${family.id}`]);
    expect(await keysOf(at, child.id)).toEqual([`p:${child.id}`]);
    expect(await keysOf(at, member.id)).toEqual(['1']);
    expect((await keyRows(at)).map(({ pk }) => pk.split('#')[3]).toSorted()).toEqual([family.id, child.id].toSorted());
  });

  it('has its key from when the family or child is created, and asks for it whether or not it says anything', async () => {
    const at = await livline.freshMunicipality();
    const [said, unsaid] = [await makeFamily(at, { outsideWork: 'Sygeplejerske' }), await makeFamily(at)];
    expect((await keyRows(at)).map(({ pk }) => pk.split('#')[3]).toSorted()).toEqual([said.id, unsaid.id].toSorted());
    const requestsFor = async (familyId: string, fields: object) => {
      livline.advance(300);
      await at.get('/families');
      const requests = await livline.requestsOf(async () => {
        const { id, version } = await makeCall(at, { familyId, ...fields });
        await at.patch(`/calls/${id}`, { concern: true }, version);
      });
      return requests.map(({ command, input }) => [command, String(input.Key?.pk).split('#')[2]]);
    };
    const requests = await requestsFor(said.id, { note: 'Sagt i fortrolighed' });
    expect(requests.filter(([, place]) => place === 'Y')).toHaveLength(1);
    expect(await requestsFor(unsaid.id, {})).toEqual(requests);
  });

  it('is sealed with one key, whoever of several writes the first value about a family', async () => {
    const at = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(at);
    const calls = await Promise.all(
      ['Et', 'To', 'Tre', 'Fire'].map((note) => makeCall(livline.anotherProcess()(at), { familyId, note })),
    );
    expect(await keyRows(at)).toHaveLength(1);
    for (const { id } of calls) expect((await at.get(`/calls/${id}`)).body.note).toMatch(/Et|To|Tre|Fire/);
  });

  it('costs no read of a key that the process made or has used, and no call to KMS besides', async () => {
    const at = await livline.freshMunicipality();
    const { id } = await makeFamily(at, { outsideWork: 'Sygeplejerske' });
    const keysRead = async (by: Caller) =>
      (await livline.requestsOf(() => by.get(`/families/${id}`))).filter(
        ({ input }) => input.TableName === livline.store.keysTableName,
      ).length;
    expect(await keysRead(at)).toBe(0);
    livline.advance(300);
    expect([await keysRead(at), await keysRead(at)]).toEqual([1, 0]);
    livline.advance(300);
    const sent = await livline.requestsOf(() => at.get(`/families/${id}`));
    const places = sent.map(({ input }) => String(input.Key?.pk).split('#')[2]);
    expect(places.indexOf('Y'), 'the key is read with the record').toBeLessThan(places.indexOf('R'));
  });
});

describe('an erased family', () => {
  it('has no key any more, so that an old copy of what was said opens no more', async () => {
    const at = await livline.freshMunicipality();
    const { id } = await makeFamily(at, { outsideWork: 'Sygeplejerske' });
    const call = await makeCall(at, { familyId: id, note: 'Sagt i fortrolighed', outcome: 'Talt med' });
    const [own, note] = [(await sealedOf(at, id))['outsideWork'], (await sealedOf(at, call.id))['note']];
    expect(await openNow(at, call.id, 'note', note as string)).toBe('Sagt i fortrolighed');
    await eraseFamily(at, id);
    await expect(openNow(at, id, 'outsideWork', own as string)).rejects.toThrow(SealBroken);
    await expect(openNow(at, call.id, 'note', note as string)).rejects.toThrow(SealBroken);
    expect(await keyRows(at)).toMatchObject([{ type: 'person-key', droppedAt: expect.any(String) }]);
    expect((await keyRows(at))[0]).not.toHaveProperty('wrapped');
  });

  it('leaves readable what is kept for a child who is held, under the municipality’s key, also when it is changed', async () => {
    const at = await livline.freshMunicipality();
    const placement = await makePlacement(at);
    const { familyId, childId } = placement;
    const first = await makeVisit(at, { placementId: placement.id, note: 'Først usikker' });
    expect(await keysOf(at, first.id)).toEqual([`p:${familyId}`]);
    await at.status(`/placements/${placement.id}`, placement.version, {
      status: 'ended',
      endReason: 'planned',
      reason: 'Hjemgivet',
    });
    const hold = await makeLegalHold(at, { subject: { type: 'child', id: childId } });
    const path = `/visits/${first.id}`;
    const visit = (await at.patch(path, { note: 'Alt vel' }, first.version)).body;
    await eraseFamily(at, familyId);
    livline.advance(300);
    expect((await at.get(path)).body).toMatchObject({ note: 'Alt vel', version: visit.version });
    expect(await keysOf(at, visit.id)).toEqual(['1']);
    // What the hold keeps of an earlier version outlasts the key as well.
    const kept = (await at.get(`/legal-holds/${hold.id}/kept`)).body.items;
    expect(kept.map(({ record }: { record: { note?: string } }) => record.note)).toContain('Først usikker');
    expect((await at.patch(path, { note: 'Stadig vel' }, visit.version)).status).toBe(200);
    expect(await keysOf(at, visit.id)).toEqual(['1']);
    expect((await at.get(path)).body.note).toBe('Stadig vel');
  });
});
