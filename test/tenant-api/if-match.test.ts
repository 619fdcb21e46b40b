import { beforeAll, describe, expect, it } from 'vitest';
import type { ProblemCode } from '#shared/errors.ts';
import { makeFamily, makeShift } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem, writesIn } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const CHANGES = [
  ['PATCH', '/families', '', { capacity: 5 }],
  ['POST', '/families', '/status', { status: 'in_training' }],
  ['DELETE', '/shifts', '', undefined],
] as const;

describe.each(CHANGES)('%s %s{id}%s', (method, collection, rest, body) => {
  let caller: Caller;
  let record: string;
  const make = async () => (collection === '/shifts' ? await makeShift(caller) : await makeFamily(caller)).id;
  beforeAll(async () => {
    caller = await livline.freshMunicipality();
    record = await make();
  });

  const change = (id: string, ifMatch: string | undefined) =>
    caller.send(method, `${collection}/${id}${rest}`, {
      ...(body && { body }),
      headers: ifMatch === undefined ? {} : { 'if-match': ifMatch },
    });

  async function expectRefused(ifMatch: string | undefined, status: number, code: ProblemCode): Promise<void> {
    const requests = await livline.requestsOf(async () => {
      expectProblem(await change(record, ifMatch), status, code);
    });
    expect(writesIn(requests)).toEqual([]);
    expect((await caller.get(`${collection}/${record}`)).body.version).toBe(1);
  }

  it.each([undefined, '*', ' * '])('asks for the version that was read when If-Match is %j', async (ifMatch) => {
    await expectRefused(ifMatch, 428, 'precondition_required');
  });

  it.each(['"2"', '"0"', 'W/"1"', '"*"', '"\u00e5"', 'W/"1", "3"'])(
    'refuses what is not the version that stands, and says which one does: %j',
    async (ifMatch) => {
      await expectRefused(ifMatch, 412, 'precondition_failed');
      expect((await change(record, ifMatch)).headers['etag']).toBe('"1"');
    },
  );

  it.each(['1', '"1', 'garbage', ',', '"1" "2"', 'w/"1"'])('says which form is wrong: %j', async (ifMatch) => {
    await expectRefused(ifMatch, 400, 'malformed_request');
  });

  it('says how the version is written where the quotation marks are missing', async () => {
    expect((await change(record, '1')).body.detail).toContain('Put the version in quotation marks: "1".');
  });

  it('is refused with If-None-Match where the record is there, also when If-Match holds', async () => {
    for (const ifNoneMatch of ['*', '"1"', 'W/"1"', '"7", "1"']) {
      const reply = await caller.send(method, `${collection}/${record}${rest}`, {
        ...(body && { body }),
        headers: { 'if-match': '"1"', 'if-none-match': ifNoneMatch },
      });
      expectProblem(reply, 412, 'precondition_failed');
    }
    expect((await caller.get(`${collection}/${record}`)).body.version).toBe(1);
  });

  it.each(['"1"', ' "1" ', '"7", "1"'])('takes the version that stands: %j', async (ifMatch) => {
    expect((await change(await make(), ifMatch)).status).toBeLessThan(300);
  });
});
