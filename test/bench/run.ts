import { bytes } from './bytes.ts';
import { coldStart } from './cold-start.ts';
import { flood } from './flood.ts';
import { guarantees } from './guarantees.ts';
import { latency } from './latency.ts';
import { type Benchmark, tableOf } from './report.ts';
import { units } from './units.ts';
import { warmCpu } from './warm-cpu.ts';
import { webhooks } from './webhooks.ts';

/** `npm run bench [name …]`: every performance figure with its peer beside it, measured in this one run. */
const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  'cold-start': coldStart,
  'warm-cpu': warmCpu,
  guarantees,
  units,
  bytes,
  latency,
  webhooks,
  flood,
};

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown !== undefined) {
  console.error(`There is no benchmark ${unknown}. There are: ${Object.keys(BENCHMARKS).join(', ')}.`);
  process.exit(2);
}
for (const [name, { title, run }] of Object.entries(BENCHMARKS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`${tableOf(`${name}: ${title}`, await run())}\n`);
}
