import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { DEEPEST, MOST_VALUES, parseJson } from '#shared/json.ts';
import { privacyOperations } from '#shared/privacy/operations.ts';
import { RESOURCES, recordOperations } from '#shared/resources/registry.ts';
import { grantOperations } from '#shared/tenancy/grant-operations.ts';
import { adminOperations } from '#shared/tenancy/operations.ts';
import { webhookOperations } from '#shared/webhooks/operations.ts';
import { sendSigned, signedBy } from '#test/support/case-system.ts';
import { makeConnection } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem, writesIn } from '#test/support/problems.ts';
import { WEBHOOKS_UNUSED } from '#test/support/unused.ts';

/** Bodies of about 1 MB that each cost most CPU in another way. None of them is malformed. */
const members = (count: number, name: (at: number) => string) =>
  `{${Array.from({ length: count }, (_, at) => `${JSON.stringify(name(at))}:"v"`).join(',')}}`;
const HOSTILE: Readonly<Record<string, string>> = {
  'of 75,000 members': members(75_000, (at) => `h${at}`),
  'of 75,000 members in a field': `{"headers":${members(75_000, (at) => `h${at}`)}}`,
  'of 80,000 numbered members': members(80_000, String),
  'of half a million numbers': `{"tags":[${'0,'.repeat(500_000)}0]}`,
  'of 300,000 empty objects': `{"addenda":[${'{},'.repeat(300_000)}{}]}`,
  'nested in objects': `${'{"a":'.repeat(170_000)}1${'}'.repeat(170_000)}`,
  'nested in arrays': `{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}`,
};

let livline: Livline;
let at: Caller;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(Object.entries(HOSTILE))('a body %s', (_, raw) => {
  const operations = [
    ...recordOperations(),
    ...webhookOperations(WEBHOOKS_UNUSED),
    ...privacyOperations(),
    ...grantOperations(
      async () => new Map(),
      async () => undefined,
    ),
  ].filter(({ body }) => body !== undefined);

  it('is refused by every operation of a municipality before it is parsed', async () => {
    expect(operations.length).toBeGreaterThan(50);
    const parsed = vi.spyOn(JSON, 'parse');
    for (const { method, path } of operations) {
      const place = path.replace(/^.*\{code\}/, '').replaceAll(/\{\w+\}/g, 'x');
      const reply = await at.send(method, place, { raw, headers: { 'if-match': '"1"' } });
      expectProblem(reply, 422, 'validation_failed', '');
    }
    expect(parsed.mock.calls.filter(([text]) => text === raw)).toEqual([]);
  });

  it('is refused by every operation of an operator', async () => {
    for (const { method, path } of adminOperations().filter(({ body }) => body !== undefined)) {
      const reply = await at.operator(method, path.replace('/v1/admin', '').replaceAll(/\{\w+\}/g, '0630'), { raw });
      expectProblem(reply, 422, 'validation_failed', '');
    }
  });

  it('is refused by an inbox, which stores nothing of it', async () => {
    const { id, secret } = await makeConnection(at);
    const requests = await livline.requestsOf(async () => {
      const reply = await at.inbox(id, { raw, headers: signedBy(secret, raw, { at: livline.now() }) });
      expectProblem(reply, 422, 'validation_failed', '');
    });
    expect(writesIn(requests)).toEqual([]);
  });
});

describe('the count of values', () => {
  it('takes as many as are allowed and refuses one more', () => {
    const list = (values: number) => `[${Array(values).fill('1').join(',')}]`;
    expect(parseJson(list(MOST_VALUES - 1))).toHaveLength(MOST_VALUES - 1);
    expect(() => parseJson(list(MOST_VALUES))).toThrow('at most 5000 values');
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect(() => parseJson(nested(DEEPEST))).not.toThrow();
    expect(() => parseJson(nested(DEEPEST + 1))).toThrow('at most 64 levels');
  });

  it('does not count what stands in texts, however they are escaped', () => {
    for (const text of [',[{'.repeat(50_000), '\\'.repeat(99_999), '"[,'.repeat(30_000), '\\",'.repeat(30_000)]) {
      expect(parseJson(JSON.stringify({ text }))).toEqual({ text });
    }
  });

  it('leaves what is no JSON to be called malformed', async () => {
    for (const raw of ['"', '"\\', '{"a":"', ']]]]', '[}']) expect(() => parseJson(raw)).toThrow(SyntaxError);
    expect((await at.send('POST', '/families', { raw: '{"a":"\\' })).status).toBe(400);
  });

  it('lets the largest message of a known kind through', async () => {
    const connection = await makeConnection(at);
    const note = Array.from({ length: 1_500 }, (_, place) => ({ place, text: 'x' }));
    expect((await sendSigned(at, connection, { type: 'other.kind', data: { note } })).status).toBe(202);
  });
});

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly maxItems?: number;
  readonly anyOf?: readonly JsonSchema[];
}

/** The most values and levels that a body of this schema can have. */
function largest({ properties = {}, items, maxItems, anyOf = [] }: JsonSchema): { values: number; depth: number } {
  const members = Object.values(properties).map(largest);
  if (items) {
    const item = largest(items);
    members.push({ values: item.values * (maxItems ?? Number.POSITIVE_INFINITY), depth: item.depth });
  }
  const one = anyOf.map(largest);
  return {
    values: 1 + members.reduce((sum, { values }) => sum + values, 0) + Math.max(0, ...one.map(({ values }) => values)),
    depth: (members.length > 0 ? 1 : 0) + Math.max(0, ...[...members, ...one].map(({ depth }) => depth)),
  };
}

it.each(RESOURCES.map((resource) => [resource.path, resource] as const))(
  'the largest record of %s is far within the limits',
  (_, { fields }) => {
    const schema = z.toJSONSchema(z.strictObject(fields()), { io: 'input', unrepresentable: 'any' }) as JsonSchema;
    const { values, depth } = largest(schema);
    expect(values).toBeLessThan(MOST_VALUES / 2);
    expect(depth).toBeLessThan(DEEPEST / 4);
  },
);

describe('the headers of an endpoint', () => {
  it('are not looked at one by one where there are more than twenty', async () => {
    const headers = Object.fromEntries(Array.from({ length: 4_900 }, (_, place) => [`host-${place}`, 'v']));
    const lowered = vi.spyOn(String.prototype, 'toLowerCase');
    const reply = await at.post('/webhook-endpoints', { url: 'https://sag.example.dk/x', headers });
    expectProblem(reply, 422, 'validation_failed', '/headers');
    expect(lowered.mock.calls.length).toBeLessThan(500);
  });

  it('are refused once each for a name that stands twice', async () => {
    const reply = await at.post('/webhook-endpoints', {
      url: 'https://sag.example.dk/x',
      headers: { 'x-a': '1', 'X-A': '2', 'X-a': '3' },
    });
    expectProblem(reply, 422, 'validation_failed', '/headers/X-A', '/headers/X-a');
  });
});
