import { createHash, randomUUID } from 'node:crypto';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { compactVerify, importJWK } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { chained, genesis } from '#shared/privacy/chain.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import { type OffboardingDeps, offboard } from '#shared/tenancy/offboarding.ts';
import { type AnyRow, contentOf, restore } from '#test/support/content.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { MAKERS, makeFamily, makeShift } from '#test/support/examples.ts';
import { giveHandoverKey, openedHandover } from '#test/support/handover-key.ts';
import { noSecrets } from '#test/support/issuer.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { memoryBuckets, wholeOf } from '#test/support/memory-buckets.ts';
import { atEveryCall } from '#test/support/mortal.ts';
import { startPipeline } from '#test/support/pipeline.ts';
import { expectProblem } from '#test/support/problems.ts';
import { makeOf } from '#test/support/records.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const step = (code: string, status: string) =>
  livline.operator('POST', `/municipalities/${code}/status`, { body: { status } });
/** Asks for a status; the municipality has given a key where it is to leave. */
async function ask(code: string, status: string) {
  if (status === 'offboarding') await giveHandoverKey(livline.administratorOf(code));
  return step(code, status);
}
const always = () => true;
/** The time in which it is let rest. */
const REST_S = 180;

/** Has the municipality leave, wholly. */
async function leave(code: string): Promise<void> {
  expect((await ask(code, 'offboarding')).status).toBe(200);
  await livline.lifecycle();
  livline.advance(REST_S);
  await livline.lifecycle();
}

/** The rows of a municipality: its own, and those kept about it outside. */
const rowsOf = (rows: readonly AnyRow[], code: string) =>
  rows.filter(({ pk }) => String(pk).startsWith(`T#${code}#`) || String(pk).startsWith(`M#${code}`));
const leftOf = async (code: string) => rowsOf(await contentOf(livline.store), code).map(({ pk, sk }) => `${pk} ${sk}`);

/** The objects of a handover by their names, as they are stored. */
function objectsOf(code: string, objects = livline.objects): Map<string, Buffer> {
  const mine = [...objects].filter(([key]) => key.startsWith(`handover/${code}/`));
  return new Map(mine.map(([key, bytes]) => [key.split('/').at(-1) as string, bytes]));
}
/** What is in them, by their names without `.jwe`, opened with the municipality's key. */
async function handoverOf(code: string, objects = livline.objects): Promise<Map<string, string>> {
  const texts = [...objectsOf(code, objects)].map(async ([name, bytes]) =>
    name.endsWith('.jwe')
      ? ([name.slice(0, -4), await openedHandover(bytes)] as const)
      : ([name, bytes.toString()] as const),
  );
  return new Map(await Promise.all(texts));
}
const linesOf = (text = '') =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

async function certificateOf(code: string) {
  const { status, body } = await livline.operator('GET', `/municipalities/${code}/certificate`);
  expect(status).toBe(200);
  const key = await livline.operator('GET', '/certificate-key');
  const { payload } = await compactVerify(body.certificate, await importJWK(key.body));
  return JSON.parse(Buffer.from(payload).toString());
}

describe('a municipality with everything in it', () => {
  let at: Caller;
  let made: Map<string, { id: string }>;
  let before: AnyRow[];

  beforeAll(async () => {
    at = await livline.freshMunicipality();
    const carelink = (await livline.freshPartner('carelink', [at.code]))(at.code);
    const pipeline = startPipeline(livline, at.code);
    await subscribe(livline, at, 'free', { types: [] });
    const ordered = await subscribe(livline, at, 'ordered', { types: ['family.*', 'shift.*'], ordered: true });
    const disabled = await subscribe(livline, at, 'disabled', { types: ['family.*'] });
    const gone = await subscribe(livline, at, 'gone', { types: ['family.*'] });
    await at.patch(`/webhook-endpoints/${disabled.id}`, { disabled: true }, 1);
    livline.takeStream();
    made = new Map();
    for (const path of Object.keys(MAKERS)) made.set(path, await makeOf(path, at));
    // What comes and goes: a record that is deleted, one whose ledger moves, one that a partner wrote.
    const shift = await makeShift(at);
    await at.patch(
      `/shifts/${shift.id}`,
      { startsAt: '2026-12-01T06:00:00.000Z', endsAt: '2026-12-01T14:00:00.000Z' },
      1,
    );
    const deleted = await makeShift(at);
    await at.remove(`/shifts/${deleted.id}`, 1);
    const shared = await makeFamily(carelink, { alias: 'Fra Carelink', externalId: 'C-1', outsideWork: 'Delt' });
    // What is sensitive of it is read, and the log of that; and the log of what there never was.
    await at.get(`/families/${shared.id}`);
    livline.advance(1);
    for (const subject of [shared.id, randomUUID()]) await at.get('/access-log', { subject });
    await livline.operator('POST', '/programmes', {
      body: {
        name: 'Indsats',
        fundingSource: 'S',
        grantOere: 1,
        from: '2026-01-01',
        to: '2026-12-31',
        municipalities: [{ code: at.code, allocationOere: 1 }],
      },
    });
    await livline.ownClient(at, { preset: 'integration' });
    // Webhooks in every state: delivered, failed, waiting in a line, held.
    pipeline.answer(({ url }) => ({ status: url.includes('ordered') ? 500 : 204, durationMs: 1 }));
    await pipeline.relayFresh();
    await pipeline.drain();
    await at.remove(`/webhook-endpoints/${gone.id}`, 1);
    // Nobody relays this one.
    await createFamily(at, 'Den sidste');
    expect((await at.get(`/webhook-endpoints/${ordered.id}`)).status).toBe(200);
    before = rowsOf(await contentOf(livline.store), at.code);
    await leave(at.code);
  }, 240_000);

  it('leaves no row behind but the one that says so, which holds no key', async () => {
    const kinds = new Set(before.map(({ type }) => type));
    for (const kind of [
      'event',
      'delivery',
      'attempt',
      'order',
      'endpoint-health',
      'lock',
      'ledger',
      'sequence',
      'grant',
    ])
      expect(kinds).toContain(kind);
    expect(await leftOf(at.code)).toEqual([`M#${at.code} A`]);
    const [row] = rowsOf(await contentOf(livline.store), at.code);
    expect(row?.['tenant']).toMatchObject({ status: 'deleted', cursorKey: '', sealing: { wrapped: {}, lookup: '' } });
    expect(row?.['offboarding']).toBeUndefined();
  });

  it('leaves none of its own clients, neither at the issuer nor here, and the partner’s', async () => {
    const content = await contentOf(livline.store);
    const clients = content.filter(({ pk }) => String(pk).startsWith('C#'));
    expect(clients.filter((row) => row['owner'] === at.code)).toEqual([]);
    expect(content.map(({ pk }) => pk)).not.toContain(`U#${at.clientId}`);
    expect(clients.filter((row) => row['owner'] === 'carelink')).toHaveLength(1);
    expect(livline.issuedClients.has(at.clientId)).toBe(false);
    const carelink = clients.find((row) => row['owner'] === 'carelink')?.['pk'].split('#')[1];
    expect((await livline.operator('GET', `/clients/${carelink}`)).body.grants).toEqual([]);
    livline.advance(60);
    expectProblem(await at.get('/families'), 404, 'not_found');
  });

  it('leaves no key', () => {
    expect(livline.keys.keys.has(at.code)).toBe(false);
  });

  it('takes every record with it, as the API showed it to the municipality', async () => {
    const handover = await handoverOf(at.code);
    for (const [path, { id }] of made) {
      const lines = linesOf(handover.get(`${path}.ndjson`));
      expect(
        lines.map((line) => line.id),
        path,
      ).toContain(id);
    }
    const programmes = linesOf(handover.get('programmes.ndjson'));
    expect(programmes).toContainEqual(expect.objectContaining({ name: 'Indsats', allocationOere: 1 }));
    const families = linesOf(handover.get('families.ndjson'));
    expect(families.find(({ alias }) => alias === 'Fra Carelink')).toMatchObject({
      source: 'carelink',
      outsideWork: 'Delt',
    });
    expect([...handover.values()].join()).not.toMatch(/whsec_|PRIVATE KEY/);
    const accesses = linesOf(handover.get('access-log.ndjson'));
    expect(accesses.filter(({ purpose }) => purpose !== 'handover')).toMatchObject([
      { what: { type: 'family' }, fields: ['outsideWork'] },
      { what: { type: 'access-log' } },
    ]);
    // The handover shows what is sensitive too, so it stands under each person whom that concerns.
    const { id: familyId } = families.find(({ alias }) => alias === 'Fra Carelink') as { id: string };
    expect(accesses.filter(({ subject, purpose }) => subject === familyId && purpose === 'handover')).toMatchObject([
      { what: { type: 'family', id: familyId }, fields: ['outsideWork'], actor: { kind: 'system' } },
    ]);
    const [message] = linesOf(handover.get('inbox.ndjson'));
    expect(message.payload).toEqual(expect.any(String));
  });

  it('has a manifest that counts and hashes every object', async () => {
    const handover = await handoverOf(at.code);
    const manifest = JSON.parse(handover.get('manifest.json') ?? '');
    expect(manifest).toMatchObject({ municipality: at.code, startedAt: expect.any(String) });
    const names = manifest.files.map(({ name }: { name: string }) => name);
    expect(new Set(names).size).toBe(names.length);
    const objects = objectsOf(at.code);
    expect([...names, 'manifest.json'].sort()).toEqual([...objects.keys()].sort());
    for (const { name, count, bytes, sha256 } of manifest.files) {
      const object = objects.get(name) as Buffer;
      expect({ name, count, bytes, sha256 }).toEqual({
        name,
        count: linesOf(handover.get(name.replace(/\.jwe$/, ''))).length,
        bytes: object.length,
        sha256: createHash('sha256').update(object).digest('hex'),
      });
    }
  });

  it('takes its whole history with it, to the last event and whole by its chain', async () => {
    const handover = await handoverOf(at.code);
    const events = linesOf(handover.get('events.ndjson'));
    let link = genesis(at.code);
    for (const { event, view, mac, hash } of events) {
      const { sequence, ...rest } = event;
      link = chained(link, { envelope: JSON.stringify(rest).slice(0, -1), view, mac });
      expect({ sequence, hash }).toEqual({ sequence: String(link.sequence).padStart(12, '0'), hash: link.hash });
    }
    expect(JSON.parse(handover.get('manifest.json') ?? '').history).toEqual(link);
    const types = events.map(({ event }) => event.type);
    for (const name of ['municipality.provisioned', 'shift.deleted', 'municipality.offboarding'])
      expect(types).toContain(`dk.livline.${name}`);
    expect(events.filter(({ event }) => event.type === 'dk.livline.family.created').length).toBe(
      linesOf(handover.get('families.ndjson')).length,
    );
  });

  it('is certified: what was handed over, how much was erased, and which key was destroyed', async () => {
    const certificate = await certificateOf(at.code);
    const manifest = (await handoverOf(at.code)).get('manifest.json') ?? '';
    expect(certificate).toMatchObject({
      municipality: at.code,
      handover: {
        files: JSON.parse(manifest).files.length,
        manifest: { sha256: createHash('sha256').update(manifest).digest('hex'), bytes: Buffer.byteLength(manifest) },
      },
      history: JSON.parse(manifest).history,
      destroyedKey: expect.stringMatching(/^arn:aws:kms:/),
      erasedAt: expect.any(String),
    });
    const edges = before.filter(({ sk }) => String(sk).startsWith('E#')).length;
    const attempts = before.filter(({ type }) => type === 'attempt').length;
    expect(certificate.erased).toMatchObject({
      edge: edges,
      attempt: attempts,
      client: 2,
      use: 1,
      access: linesOf((await handoverOf(at.code)).get('access-log.ndjson')).length,
    });
    for (const path of RESOURCES.map((resource) => resource.path))
      expect(certificate.erased[path], path).toBeGreaterThan(0);
  });

  it('is there as deleted, with nothing to be done to it', async () => {
    expect((await livline.operator('GET', `/municipalities/${at.code}`)).body.status).toBe('deleted');
    expectProblem(await ask(at.code, 'live'), 409, 'illegal_transition');
    expectProblem(
      await livline.operator('POST', '/municipalities', { body: { code: at.code } }),
      409,
      'already_exists',
    );
    await livline.lifecycle();
    expect(await leftOf(at.code)).toEqual([`M#${at.code} A`]);
  });
});

describe('a municipality that leaves', () => {
  it('gives a public key first, without which its offboarding is refused and nothing of it is changed', async () => {
    const at = await livline.freshMunicipality();
    const before = (await livline.operator('GET', `/municipalities/${at.code}`)).body;
    expectProblem(await step(at.code, 'offboarding'), 409, 'handover_key_missing');
    expect((await livline.operator('GET', `/municipalities/${at.code}`)).body).toEqual(before);
    await giveHandoverKey(at);
    await at.patch('/settings', { handoverKey: null }, 2);
    expectProblem(await step(at.code, 'offboarding'), 409, 'handover_key_missing');
    await giveHandoverKey(at);
    expect((await step(at.code, 'offboarding')).body.status).toBe('offboarding');
  });

  it('rests first, in which nothing is handed over or erased', async () => {
    const at = await livline.freshMunicipality();
    await createFamily(at);
    await ask(at.code, 'offboarding');
    for (const seconds of [0, REST_S - 1]) {
      livline.advance(seconds);
      await livline.lifecycle();
      expect(objectsOf(at.code).size).toBe(0);
      expect((await leftOf(at.code)).some((key) => key.includes('#R#'))).toBe(true);
    }
  });

  it('gets no client and no grant any more a minute later', async () => {
    const at = await livline.freshMunicipality();
    const early = await livline.ownClient(at, { preset: 'integration' });
    await ask(at.code, 'offboarding');
    livline.advance(60);
    const clients = livline.issuedClients.size;
    expectProblem(await at.post('/clients', { name: 'Late', preset: 'integration' }), 404, 'not_found');
    expect(livline.issuedClients.size).toBe(clients);
    expectProblem(await at.put(`/grants/${early.clientId}`, { scopes: ['families:read'] }), 404, 'not_found');
    expect((await livline.operator('DELETE', `/clients/${early.clientId}/grants/${at.code}`)).status).toBe(204);
  });

  it('has no certificate before it is erased', async () => {
    const at = await livline.freshMunicipality();
    expectProblem(await livline.operator('GET', `/municipalities/${at.code}/certificate`), 404, 'not_found');
  });

  it('hands over a partner’s SS fields to nobody, and its own', async () => {
    const at = await livline.freshMunicipality();
    const partner = (await livline.freshPartner('supervisor', [at.code]))(at.code);
    const mine = await makeOf('supervision-sessions', at, { reflection: 'Kommunens egen' });
    const theirs = await makeOf('supervision-sessions', partner, { reflection: 'Partnerens egen' });
    await leave(at.code);
    const lines = linesOf((await handoverOf(at.code)).get('supervision-sessions.ndjson'));
    expect(lines.map(({ id }) => id).sort()).toEqual([mine.id, theirs.id].sort());
    expect(JSON.stringify(lines)).not.toContain('Partnerens egen');
  });

  it('leaves nothing of a person who was erased before', async () => {
    const at = await livline.freshMunicipality();
    const consultant = await makeOf('consultants', at, { externalId: 'K-1', name: 'SLETMIG' });
    await makeShift(at, { staffId: consultant.id });
    await makeOf('erasures', at, { subject: { type: 'consultant', id: consultant.id } });
    for (let rounds = 0; rounds < 3; rounds += 1) {
      await livline.lifecycle();
      livline.advance(60);
    }
    expect((await at.get('/erasures')).body.items).toMatchObject([{ status: 'completed' }]);
    await leave(at.code);
    expect(await leftOf(at.code)).toEqual([`M#${at.code} A`]);
    expect([...(await handoverOf(at.code)).values()].join()).not.toContain('SLETMIG');
  });

  it('does so in as many rounds as it takes', async () => {
    const at = await livline.freshMunicipality();
    await createFamily(at);
    await ask(at.code, 'offboarding');
    await livline.lifecycle();
    livline.advance(REST_S);
    const statusNow = async () => (await livline.operator('GET', `/municipalities/${at.code}`)).body.status;
    let rounds = 0;
    for (; (await statusNow()) === 'offboarding'; rounds += 1) {
      let steps = 3;
      await offboard(livline.leaving, at.code, 'test-request', () => steps-- > 0);
    }
    expect(rounds).toBeGreaterThan(5);
    expect(await leftOf(at.code)).toEqual([`M#${at.code} A`]);
  });

  it('is handed over and erased once by two rounds at the same time', async () => {
    const at = await livline.freshMunicipality();
    await createFamily(at);
    await ask(at.code, 'offboarding');
    await livline.lifecycle();
    livline.advance(REST_S);
    for (let rounds = 0; rounds < 3; rounds += 1) {
      await Promise.all([1, 2].map(() => offboard(livline.leaving, at.code, 'test-request', always)));
    }
    const { erased } = await certificateOf(at.code);
    expect(erased).toMatchObject({ families: 1, sequence: 1, client: 1, grant: 1 });
    expect(await leftOf(at.code)).toEqual([`M#${at.code} A`]);
  });
});

describe('an offboarding that dies before its first call or after any', () => {
  it('is made good by the next round: each step leaves the same rows, objects, clients and keys', async () => {
    livline = await startLivline();
    const at = await livline.freshMunicipality();
    const pipeline = startPipeline(livline, at.code);
    await subscribe(livline, at, 'receiver', { types: ['family.*'], ordered: true });
    livline.takeStream();
    await makeFamily(at, { outsideWork: 'Sygeplejerske' });
    await pipeline.relayFresh();
    await createFamily(at, 'Ikke nummereret');
    await ask(at.code, 'offboarding');
    // No two encryptions of the same are alike, and what each death leaves is compared.
    await livline.store.client.send(
      new UpdateCommand({
        TableName: livline.store.tableName,
        Key: { pk: `M#${at.code}`, sk: 'A' },
        UpdateExpression: 'REMOVE tenant.handoverKey',
      }),
    );
    await livline.lifecycle();
    livline.advance(REST_S);

    const { buckets, objects } = memoryBuckets();
    const clients = new Set([at.clientId]);
    const destroyed = new Set<string>();
    const healthy: OffboardingDeps = {
      ...livline.leaving,
      resources: livline.leaving.resources.filter(({ path }) => ['families', 'webhook-endpoints'].includes(path)),
      buckets,
      identity: {
        ...noSecrets,
        createClient: () => Promise.reject(new Error('Not here')),
        deleteClient: async (id) => void clients.delete(id),
      },
      keys: { ...livline.keys, destroyKey: async (_, keyId) => void destroyed.add(keyId) },
    };
    const oneStep = (deps: OffboardingDeps) => {
      let steps = 1;
      return offboard(deps, at.code, 'test-request', () => steps-- > 0);
    };
    /** What there is; of a certificate what is signed, since no two signatures are alike. */
    const everything = async () => ({
      rows: (await contentOf(livline.store)).map((row) => ({
        ...row,
        certificate: row['certificate']?.replace(/[^.]*$/, ''),
      })),
      objects: [...(await handoverOf(at.code, objects))].sort(),
      clients: [...clients],
      destroyed: [...destroyed],
    });
    const row = async () => (await contentOf(livline.store)).find(({ pk }) => pk === `M#${at.code}`) as AnyRow;

    let calls = 0;
    for (let before = await row(); before['tenant'].status === 'offboarding'; before = await row()) {
      const rows = await contentOf(livline.store);
      const kept = [...clients];
      let expected: unknown;
      calls += await atEveryCall(async (life) => {
        await restore(livline.store, rows);
        for (const client of kept) clients.add(client);
        const mortal: OffboardingDeps = {
          ...healthy,
          store: life.store(healthy.store),
          buckets: (code, shelf) => {
            const bucket = buckets(code, shelf);
            // What an object is made of is read before it is there, wholly or not at all.
            return {
              ...bucket,
              put: async (name, body, type) => life.guard(bucket.put)(name, await wholeOf(body), type),
            };
          },
          identity: { ...healthy.identity, deleteClient: life.guard(healthy.identity.deleteClient) },
          keys: { ...healthy.keys, destroyKey: life.guard(healthy.keys.destroyKey) },
          certificates: { sign: life.guard(healthy.certificates.sign) },
        };
        await oneStep(mortal).catch(() => undefined);
        await life.over();
        if ((await row())['version'] === before['version']) await oneStep(healthy);
        const outcome = await everything();
        expected ??= outcome;
        expect(outcome).toEqual(expected);
      });
    }
    expect(calls).toBeGreaterThan(40);
    expect((await contentOf(livline.store)).map(({ pk }) => pk)).toEqual([`M#${at.code}`]);
    expect({ clients: clients.size, destroyed: destroyed.size }).toEqual({ clients: 0, destroyed: 1 });
    expect(await certificateOf(at.code)).toMatchObject({ erased: { families: 2, client: 1 } });
  }, 60_000);
});
