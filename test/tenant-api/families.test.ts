import { beforeAll, describe, expect, it } from 'vitest';
import { type Livline, startLivline } from '#test/support/livline.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const family = { alias: 'Familien ved åen', kind: 'almen', careForms: ['doegn'], capacity: 2 };

describe('families', () => {
  it('is created in its first status, with Location and ETag, and read back the same', async () => {
    const it = await livline.freshMunicipality();
    const created = await it.post('/families', family);
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      ...family,
      municipality: it.code,
      version: 1,
      status: 'applicant',
      type: 'plejefamilie',
      source: 'municipal',
    });
    expect(created.headers).toMatchObject({
      etag: '"1"',
      location: `/v1/municipalities/${it.code}/families/${created.body.id}`,
    });
    const read = await it.get(`/families/${created.body.id}`);
    expect(read.body).toEqual(created.body);
  });
});
