import type { ScheduledEvent } from 'aws-lambda';
import { expect, it, vi } from 'vitest';
import { startSchedule } from '#infra/local/schedule.ts';

it('calls at once and at each interval, never twice at a time, and goes on after a failure', async () => {
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const events: ScheduledEvent[] = [];
  let atWork = 0;
  const { stop } = startSchedule(
    async (event) => {
      events.push(event);
      atWork += 1;
      expect(atWork).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      atWork -= 1;
      if (events.length === 1) throw new Error('once');
    },
    { functionName: 'clock', timeout: 1000 },
    5,
  );
  await vi.waitFor(() => expect(events.length).toBeGreaterThan(2));
  await stop();
  expect(events[0]).toMatchObject({ source: 'aws.events', 'detail-type': 'Scheduled Event', region: 'eu-central-1' });
  expect(stderr).toHaveBeenCalledOnce();
  stderr.mockRestore();
});
