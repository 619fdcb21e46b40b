import { beforeAll, describe, expect, it, vi } from 'vitest';
import { selfSigned } from '#test/support/chaos-certificates.ts';
import { subscribe } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';

const DAY_S = 86_400;

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});

/** A certificate for so many days from now on, by the clock of the Livline under test. */
const certificateFor = (days: number) => {
  const now = livline.now().getTime();
  return selfSigned({
    name: 'livline',
    notBefore: new Date(now - 1000),
    notAfter: new Date(now + days * DAY_S * 1000),
  });
};

async function warningsOf(at: Caller): Promise<{ subject: string; data: { daysLeft: number } }[]> {
  // No stream brings it here: the clock finds it after a minute.
  livline.advance(61);
  await livline.clock();
  return (await at.get('/events', { types: 'webhook-endpoint.certificate_expiring' })).body.items;
}

describe('the client certificate of an endpoint', () => {
  it('is warned of 60, 30 and 7 days before it expires, once each, also to the other endpoints', async () => {
    const at = await livline.freshMunicipality();
    const clientCertificate = await certificateFor(90);
    const { id } = await subscribe(livline, at, 'receiver', { clientCertificate });
    await subscribe(livline, at, 'watcher', { types: ['webhook-endpoint.*'] });
    const pipeline = startPipeline(livline, at.code);
    const days: number[] = [];
    for (let day = 1; day <= 91; day += 1) {
      livline.advance(DAY_S);
      if (day % 5 !== 0 && ![29, 31, 59, 61, 82, 84].includes(day)) continue;
      await livline.clock();
      await livline.clock();
      days.push((await warningsOf(at)).length);
    }
    const warnings = await warningsOf(at);
    expect(warnings.map(({ subject, data }) => [subject, data.daysLeft])).toEqual([
      [id, 60],
      [id, 30],
      [id, 7],
    ]);
    expect(days).toEqual([...days].sort((a, b) => a - b));
    expect(pipeline.queue).toEqual([]);
  });

  it('that was replaced in time is warned of by the new date', async () => {
    const at = await livline.freshMunicipality();
    const { id } = await subscribe(livline, at, 'receiver', { clientCertificate: await certificateFor(40) });
    livline.advance(5 * DAY_S);
    const renewed = await certificateFor(365);
    const { body } = await at.get(`/webhook-endpoints/${id}`);
    await at.patch(`/webhook-endpoints/${id}`, { clientCertificate: renewed }, body.version);
    livline.advance(40 * DAY_S);
    await livline.clock();
    expect(await warningsOf(at)).toEqual([]);
    livline.advance(266 * DAY_S);
    await livline.clock();
    expect((await warningsOf(at)).map(({ data }) => data.daysLeft)).toEqual([60]);
  });

  it('is warned of though the clock stood still for weeks, by the nearest date', async () => {
    const at = await livline.freshMunicipality();
    await subscribe(livline, at, 'receiver', { clientCertificate: await certificateFor(70) });
    livline.advance(45 * DAY_S);
    await livline.clock();
    expect(await warningsOf(at)).toHaveLength(1);
    livline.advance(20 * DAY_S);
    await livline.clock();
    expect((await warningsOf(at)).map(({ data }) => data.daysLeft).at(-1)).toBe(7);
  });
});
