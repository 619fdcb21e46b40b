import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ProblemCode } from '#shared/errors.ts';
import { CALL, FAMILY, makeCall, makeConsultant, makeFamily, makeHelpline, SESSION } from '#test/support/examples.ts';
import { type Caller, type Livline, type Send, startLivline } from '#test/support/livline.ts';
import { expectProblem, writesIn } from '#test/support/problems.ts';

let livline: Livline;
let caller: Caller;
beforeAll(async () => {
  livline = await startLivline();
  caller = await livline.freshMunicipality();
});

/** The request is refused in this way, and nothing is sent that could change a row. */
async function expectRefused(
  method: string,
  path: string,
  options: Send,
  [status, code, ...pointers]: readonly [number, ProblemCode, ...string[]],
): Promise<void> {
  const requests = await livline.requestsOf(async () => {
    expectProblem(await caller.send(method, path, options), status, code, ...pointers);
  });
  expect(writesIn(requests)).toEqual([]);
}

const LONG = 'a'.repeat(1_048_576);
const json = (fields: string) => `{"alias":"A","kind":"almen",${fields}}`;

describe('a body', () => {
  const malformed: [string, string][] = [
    ['cut short', '{"alias":"A"'],
    ['empty', ''],
    ['with a byte order mark', `\ufeff${json('"capacity":1')}`],
    ['with a comment', '{"alias":"A" /* navn */}'],
    ['with a number like no other', json('"capacity":01')],
    ['in single quotes', "{'alias':'A'}"],
    ['of two values', '{} {}'],
  ];
  it.each(malformed)('%s is not JSON', async (_, raw) => {
    const headers = { 'content-type': 'application/json' };
    await expectRefused('POST', '/families', { raw, headers }, [400, 'malformed_request']);
  });

  it.each([
    ['side by side', '{"alias":"A","alias":"A","kind":"almen"}'],
    ['in another spelling', '{"alias":"A","\\u0061lias":"B","kind":"almen"}'],
    ['within a list', '{"alias":"A","kind":"almen","caseRefs":[{"system":"DUBU","system":"B","caseNumber":"1"}]}'],
    ['where the one that is lost has members of its own', '{"alias":{"b":1},"alias":"A","kind":"almen"}'],
  ])('with two members of one name %s is malformed', async (_, raw) => {
    await expectRefused('POST', '/families', { raw }, [400, 'malformed_request']);
  });

  it('may hold colons in its texts', async () => {
    const raw = '{"alias":"a:b \\":\\" c","kind":"almen","capacity":2}';
    expect((await caller.send('POST', '/families', { raw })).status).toBe(201);
  });

  it('may name its charset in quotation marks', async () => {
    const headers = { 'content-type': 'application/json; charset="UTF-8"' };
    expect((await caller.send('POST', '/families', { body: FAMILY, headers })).status).toBe(201);
  });

  it.each(['null', '[]', '"text"', '1', 'true'])('that is %s is no object', async (raw) => {
    const requests = await livline.requestsOf(async () => {
      const { body } = await caller.send('POST', '/families', { raw });
      expect(body).toMatchObject({ status: 422, errors: [{ pointer: '', code: 'invalid_type' }] });
    });
    expect(writesIn(requests)).toEqual([]);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'application/json; charset=latin1',
    '',
  ])('of type %j is not taken', async (type) => {
    const options = { body: FAMILY, headers: { 'content-type': type } };
    await expectRefused('POST', '/families', options, [415, 'unsupported_media_type']);
  });

  it('of more than 1 MB is too large, and one of 1 MB is looked at', async () => {
    const padded = (bytes: number) => ({ raw: JSON.stringify({ ...FAMILY, alias: 'A' }).padEnd(bytes) });
    await expectRefused('POST', '/families', padded(1_048_577), [413, 'payload_too_large']);
    await expectRefused('POST', '/families', { raw: `"${'å'.repeat(600_000)}"` }, [413, 'payload_too_large']);
    expect((await caller.send('POST', '/families', padded(1_048_576))).status).toBe(201);
  });

  const fields: [string, string, ...string[]][] = [
    ['a number for a text', '"outsideWork":1', '/outsideWork'],
    ['a text for a number', '"capacity":"2"', '/capacity'],
    ['half a child', '"capacity":1.5', '/capacity'],
    ['eleven children', '"capacity":11', '/capacity'],
    ['minus one child', '"capacity":-1', '/capacity'],
    ['more children than a number holds', '"capacity":1e999', '/capacity'],
    ['a number of a thousand digits', `"capacity":${'9'.repeat(1_000)}`, '/capacity'],
    ['null where nothing is meant', '"capacity":null', '/capacity'],
    ['a field that does not exist', '"colour":"red"', '/colour'],
    ['fields that do not exist', '"a~b":1,"c/d":2,"e\\u0000f":3', '/a?b', '/c?d', '/e?f'],
    ['a field in a group that does not exist', '"caseRefs":[{"system":"DUBU","sag":1}]', '/caseRefs/0/sag'],
    ['a member called __proto__', '"__proto__":{"kind":"almen"}', '/__proto__'],
    ['a member called __proto__ further in', '"caseRefs":[{"system":"x","__proto__":1}]', '/caseRefs/0/__proto__'],
    ['a member called constructor', '"constructor":{"prototype":{}}', '/constructor'],
    ['a lone surrogate', '"tilbudsportalId":"\\ud800"', '/tilbudsportalId'],
    ['what is no character', '"tilbudsportalId":"\udbff\udfff"', '/tilbudsportalId'],
    ['a control character', '"tilbudsportalId":"a\\u0007b"', '/tilbudsportalId'],
    ['a line break in a line', '"tilbudsportalId":"a\\nb"', '/tilbudsportalId'],
    ['nothing but spaces', '"tilbudsportalId":"   "', '/tilbudsportalId'],
    ['too long a text', `"tilbudsportalId":"${'a'.repeat(51)}"`, '/tilbudsportalId'],
    ['far too long a text', `"tilbudsportalId":"${LONG.slice(100)}"`, '/tilbudsportalId'],
    ['a # in its external id', '"externalId":"a#b"', '/externalId'],
    ['a / in its external id', '"externalId":"a/b"', '/externalId'],
    ['a control character in its external id', '"externalId":"a\\u0000b"', '/externalId'],
    ['a lone surrogate in its external id', '"externalId":"\\udc00"', '/externalId'],
    ['an empty external id', '"externalId":""', '/externalId'],
    ['two faults', '"capacity":"2","pressure":"extreme"', '/capacity', '/pressure'],
  ];
  it.each(fields)('with %s is refused', async (_, raw, ...pointers) => {
    await expectRefused('POST', '/families', { raw: json(raw) }, [422, 'validation_failed', ...pointers]);
  });

  it('with a thousand faults names a hundred', async () => {
    const raw = JSON.stringify(Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`f${at}`, at])));
    const { body } = await caller.send('POST', '/families', { raw });
    expect(body).toMatchObject({ status: 422, errors: { length: 100 } });
  });

  it('nested without end is refused, whether it creates or patches', async () => {
    const deep = (open: string, close: string) => `${open.repeat(60_000)}1${close.repeat(60_000)}`;
    const { id } = await makeFamily(caller);
    for (const value of [deep('{"a":', '}'), deep('[', ']')]) {
      await expectRefused('POST', '/families', { raw: json(`"x":${value}`) }, [422, 'validation_failed', '']);
      const patch = { raw: `{"approval":${value}}`, headers: { 'if-match': '"1"' } };
      const requests = await livline.requestsOf(async () => {
        expect((await caller.send('PATCH', `/families/${id}`, patch)).body.type).toBe('/problems/validation_failed');
      });
      expect(writesIn(requests)).toEqual([]);
    }
  });

  it('that would make a record larger than the database holds is refused', async () => {
    const { id: familyId } = await makeFamily(caller);
    const addenda = Array.from({ length: 100 }, () => ({ at: SESSION.at, text: 'å'.repeat(4_000) }));
    const body = { ...SESSION, form: 'individual', familyId, addenda };
    const { body: problem } = await caller.post('/supervision-sessions', body);
    expect(problem).toMatchObject({ status: 422, errors: [{ pointer: '', code: 'too_long' }] });
  });

  it('of the longest names in the widest characters is kept', async () => {
    for (const char of ['%', '#', 'å', '🏡', '\u{10fffd}']) {
      const alias = char.repeat(200 / char.length);
      const { id } = await makeFamily(caller, { alias, ...(char !== '#' && { externalId: alias }) });
      expect((await caller.get(`/families/${id}`)).body.alias).toBe(alias);
    }
  });
});

describe('a reference', () => {
  it('that is no id is refused before anything is looked up', async () => {
    const { id } = await makeHelpline(caller);
    for (const helplineId of ['1', `${id}#A`, `${id}\n`, '', null, 1, { id }]) {
      await expectRefused('POST', '/calls', { body: { ...CALL, helplineId } }, [
        422,
        'validation_failed',
        '/helplineId',
      ]);
    }
  });

  it('to a record of another kind is unknown, also where the same id stands for two kinds, or for itself', async () => {
    const { id: helplineId } = await makeHelpline(caller);
    const twice = await caller.post('/calls', { ...CALL, helplineId, familyId: helplineId });
    expectProblem(twice, 422, 'unknown_reference', '/familyId');
    const { id } = await makeCall(caller, { helplineId });
    expectProblem(await caller.patch(`/calls/${id}`, { familyId: id }, 1), 422, 'unknown_reference', '/familyId');
    const { id: leader } = await makeConsultant(caller);
    const session = { ...SESSION, form: 'individual', familyId: (await makeFamily(caller)).id };
    const both = await caller.post('/supervision-sessions', { ...session, themeId: leader, facilitatorIds: [leader] });
    expectProblem(both, 422, 'unknown_reference', '/themeId');
    expect((await caller.get(`/calls/${id}`)).body.version).toBe(1);
  });
});

describe('a path', () => {
  const ids = [
    '1',
    '%23',
    'a%23A',
    '%00',
    '%0a',
    '%zz',
    '%',
    '%ff',
    '%ed%a0%80',
    '..%2f..',
    'a'.repeat(3_000),
    '%F0%9F%8F%A1',
  ];
  it.each(ids)('with the id %j leads nowhere', async (id) => {
    await expectRefused('GET', `/families/${id}`, {}, [404, 'not_found']);
    await expectRefused('PATCH', `/families/${id}`, { body: {}, headers: { 'if-match': '"1"' } }, [404, 'not_found']);
    await expectRefused('GET', `/families/external/${id}/x`, {}, [404, 'not_found']);
  });

  it.each(['%23', 'a%2fb', 'a'.repeat(201)])('with the external id %j is refused', async (id) => {
    const refusal = [422, 'validation_failed', '/path/externalId'] as const;
    await expectRefused('PUT', `/families/external/municipal/${id}`, { body: FAMILY }, refusal);
    await expectRefused('GET', `/families/external/municipal/${id}`, {}, refusal);
  });
});

describe('a query', () => {
  it('with a parameter given twice is malformed', async () => {
    await expectRefused('GET', '/families', { query: { limit: ['1', '2'] } }, [400, 'malformed_request']);
  });

  it('with a parameter that does not exist is refused', async () => {
    const query = JSON.parse('{"__proto__":"1"}') as Record<string, string>;
    await expectRefused('GET', '/families', { query }, [422, 'validation_failed', '/query/__proto__']);
    await expectRefused('GET', '/families', { query: { q: 'a' } }, [422, 'validation_failed', '/query/q']);
  });

  it('with a parameter that does not exist is told the nearest one, in Danish too', async () => {
    const send = (language: string) =>
      caller.send('GET', '/families', { query: { lmit: '5' }, headers: { 'accept-language': language } });
    expect((await send('en')).body.errors[0].detail).toBe(
      'There is no such query parameter here. The nearest is limit.',
    );
    expect((await send('da')).body.errors[0].detail).toBe('Parameteren findes ikke her. Den nærmeste er limit.');
  });

  it('is refused where the operation takes none', async () => {
    const { id } = await makeFamily(caller);
    const query = { lmit: '5' };
    const refusal = [422, 'validation_failed', '/query/lmit'] as const;
    await expectRefused('GET', `/families/${id}`, { query }, [...refusal]);
    await expectRefused('POST', '/families', { body: FAMILY, query }, [...refusal]);
    await expectRefused('GET', '/settings', { query }, [...refusal]);
  });

  it('that is not valid UTF-8 is malformed', async () => {
    await expectRefused('GET', '/families', { query: { status: 'gr\ufffd' } }, [400, 'malformed_request']);
  });

  it.each(['0x10', '1e2', ' 5', '+5', '5.0', '', '\u0665'])('with the number %j is refused', async (limit) => {
    await expectRefused('GET', '/families', { query: { limit } }, [422, 'validation_failed', '/query/limit']);
  });

  it('with a filter longer than any value is refused', async () => {
    const query = { kind: 'a'.repeat(201) };
    await expectRefused('GET', '/families', { query }, [422, 'validation_failed', '/query/kind']);
  });

  it('does not find what it was not asked for', async () => {
    expect((await caller.get('/calls', { familyId: randomUUID() })).body).toEqual({ items: [] });
  });
});
