import { beforeAll, describe, expect, it, vi } from 'vitest';
import { inboxApi } from '#functions/inbox/app.ts';
import { signedBy } from '#test/support/case-system.ts';
import { type AnyRow, contentOf, restore, rowsOf } from '#test/support/content.ts';
import { makeConnection, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { atEveryCall } from '#test/support/mortal.ts';
import { PLENTY } from '#test/support/plenty.ts';
import { proxyEvent } from '#test/support/proxy-event.ts';

let livline: Livline;
let at: Caller;
let before: AnyRow[];
let connection: { id: string; secret: string };
let family: { id: string };

beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  connection = await makeConnection(at);
  family = await makeFamily(at);
  before = await contentOf(livline.store);
});

const CASE = { system: 'DUBU', caseNumber: '27.03.00-G01-12-26' };

describe('an inbox that dies before its first call or after any', () => {
  it('has the message once, applied once, when the sender comes again or the clock does, if it answered 202 or not', async () => {
    const raw = JSON.stringify({ type: 'case.linked', data: { objectId: family.id, caseRef: CASE } });
    const headers = () => signedBy(connection.secret, raw, { id: 'msg_1', at: livline.now() });
    const start = livline.now().getTime();
    for (const resent of [true, false]) {
      const calls = await atEveryCall(async (life, lastCall) => {
        await restore(livline.store, before);
        livline.advance((start - livline.now().getTime()) / 1000);
        const inbox = inboxApi({
          store: life.store(livline.storeOf('inbox')),
          now: livline.now,
          quotaPerMinute: PLENTY,
        });
        const path = `/v1/municipalities/${at.code}/inbox/${connection.id}`;
        const { statusCode } = await inbox(
          proxyEvent({ method: 'POST', path, claims: undefined, raw, headers: headers() }),
        );
        await life.over();
        if (resent) expect((await at.inbox(connection.id, { raw, headers: headers() })).status).toBe(202);
        livline.advance(61);
        await livline.clock();

        const told = `dead after call ${lastCall}, ${resent ? 'sent again' : 'not sent again'}`;
        const kept = await rowsOf(livline.store, at.code, 'inbox');
        if (statusCode === 202 || resent)
          expect(
            kept.map(({ view }) => view.status),
            told,
          ).toEqual(['applied']);
        const { body } = await at.get(`/families/${family.id}`);
        expect([body.version, body.caseRefs], told).toEqual(kept.length === 1 ? [2, [CASE]] : [1, undefined]);
      });
      expect(calls).toBeGreaterThan(6);
    }
  });
});
