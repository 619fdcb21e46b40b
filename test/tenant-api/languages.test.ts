import { beforeAll, describe, expect, it } from 'vitest';
import { preferredLanguage } from '#functions/problem.ts';
import { type Caller, startLivline } from '#test/support/livline.ts';

let municipality: Caller;
beforeAll(async () => {
  municipality = await (await startLivline()).freshMunicipality();
});

const FAMILY = { alias: '', kind: 'almen', careForms: ['doegn'], capacity: 1.5 };

describe('a request that is invalid', () => {
  it('is answered in sentences that name what each field must be', async () => {
    const { status, body, headers } = await municipality.post('/families', FAMILY);
    expect(status).toBe(422);
    expect(headers['content-language']).toBe('en');
    expect(body).toMatchObject({
      title: 'Validation failed',
      detail: '2 fields are invalid.',
      errors: [
        { pointer: '/alias', code: 'too_short', detail: 'This must not be empty.' },
        { pointer: '/capacity', code: 'invalid_type', detail: 'This must be a whole number.' },
      ],
    });
  });

  it('is answered in Danish if the caller prefers Danish, with the same codes and pointers', async () => {
    const headers = { 'accept-language': 'da-DK, da;q=0.9, en;q=0.8' };
    const reply = await municipality.send('POST', '/families', { body: FAMILY, headers });
    expect(reply.headers['content-language']).toBe('da');
    expect(reply.body).toMatchObject({
      type: '/problems/validation_failed',
      title: 'Ugyldige oplysninger',
      detail: '2 felter er ugyldige.',
      errors: [
        { pointer: '/alias', code: 'too_short', detail: 'Må ikke være tomt.' },
        { pointer: '/capacity', code: 'invalid_type', detail: 'Skal være et helt tal.' },
      ],
    });
  });

  it('names a query parameter as what it is, and says nothing of storing where nothing could be stored', async () => {
    const { status, body } = await municipality.get('/families', { limit: 'many' });
    expect(status).toBe(422);
    expect(body).toMatchObject({ detail: '1 query parameter is invalid.', errors: [{ pointer: '/query/limit' }] });
    expect(JSON.stringify(body)).not.toMatch(/NaN|received|stored/);
  });
});

it('a problem whose texts exist in English alone is told in English, and says so', async () => {
  const headers = { 'accept-language': 'da' };
  const reply = await municipality.send('GET', '/families/00000000-0000-7000-8000-000000000000', { headers });
  expect([reply.status, reply.headers['content-language'], reply.body.title]).toEqual([404, 'en', 'Not found']);
});

it.each([
  [undefined, 'en'],
  ['', 'en'],
  ['*', 'en'],
  ['en, da', 'en'],
  ['da', 'da'],
  ['da-DK', 'da'],
  ['DA', 'da'],
  ['en;q=0.5, da;q=0.6', 'da'],
  ['da;q=0, en', 'en'],
  ['de, da;q=0.1', 'da'],
  ['dan', 'en'],
  [';;;,,,q=', 'en'],
])('Accept-Language %j asks for %s', (header, language) => {
  expect(preferredLanguage(header)).toBe(language);
});
