import { beforeAll, describe, expect, it } from 'vitest';
import { makeFamily, makeShift } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
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
  /** Sends the change with this If-Match and tells whether anything was written. */
  async function change(ifMatch: string | undefined) {
    const caller = await livline.freshMunicipality();
    const { id } = collection === '/shifts' ? await makeShift(caller) : await makeFamily(caller);
    const headers = ifMatch === undefined ? {} : { 'if-match': ifMatch };
    const options = { headers, ...(body && { body }) };
    let reply = await caller.get('/');
    const requests = await livline.requestsOf(async () => {
      reply = await caller.send(method, `${collection}/${id}${rest}`, options);
    });
    return { reply, writes: writesIn(requests) };
  }

  it.each([undefined, '*', ' * '])('asks for the version that was read when If-Match is %j', async (ifMatch) => {
    const { reply, writes } = await change(ifMatch);
    expectProblem(reply, 428, 'precondition_required');
    expect(writes).toEqual([]);
  });

  it.each(['"2"', '"0"', '1', 'W/"1"', '"1', 'garbage', '"*"', ',', '"\u00e5"'])(
    'refuses what is not the version that stands: %j',
    async (ifMatch) => {
      const { reply, writes } = await change(ifMatch);
      expectProblem(reply, 412, 'precondition_failed');
      expect(writes).toEqual([]);
    },
  );

  it.each(['"1"', ' "1" ', '"7", "1"'])('takes the version that stands: %j', async (ifMatch) => {
    expect((await change(ifMatch)).reply.status).toBeLessThan(300);
  });
});
