import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { TYPICAL_FAMILY } from '#test/support/typical-family.ts';
import { type Benchmark, type Figure, measured } from './report.ts';
import { interleaved, ratioOf, summarise } from './statistics.ts';
import { startWorld, type World } from './world.ts';

const SAMPLES = 150;

async function millisecondsOf(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

async function measure({ send, store, code }: World): Promise<Figure[]> {
  const ids: string[] = [];
  while (ids.length < 50) ids.push((await send('POST', '/families', { body: TYPICAL_FAMILY })).id);
  const query = new QueryCommand({
    TableName: store.tableName,
    IndexName: 'list',
    KeyConditionExpression: 'listPk = :pk',
    ExpressionAttributeValues: { ':pk': `T#${code}#L#families` },
    Limit: 50,
  });
  const bare = async () => JSON.stringify((await store.client.send(query)).Items);
  const contenders = {
    get: () => millisecondsOf(() => send('GET', `/families/${ids[0]}`)),
    list: () => millisecondsOf(() => send('GET', '/families', { query: { limit: '50' } })),
    bare: () => millisecondsOf(bare),
  };
  await interleaved(contenders, 30);
  const times = await interleaved(contenders, SAMPLES);
  const { median, lower, upper } = ratioOf(times.list, times.bare);
  return [
    measured('get', 'ms', summarise(times.get)),
    measured('list, a page of 50', 'ms', summarise(times.list)),
    measured('the same Query by the document client alone', 'ms', summarise(times.bare)),
    {
      name: 'list / Query alone',
      value: median.toFixed(2),
      spread: `${lower.toFixed(2)}–${upper.toFixed(2)}`,
    },
  ];
}

export const latency: Benchmark = {
  title: `Latency of reads, warm, the emulator's part included (${SAMPLES} each)`,
  run: async () => {
    const world = await startWorld();
    try {
      return await measure(world);
    } finally {
      await world.stop();
    }
  },
};
