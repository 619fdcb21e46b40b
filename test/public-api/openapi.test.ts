import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { PUBLIC_ROUTES } from '#functions/public-api/app.ts';
import type { JsonSchema } from '#infra/openapi/json-schema.ts';
import { documentedOperations as served } from '#infra/openapi/operations.ts';
import { OPENAPI_FILE, renderOpenApi } from '#infra/openapi.ts';
import { PROBLEMS } from '#shared/errors.ts';
import { schemasOf } from '#shared/record/schemas.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import { webhookEndpoints } from '#shared/webhooks/endpoints.ts';
import { receiveMessage } from '#shared/webhooks/inbox.ts';
import {
  document,
  documentedOperations,
  examplesOf,
  resolvedParameter,
  resolvedResponse,
} from '#test/support/openapi.ts';

const operations = served().map((operation) => [operation.id, operation] as const);
const { schemas } = document.components;
const documented = (id: string) => {
  const found = documentedOperations.find(([, { operationId }]) => operationId === id);
  if (!found) throw new Error(`The document has no ${id}`);
  return found[1];
};

/** Every schema in the document with the place where it stands, those inside others too. */
function* schemasIn(place: string, schema: JsonSchema): Generator<readonly [string, JsonSchema]> {
  yield [place, schema];
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield* schemasIn(`${place}.${name}`, property);
  if (schema.items) yield* schemasIn(`${place}[]`, schema.items);
  for (const choice of schema.anyOf ?? []) yield* schemasIn(place, choice);
}
const everySchema = Object.entries(schemas).flatMap(([name, schema]) => [...schemasIn(name, schema)]);
const everyProperty = everySchema.flatMap(([place, { properties = {} }]) =>
  Object.entries(properties).map(([name, property]) => [`${place}.${name}`, property] as const),
);
const describedBy = ({ $ref, description }: JsonSchema): string =>
  description ?? ($ref ? (schemas[$ref.replace('#/components/schemas/', '')]?.description ?? '') : '');

test('the committed document is what the code says', () => {
  const upToDate = readFileSync(OPENAPI_FILE, 'utf8') === renderOpenApi();
  expect(upToDate, 'functions/public-api/openapi.json is not what the code says: run npm run openapi').toBe(true);
});

test('the document has every route and no other', () => {
  const routes = [
    ...operations.map(([, { method, path }]) => `${method} ${path}`),
    ...Object.keys(PUBLIC_ROUTES).map((path) => `GET ${path}`),
    `${receiveMessage.method} ${receiveMessage.path}`,
  ];
  expect(documentedOperations.map(([route]) => route).toSorted()).toEqual(routes.toSorted());
});

describe('every operation', () => {
  test.each(documentedOperations)('%s has a summary, described parameters and examples', (_route, operation) => {
    expect(operation.summary).toMatch(/^[A-Z].{5,}/);
    expect(document.tags.map(({ name }) => name)).toContain(operation.tags[0]);
    for (const parameter of (operation.parameters ?? []).map(resolvedParameter)) {
      expect(parameter.description, parameter.name).toMatch(/.{10,}\.$/);
    }
    const bodies = Object.values(operation.requestBody?.content ?? {});
    const answers = Object.values(operation.responses).flatMap((response) =>
      Object.values(resolvedResponse(response).content ?? {}),
    );
    for (const media of [...bodies, ...answers]) {
      expect(examplesOf(media).length).toBeGreaterThan(0);
      for (const [, example] of examplesOf(media)) expect(example).toBeDefined();
    }
  });

  test.each(operations)(
    '%s has its scopes, says which problems it answers with, and has the one response for all of them',
    (id, { scope, also = [], either = [], problems }) => {
      const { security, responses, description } = documented(id);
      const choices = either.length > 0 ? either.map((one) => [scope, ...also, one]) : [[scope, ...also]];
      expect(security).toEqual(choices.map((each) => ({ oauth2: each.map((one) => `livline/${one}`) })));
      for (const status of ['4XX', '5XX']) {
        const response = resolvedResponse(responses[status] ?? {});
        const codes = Object.values(response.content ?? {}).flatMap(examplesOf);
        expect(codes.map(([name]) => name)).toEqual(Object.keys(PROBLEMS));
      }
      for (const code of ['unauthenticated', 'forbidden', 'too_many_requests', ...problems] as const)
        expect(description).toContain(`\`${code}\``);
    },
  );

  test.each(operations.filter(([, { body }]) => body))('%s takes its example', (id, { body, method }) => {
    for (const media of Object.values(documented(id).requestBody?.content ?? {})) {
      for (const [, example] of examplesOf(media)) {
        const sent = body?.().safeParse(example);
        expect(sent?.error?.issues ?? [], method).toEqual([]);
      }
    }
  });

  test.each(operations.filter(([, { success }]) => success.body))('%s answers with its example', (id, { success }) => {
    const { 'application/json': json } = documented(id).responses[success.status]?.content ?? {};
    for (const media of json ? [json] : []) {
      for (const [, example] of examplesOf(media)) {
        expect(success.body?.().safeParse(example).error?.issues ?? []).toEqual([]);
      }
    }
  });
});

describe('every example', () => {
  // The document's own schemas, read back: what a client generated from it would check.
  const definitions = JSON.parse(JSON.stringify(schemas).replaceAll('#/components/schemas/', '#/$defs/'));
  const named = Object.entries(document.components.examples).filter(([name]) => name in schemas);

  test.each(named)('%s is what its schema says', (name, { value }) => {
    const schema = z.fromJSONSchema({ $ref: `#/$defs/${name}`, $defs: definitions });
    expect(schema.safeParse(value).error?.issues ?? []).toEqual([]);
  });

  test.each(RESOURCES.map((resource) => [resource.path, resource] as const))('of %s can be sent', (_path, resource) => {
    expect(schemasOf(resource).create.safeParse(resource.example).error?.issues ?? []).toEqual([]);
  });
});

describe('every schema', () => {
  test('says what it is', () => {
    const faults = Object.entries(schemas).filter(([, schema]) => !/^[A-ZÆØÅ].{10,}\.$/s.test(describedBy(schema)));
    expect(faults.map(([name]) => name)).toEqual([]);
  });

  test('has a description of each property, with its Danish term', () => {
    const faults = everyProperty.filter(([, property]) => {
      const description = describedBy(property);
      const isComponent = property.$ref !== undefined && property.description === undefined;
      return !/\.$/.test(description) || !(isComponent || /\(\p{L}[^)]+\)/u.test(description));
    });
    expect(faults.map(([place]) => place)).toEqual([]);
  });

  test('says the unit of each number and of each time', () => {
    const unit =
      /\d–\d|\d \(|1 is |years|minutes|milliseconds|children|Calendar year|Number of the version|HTTP status/;
    const time = /UTC/;
    const day = /local date/;
    const faults = everyProperty.filter(([, { type, format, description = '' }]) => {
      if ([type].flat().includes('integer')) return !unit.test(description);
      if (format === 'date-time') return !time.test(description);
      return format === 'date' && !day.test(description);
    });
    expect(faults.map(([place]) => place)).toEqual([]);
  });

  test('of a resource has its Danish name', () => {
    for (const { name, danish } of [...RESOURCES, webhookEndpoints({ allowLocal: false })]) {
      const title = name.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
      expect(schemas[title]?.description).toContain(danish);
    }
  });

  test('of what is sent refuses unknown fields, and of what is answered leaves room for more', () => {
    expect(schemas['FamilyInput']?.additionalProperties).toBe(false);
    expect(schemas['FamilyPatchApproval']?.additionalProperties).toBe(false);
    expect(schemas['Family']).not.toHaveProperty('additionalProperties');
  });
});

describe('a patch', () => {
  const { properties = {}, ...patch } = schemas['FamilyPatch'] ?? {};

  test('may hold any field, null where the field may be absent, and no default', () => {
    expect(patch).not.toHaveProperty('required');
    expect(properties['alias']?.type).toBe('string');
    expect(properties['capacity']?.type).toEqual(['integer', 'null']);
    expect(properties['socialtilsyn']?.enum).toContain(null);
    expect(properties['pressure']).not.toHaveProperty('default');
  });

  test('merges objects and replaces lists', () => {
    expect(properties['approval']?.$ref).toBe('#/components/schemas/FamilyPatchApproval');
    const approval = schemas['FamilyPatchApproval'];
    expect(approval?.type).toEqual(['object', 'null']);
    expect(approval).not.toHaveProperty('required');
    expect(approval?.properties?.['to']?.type).toEqual(['string', 'null']);
    expect(approval?.properties?.['from']?.type).toBe('string');
    expect(properties['adults']?.items?.$ref).toBe('#/components/schemas/FamilyInputAdult');
    expect(schemas['FamilyInputAdult']?.required).toEqual(['name']);
  });
});

describe('sensitive fields', () => {
  const marked = everyProperty.flatMap(([place, { 'x-sensitivity': mark }]) => (mark ? [`${place} ${mark}`] : []));

  test('are marked wherever they stand', () => {
    for (const name of ['Family', 'FamilyInput', 'FamilyPatch']) expect(marked).toContain(`${name}.adults S`);
    expect(marked).toContain('SupervisionSession.reflection SS');
    expect(marked).toContain('Call.callerPhone S');
  });

  test('are in no example of an answer', () => {
    const answers = JSON.stringify(documentedOperations.flatMap(([, { responses }]) => Object.values(responses)));
    const names = new Set([...answers.matchAll(/#\/components\/examples\/(\w+)/g)].map(([, name]) => name));
    for (const [place] of marked.map((mark) => mark.split(' '))) {
      const [schema = '', field = ''] = (place ?? '').split('.');
      if (!names.has(schema)) continue;
      expect(document.components.examples[schema]?.value).not.toHaveProperty(field);
    }
  });

  test('that are secret are shown by what made them alone', () => {
    for (const name of ['secret', 'privateKey', 'oldSecret', 'oldPrivateKey', 'headers'])
      expect(schemas['WebhookEndpoint']?.properties).not.toHaveProperty(name);
    expect(schemas['WebhookEndpointWithSecret']?.properties).toHaveProperty('secret');
    expect(schemas['Connection']?.properties).not.toHaveProperty('secret');
    expect(schemas['ConnectionWithSecret']?.properties).toHaveProperty('secret');
  });
});

test('the webhook has the headers of Standard Webhooks and every type of event', () => {
  const post = document.webhooks['event']?.['post'];
  const names = post?.parameters?.map(({ name }) => name);
  expect(names).toEqual(['webhook-id', 'webhook-timestamp', 'webhook-signature']);
  const types = schemas['EventType']?.['x-extensible-enum'];
  expect(types).toEqual(
    expect.arrayContaining([
      'dk.livline.municipality.provisioned',
      'dk.livline.family.activated',
      'dk.livline.session.held',
      'dk.livline.call.received',
      'dk.livline.theme.published',
      'dk.livline.shift.deleted',
    ]),
  );
  for (const type of types ?? []) expect(post?.description).toContain(`\`${String(type).replace('dk.livline.', '')}\``);
});
