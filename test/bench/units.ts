import { measureUnits, type UnitCase } from '#test/support/unit-cases.ts';
import type { Benchmark, Figure } from './report.ts';
import { startWorld } from './world.ts';

/** How much more is spent than the least; nothing spent where nothing is needed is all right. */
const over = (spent: number, least: number): number => (least === 0 ? 1 + spent : spent / least);

function figureOf({ operation, units, least }: UnitCase): Figure {
  const worst = Math.max(over(units.write, least.write), over(units.read, least.read));
  return {
    name: operation,
    value: `${units.write} write, ${units.read} read`,
    spread: `least ${least.write}, ${least.read}`,
    target: '= 1.00',
    met: worst === 1,
  };
}

export const units: Benchmark = {
  title: 'Capacity units of a family’s operations by formula, against the least that their guarantees can cost',
  run: async () => {
    // A clock that goes by the request: no minute of a context or a quota ends between two operations.
    let time = Date.UTC(2026, 10, 20);
    const world = await startWorld({ now: () => new Date(time++) });
    try {
      return (await measureUnits(world)).map(figureOf);
    } finally {
      await world.stop();
    }
  },
};
