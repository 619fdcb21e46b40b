import { beforeAll, describe, expect, it } from 'vitest';
import { madeKeysPartition } from '#shared/table/keys.ts';
import { scopedTable } from '#shared/table/scoped-table.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const provision = (code: string) => livline.operator('POST', '/municipalities', { body: { code } });
const noted = async () => {
  const table = scopedTable(livline.store, []);
  const { rows } = await table.query({ index: 'list', partition: madeKeysPartition, limit: 100 });
  return rows.map((row) => (row['view'] as { keyId: string }).keyId);
};
const QUARTER = 15 * 60;

describe('a key that is made for a municipality', () => {
  it('is noted until it is known to be used, and stays', async () => {
    const code = livline.nextCode();
    await provision(code);
    expect(await noted()).toEqual([livline.keys.keys.get(code)]);
    await livline.lifecycle();
    expect(await noted()).toEqual([]);
    livline.advance(QUARTER + 1);
    await livline.lifecycle();
    expect(livline.keys.keys.has(code)).toBe(true);
  });

  it('in vain, because several provisioned at once, is discarded by the lifecycle after a quarter of an hour', async () => {
    const code = livline.nextCode();
    await Promise.all(Array.from({ length: 4 }, () => provision(code)));
    const inVain = livline.keys.inVain.size;
    expect(await noted()).toHaveLength(inVain + 1);
    livline.advance(QUARTER - 60);
    await livline.lifecycle();
    expect(livline.keys.inVain.size).toBe(inVain);
    livline.advance(120);
    await livline.lifecycle();
    expect([...livline.keys.inVain]).toEqual([]);
    expect(await noted()).toEqual([]);
    expect((await livline.operator('GET', `/municipalities/${code}`)).body.status).toBe('test');
  });

  it('stays for the next attempt where the process ended before the municipality had its row', async () => {
    const code = livline.nextCode();
    await livline.killedAt('sending', 'PutItem', () => provision(code), 1);
    livline.advance(QUARTER + 1);
    await livline.lifecycle();
    const key = livline.keys.keys.get(code);
    expect(await noted()).toEqual([key]);
    expect((await provision(code)).status).toBe(201);
    expect(livline.keys.keys.get(code)).toBe(key);
  });
});
