import { beforeAll, describe, expect, it } from 'vitest';
import { FAMILY } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const TRANSACTION = 'TransactWriteItems';

describe('a change of the record that is cut short', () => {
  it('before it was made leaves nothing behind', async () => {
    const caller = await livline.freshMunicipality();
    livline.takeStream();
    await livline.killedAt('sending', TRANSACTION, () => caller.post('/families', { ...FAMILY, externalId: 'F-1' }));
    expect((await caller.get('/families')).body.items).toEqual([]);
    expect((await caller.post('/families', { ...FAMILY, externalId: 'F-1' })).status).toBe(201);
    expect(livline.takeStream()).toHaveLength(1);
  });

  it('after it was made is whole: the record, its lists, its external id and its event', async () => {
    const caller = await livline.freshMunicipality();
    livline.takeStream();
    await livline.killedAt('answer', TRANSACTION, () => caller.put('/families/external/municipal/F-2', FAMILY));
    const again = await caller.put('/families/external/municipal/F-2', FAMILY);
    expect(again).toMatchObject({ status: 200, body: { version: 1 } });
    expect((await caller.get('/families')).body.items).toEqual([again.body]);
  });
});
