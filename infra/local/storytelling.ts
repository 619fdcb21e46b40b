import type { Call, Reply } from './calls.ts';

/** Ends the demo when something is not as the story says. */
export function expect(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`This did not hold: ${what}`);
}

export function expectStatus({ status, body }: Reply, expected: number, what: string): void {
  expect(status === expected, `${what} is answered ${expected}, not ${status} ${String(body['detail'] ?? '')}`);
}

let chapter = 0;
/** Opens the next chapter. */
export function tell(title: string): void {
  chapter += 1;
  console.log(`\n${chapter}. ${title}`);
}
export const show = (line: string): void => console.log(`   ${line}`);

type Fields = Readonly<Record<string, unknown>>;

/** A municipality as one of its clients reaches it. */
export interface Municipality {
  readonly code: string;
  readonly call: Call;
  /** Path of its collections. */
  readonly at: string;
}

/** Creates a record and gives it as it was answered. */
export async function make({ call, at }: Municipality, collection: string, fields: Fields): Promise<Fields> {
  const reply = await call('POST', `${at}/${collection}`, fields);
  expectStatus(reply, 201, `POST ${collection}`);
  return reply.body;
}

/** Creates a record and gives its id. */
export const create = async (municipality: Municipality, collection: string, fields: Fields): Promise<string> =>
  String((await make(municipality, collection, fields))['id']);

/** Takes a record one step on from its version. */
export async function step({ call, at }: Municipality, path: string, version: number, change: Fields): Promise<Fields> {
  const reply = await call('POST', `${at}/${path}/status`, change, { 'if-match': `"${version}"` });
  expectStatus(reply, 200, `${path} becoming ${String(change['status'])}`);
  return reply.body;
}
