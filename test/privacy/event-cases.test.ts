import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AnyRow, contentOf, restore } from '#test/support/content.ts';
import { createFamily } from '#test/support/endpoints.ts';
import { makeChild, makeErasure } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';

const CASE = { system: 'DUBU', caseNumber: '27.03.00-G01-12-26' };

let livline: Livline;
let at: Caller;
let content: AnyRow[];

/** The events of a child whose case was known, of one without, and of one that was erased. */
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  await makeChild(at, { caseRefs: [CASE] });
  await createFamily(at);
  const { id } = await makeChild(at, { caseRefs: [CASE] });
  await makeErasure(at, { subject: { type: 'child', id } });
  await livline.lifecycle();
  livline.advance(61);
  await livline.lifecycle();
  await livline.relay();
  content = await contentOf(livline.store);
});

afterEach(() => restore(livline.store, content));

const eventWhere = (is: (event: AnyRow) => boolean): AnyRow =>
  content.find((row) => row['type'] === 'event' && row['pk'].startsWith(`T#${at.code}#`) && is(row)) as AnyRow;
const withCases = () => eventWhere((event) => 'cases' in event);
const withoutCases = () => eventWhere(({ name }) => name === 'family.created');
const redacted = () => eventWhere((event) => event['name'] === 'child.created' && 'redacted' in event);

const put = (row: AnyRow) =>
  livline.store.client.send(new PutCommand({ TableName: livline.store.tableName, Item: row }));
const verify = async () => (await at.get('/audit/verify')).body;

describe('the case numbers of an event', () => {
  it('are taken by the erasure of whom it is about, and the history is verified as before', async () => {
    expect(redacted()).toMatchObject({ name: 'child.created' });
    expect(redacted()).not.toHaveProperty('cases');
    expect(await verify()).toMatchObject({ verified: true });
  });

  it('cannot be found from what the event keeps, because random bytes go with them', () => {
    const digests = content.flatMap(({ type, view }) => (type === 'event' ? (JSON.parse(view).cases ?? []) : []));
    expect(digests.length).toBeGreaterThan(2);
    expect(new Set(digests).size).toBe(digests.length);
  });

  it.each<[what: string, event: () => AnyRow, change: (event: AnyRow) => AnyRow]>([
    ['alters them', withCases, ({ cases, ...event }) => ({ ...event, cases: cases.replace('27.03', '27.04') })],
    ['takes them away', withCases, ({ cases: _, ...event }) => event],
    [
      'takes them away as an erasure does with the code of another event',
      withCases,
      ({ cases: _, ...event }) => ({ ...event, redacted: redacted()['redacted'] }),
    ],
    ['puts some into an event that had none', withoutCases, (event) => ({ ...event, cases: withCases()['cases'] })],
    ['puts others where an erasure took them', redacted, (event) => ({ ...event, cases: withCases()['cases'] })],
    ['alters an event from which they were taken', redacted, alteredActor],
  ])('are not verified for whoever %s', async (_, event, change) => {
    const { sequence } = event();
    await put(change(event()));
    expect(await verify()).toMatchObject({ verified: false, fault: { sequence, kind: 'altered' } });
  });
});

function alteredActor(event: AnyRow): AnyRow {
  return { ...event, envelope: event['envelope'].replace(at.clientId, 'somebody-else') };
}
