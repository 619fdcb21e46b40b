import { readFileSync } from 'node:fs';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { collectionOf } from '#shared/record/place.ts';
import { schemasOf } from '#shared/record/schemas.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import { encodeKey, municipalityKey } from '#shared/table/keys.ts';
import { webhookResources } from '#shared/webhooks/resources.ts';
import { makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { plantedIn } from '#test/support/planted.ts';
import { expectProblem } from '#test/support/problems.ts';

const CPR = '610180-1234';
const TEXTS = [`Ring om ${CPR}`, `a${CPR}@example.dk`];
const ID = '01930000-0000-7000-8000-000000000099';

let livline: Livline;
let caller: Caller;
beforeAll(async () => {
  livline = await startLivline();
  caller = await livline.freshMunicipality();
});

/** Expects a refusal of one field by what stands in it, which is not repeated. */
function expectRefused(reply: Awaited<ReturnType<Caller['get']>>, pointer: string): void {
  expectProblem(reply, 422, 'validation_failed', pointer);
  expect(reply.body.errors[0].code).toBe('looks_like_cpr');
  expect(reply.text).not.toContain('1234');
}

/** Every field of every resource in which a text can stand, with a value that holds a CPR number. */
const FIELDS = [...RESOURCES, ...webhookResources({ allowLocal: false })].flatMap((resource) =>
  Object.entries(resource.fields() as Record<string, z.ZodType>).flatMap(([name, field]) => {
    const value = plantedIn(field, TEXTS);
    const isSensitive = schemasOf(resource).sensitivity[name] !== undefined;
    return value === undefined || resource.path === 'inbox' ? [] : [{ resource, name, value, isSensitive }];
  }),
);

describe('a text that stands in clear', () => {
  it('is named in SECURITY.md, with the reason why', () => {
    const document = readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8');
    const plain = FIELDS.filter(({ isSensitive }) => !isSensitive).map(
      ({ resource, name }) => `${resource.path}.${name}`,
    );
    expect(plain.filter((field) => !document.includes(`\`${field}\``))).toEqual([]);
  });
});

describe('a text that looks like a CPR number', () => {
  it.each(FIELDS.filter(({ isSensitive }) => !isSensitive).map((each) => [`${each.resource.path}.${each.name}`, each]))(
    'is refused in the plain field %s, and nothing is stored',
    async (_, { resource, name, value }) => {
      const path = `/${collectionOf(resource).replaceAll(/\{\w+\}/g, ID)}`;
      const reply = await caller.post(path, { ...resource.example, [name]: value });
      const errors: { code: string; pointer: string }[] = reply.body.errors ?? [];
      expectProblem(reply, 422, 'validation_failed', ...errors.map(({ pointer }) => pointer));
      for (const { code, pointer } of errors) {
        expect(code).toBe('looks_like_cpr');
        expect(pointer).toMatch(new RegExp(`^/${name}(?:/|$)`));
      }
      expect(reply.text).not.toContain('1234');
    },
  );

  it('is taken by every sensitive field that takes text', async () => {
    const sensitive = FIELDS.filter(({ isSensitive }) => isSensitive);
    expect(sensitive.length).toBeGreaterThan(10);
    for (const { resource, name, value } of sensitive) {
      const path = `/${collectionOf(resource).replaceAll(/\{\w+\}/g, ID)}`;
      const { body } = await caller.post(path, { ...resource.example, [name]: value });
      const faults = (body.errors ?? []).filter(({ code }: { code: string }) => code === 'looks_like_cpr');
      expect(faults, `${resource.path}.${name}`).toEqual([]);
    }
  });

  it('is refused by a change and a replacement as by a creation', async () => {
    const { id } = await makeFamily(caller);
    expectRefused(await caller.patch(`/families/${id}`, { alias: `Familien ${CPR}` }, 1), '/alias');
    const replaced = await caller.put('/families/external/municipal/F-1', { alias: CPR, kind: 'almen' });
    expectRefused(replaced, '/alias');
    expect((await caller.get(`/families/${id}`)).body.version).toBe(1);
  });

  it('is refused as an external id, in a body and in a path', async () => {
    const family = { alias: 'Familien', kind: 'almen' };
    expectRefused(await caller.post('/families', { ...family, externalId: '6101801234' }), '/externalId');
    expectRefused(await caller.put(`/families/external/municipal/${CPR}`, family), '/path/externalId');
    const uuid = 'ab610180-1234-7000-8000-61018012340a';
    expect((await caller.put(`/families/external/municipal/${uuid}`, family)).status).toBe(201);
  });

  it('is not taken over from X-Request-Id', async () => {
    for (const id of [CPR, '6101801234', `sag-${CPR}-a`]) {
      const reply = await caller.send('GET', '/families', { headers: { 'x-request-id': id } });
      expect(reply.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('is refused as an Idempotency-Key, whose hash would tell it', async () => {
    const reply = await caller.post('/families', { alias: 'A', kind: 'almen' }, { 'idempotency-key': CPR });
    expectRefused(reply, '/header/idempotency-key');
  });

  it('is refused from the operator too: names of partners and clients, and the reason of a suspension', async () => {
    const partner = await caller.operator('POST', '/partners', { body: { id: 'a-partner', name: CPR } });
    expectRefused(partner, '/name');
    const body = { status: 'suspended', reason: `Efter ${CPR}` };
    expectRefused(await caller.operator('POST', `/municipalities/${caller.code}/status`, { body }), '/reason');
  });
});

describe('a case number that looks like a CPR number', () => {
  const linked = (caseRefs: object[]) => ({ alias: 'Familien', kind: 'almen', caseRefs });

  it('is refused when it is new to the record, as the case’s id is', async () => {
    const refs = [{ system: 'DUBU', caseNumber: '27.03.00-G01-12-26' }];
    expectRefused(
      await caller.post('/families', linked([...refs, { system: 'DUBU', caseNumber: CPR }])),
      '/caseRefs/1/caseNumber',
    );
    expectRefused(
      await caller.post('/families', linked([{ system: 'DUBU', caseId: '6101801234' }])),
      '/caseRefs/0/caseId',
    );
    const { id } = await makeFamily(caller, linked(refs));
    const more = { caseRefs: [...refs, { system: 'DUBU', caseNumber: `S${CPR}` }] };
    expectRefused(await caller.patch(`/families/${id}`, more, 1), '/caseRefs/1/caseNumber');
  });

  it('is taken where the municipality has switched the check off, and found by that number', async () => {
    const other = await livline.freshMunicipality();
    const setTo = (value: boolean) => {
      const { pk, sk } = municipalityKey(other.code);
      livline.advance(61);
      return livline.store.client.send(
        new UpdateCommand({
          TableName: livline.store.tableName,
          Key: { pk: encodeKey(pk), sk: encodeKey(sk) },
          UpdateExpression: 'SET tenant.cprLikeCaseNumbers = :value',
          ExpressionAttributeValues: { ':value': value },
        }),
      );
    };
    await setTo(true);
    const family = await makeFamily(other, linked([{ system: 'SBSYS', caseNumber: CPR }]));
    const { body } = await other.get('/records', { caseNumber: CPR });
    expect(body.items.map(({ record }: { record: { id: string } }) => record.id)).toEqual([family.id]);
    expectRefused(await other.patch(`/families/${family.id}`, { alias: CPR }, 1), '/alias');
    // Switched on again, what the record has stays, and nothing like it is added.
    await setTo(false);
    expect((await other.patch(`/families/${family.id}`, { capacity: 3 }, 1)).status).toBe(200);
    const more = { caseRefs: [...family.caseRefs, { system: 'SBSYS', caseNumber: '620180-1234' }] };
    expectRefused(await other.patch(`/families/${family.id}`, more, 2), '/caseRefs/1/caseNumber');
  });
});

describe('a CPR number in its own field', () => {
  it.each(['0001801234', '3201801234', '6001801234', '9201801234', '910280-1234', '010080-1234', '011380-1234'])(
    '%s is refused, since its first six digits are no date',
    async (cpr) => {
      const reply = await caller.post('/children', { alias: 'Barn', birthYear: 2014, cpr });
      expectProblem(reply, 422, 'validation_failed', '/cpr');
      expect(reply.body.errors[0].code).toBe('invalid_format');
    },
  );

  it('is taken with a date, 60 added to the day or not, whatever its modulus 11', async () => {
    for (const cpr of ['610114-4321', `${'01'}01144321`, '890212-4321', `${'31'}12144321`])
      expect((await caller.post('/children', { alias: 'Barn', cpr })).status, cpr).toBe(201);
  });
});
