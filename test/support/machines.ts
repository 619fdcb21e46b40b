import fc from 'fast-check';
import { expect } from 'vitest';
import { expectReplay } from './history.ts';
import type { Caller } from './livline.ts';
import { expectProblem } from './problems.ts';

/** For each status the ones it leads to. */
export type Steps = ReadonlyMap<string, readonly string[]>;

/** Reads a status machine as the domain page writes it: `planned→held→locked; planned, held→cancelled (reason); open⇄shut`. */
export function stepsOf(notation: string): Steps {
  const steps = new Map<string, string[]>();
  const add = (from: string, to?: string): void => {
    steps.set(from, [...(steps.get(from) ?? []), ...(to === undefined ? [] : [to])]);
  };
  for (const chain of notation.replaceAll(/\([^)]*\)/g, '').split(';')) {
    const parts = chain.split(/([→⇄])/);
    const names = (at: number): string[] => (parts[at] ?? '').split(',').map((name) => name.trim());
    for (let at = 0; at < parts.length; at += 2) {
      for (const from of names(at)) {
        add(from);
        if (at + 2 >= parts.length) continue;
        for (const to of names(at + 2)) {
          add(from, to);
          if (parts[at + 1] === '⇄') add(to, from);
        }
      }
    }
  }
  return steps;
}

interface Walk {
  readonly caller: Caller;
  readonly path: string;
  readonly steps: Steps;
  /** Statuses that need a reason. */
  readonly reasonFor: readonly string[];
  /** The reason for a status where not any will do. */
  readonly reasons?: Readonly<Record<string, string>>;
  /** Makes a record in the machine's first status. */
  readonly make: () => Promise<{ id: string; status: string; version: number }>;
  readonly runs?: number;
  /** Brings the events to the feed and so to the history. */
  readonly relay: () => Promise<unknown>;
}

/**
 * Random walks: a step the machine has is taken, any other is refused, names the allowed ones and changes nothing. The
 * history of each record replays to where it stands, through the statuses of its walk.
 */
export async function expectMachine(given: Walk): Promise<void> {
  const { caller, path, steps, reasonFor, reasons, make, runs = 6, relay } = given;
  const statuses = [...steps.keys()];
  const walked = new Map<string, string[]>();
  const choices = fc.array(fc.nat({ max: 999 }), { minLength: 3, maxLength: 9 });
  await fc.assert(
    fc.asyncProperty(choices, async (walk) => {
      let record = await make();
      expect(record.status).toBe(statuses[0]);
      const at = `${path}/${record.id}`;
      const been = [record.status];
      walked.set(at, been);
      for (const choice of walk) {
        const allowed = steps.get(record.status) ?? [];
        // Allowed steps stand here thrice, so that walks get somewhere.
        const offered = [...statuses, ...allowed, ...allowed];
        const status = offered[choice % offered.length] as string;
        const body = { status, ...(reasonFor.includes(status) && { reason: reasons?.[status] ?? 'Som aftalt' }) };
        const reply = await caller.status(at, record.version, body);
        if (allowed.includes(status)) {
          expect(reply).toMatchObject({ status: 200, body: { status, version: record.version + 1 } });
          // The reason is a person's own words: no answer to a write repeats it.
          expect(reply.body.statusReason).toBeUndefined();
          expect((await caller.get(at)).body.statusReason).toBe(body.reason);
          record = reply.body;
          been.push(status);
        } else {
          expectProblem(reply, 409, 'illegal_transition');
          for (const step of allowed) expect(reply.body.detail).toContain(step);
          expect((await caller.get(at)).body).toMatchObject({ status: record.status, version: record.version });
        }
      }
    }),
    { numRuns: runs },
  );
  await relay();
  for (const [at, been] of walked) {
    const history = await expectReplay(caller, at);
    expect(history.map(({ status }) => status)).toEqual(been);
    for (const { changed } of history.slice(1)) expect(changed).toContain('status');
  }
}
