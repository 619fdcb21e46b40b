import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { tenantApi } from '#functions/tenant-api/app.ts';
import { TENANT_SCOPES } from '#shared/auth/scopes.ts';
import { keyrings } from '#shared/crypto/keyring.ts';
import type { Store } from '#shared/table/store.ts';
import { PLENTY } from '#test/support/plenty.ts';
import { standInKeys } from '#test/support/stand-in-keys.ts';
import { TYPICAL_FAMILY } from '#test/support/typical-family.ts';
import { WEBHOOKS_UNUSED } from '#test/support/unused.ts';
import { honoZod } from './peers/hono-zod.ts';
import { type Benchmark, measured, ratio } from './report.ts';
import { newSealing } from './sealing.ts';
import { interleaved, ratioOf, summarise } from './statistics.ts';
import { tenantEvent } from './world.ts';

const BATCHES = 31;
const CALLS = 300;

/** A store whose client answers at once: with the context's rows where it is asked for them, else with nothing. */
async function stubbedStore(): Promise<Store> {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'eu-central-1' }));
  const keys = standInKeys();
  const tenant = {
    code: '0630',
    name: 'Vejle',
    cvr: '29189900',
    status: 'live',
    cursorKey: '',
    sealing: await newSealing(keys, '0630'),
  };
  const Responses = {
    stub: [
      { type: 'client', organisation: 'municipal' },
      { type: 'grant', scopes: TENANT_SCOPES, rows: 'all' },
      { type: 'municipality', tenant },
    ],
  };
  client.send = (async (command: { input: object }) =>
    'RequestItems' in command.input ? { Responses } : { Attributes: { used: 1 } }) as unknown as typeof client.send;
  return {
    client,
    tenantClient: () => client,
    keyrings: keyrings(keys),
    tableName: 'stub',
    keysTableName: 'stub-keys',
  };
}

/** Microseconds of CPU for each of a batch of calls. */
async function cpuPerCall(call: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  for (let count = 0; count < CALLS; count += 1) await call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}

export const warmCpu: Benchmark = {
  title: `CPU of a validated POST of a family, warm, store stubbed (${BATCHES} batches of ${CALLS} each)`,
  run: async () => {
    const store = await stubbedStore();
    const livline = tenantApi({ ...WEBHOOKS_UNUSED, store, now: () => new Date(), quotaPerMinute: PLENTY });
    const peer = honoZod(store.client, store.tableName);
    const event = tenantEvent('POST', '/families', { body: TYPICAL_FAMILY });
    const answered = async (answer: Promise<{ statusCode: number; body: string }>) => {
      const { statusCode, body } = await answer;
      if (statusCode !== 201) throw new Error(`The POST answered ${statusCode}: ${body}`);
    };
    const contenders = {
      livline: () => cpuPerCall(() => answered(livline(event))),
      peer: () => cpuPerCall(() => answered(peer(event as never, undefined as never))),
    };
    // Until everything is compiled and optimised.
    await interleaved(contenders, 20);
    const batches = await interleaved(contenders, BATCHES);
    return [
      measured('livline', 'µs', summarise(batches.livline)),
      measured('hono + zod', 'µs', summarise(batches.peer)),
      ratio('livline / hono + zod', ratioOf(batches.livline, batches.peer), 1.5),
    ];
  },
};
