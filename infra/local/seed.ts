import { setTimeout as pause } from 'node:timers/promises';
import { type Call, type Credentials, callerOf, fetchToken } from './calls.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';
import type { LocalProduct } from './product.ts';
import { CARELINK, MUNICIPALITIES, PROGRAMME, type SeedRecord } from './seed-records.ts';

/** What `npm start` writes for whoever tries the product. */
interface CredentialsFile {
  readonly apiUrl: string;
  readonly tokenUrl: string;
  readonly docsUrl: string;
  readonly operator: Credentials;
  readonly municipalities: Readonly<Record<string, Credentials>>;
  readonly partners: Readonly<Record<string, Credentials>>;
}

/** Puts the ids of earlier records where fields name them. */
function resolve(value: unknown, ids: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((entry) => resolve(entry, ids));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, resolve(entry, ids)]));
  }
  if (typeof value !== 'string') return value;
  return value.replaceAll(/\{([\w-]+)\}/g, (_, name: string) => {
    const id = ids.get(name);
    if (id === undefined) throw new Error(`The seed names ${name} before it exists`);
    return id;
  });
}

/** Requests under way at a time. */
const AT_ONCE = 8;

/** Records in a row of one collection do not name one another, so they are written side by side. */
function batchesOf(records: readonly SeedRecord[]): SeedRecord[][] {
  const batches: SeedRecord[][] = [];
  for (const record of records) {
    const last = batches.at(-1);
    if (last?.[0]?.path === record.path && last.length < AT_ONCE) last.push(record);
    else batches.push([record]);
  }
  return batches;
}

/** Writes records in order, each under its external id, so that seeding twice is seeding once. `known` are ids by name. */
async function push(
  call: Call,
  code: string,
  source: string,
  records: readonly SeedRecord[],
  known: readonly [string, string][] = [],
): Promise<void> {
  const ids = new Map<string, string>(known);
  const write = async ({ path, name, fields }: SeedRecord): Promise<void> => {
    const collection = `/v1/municipalities/${code}/${String(resolve(path, ids))}`;
    const { status, body } = await call('PUT', `${collection}/external/${source}/${name}`, resolve(fields, ids));
    if (status !== 200 && status !== 201)
      throw new Error(`Seeding ${code} ${name} was answered ${status}: ${String(body['detail'])}`);
    ids.set(name, String(body['id']));
  };
  for (const batch of batchesOf(records)) await Promise.all(batch.map(write));
}

const clientOf = (body: Readonly<Record<string, unknown>>): Credentials => {
  const { clientId, clientSecret } = body['client'] as Credentials;
  return { clientId, clientSecret };
};

/**
 * Provisions a municipality and gives credentials that it made from inside, as every municipality does before it goes
 * live. Those that its operator has seen are kept nowhere.
 */
async function provision({ apiUrl, tokenUrl }: LocalProduct, operator: Call, code: string): Promise<Credentials> {
  const { status, body } = await operator('POST', '/v1/admin/municipalities', { code });
  if (status !== 201) {
    throw new Error(
      `An earlier start provisioned ${code} and kept no credentials of it: \`npm start -- --fresh\` begins anew.`,
    );
  }
  const seen = clientOf(body);
  const call = callerOf(apiUrl, await fetchToken(tokenUrl, seen));
  const added = await call('POST', `/v1/municipalities/${code}/clients/${seen.clientId}/credentials`);
  const { clientId, clientSecret } = added.body['credential'] as Credentials;
  return { clientId, clientSecret };
}

/** Takes a municipality live, which ends the credentials that its operator has seen. */
async function goLive(operator: Call, code: string): Promise<void> {
  const { status, body } = await operator('POST', `/v1/admin/municipalities/${code}/status`, { status: 'live' });
  if (status !== 200) throw new Error(`Taking ${code} live was answered ${status}: ${String(body['detail'])}`);
}

/** Sets the programme up, unless an earlier start did, and gives its id. */
async function setUpProgramme(operator: Call): Promise<string> {
  const { body: list } = await operator('GET', '/v1/admin/programmes');
  const [standing] = list['items'] as { id: string }[];
  if (standing) return standing.id;
  const { status, body } = await operator('POST', '/v1/admin/programmes', PROGRAMME);
  if (status !== 201) throw new Error(`Setting up the programme was answered ${status}: ${String(body['detail'])}`);
  return String(body['id']);
}

/** Registers Carelink, and lets the municipalities that work with it give its client access. */
async function registerCarelink(operator: Call, at: (code: string) => Promise<Call>): Promise<Credentials> {
  await operator('POST', '/v1/admin/partners', { id: 'carelink', name: 'Carelink' });
  const { body } = await operator('POST', '/v1/admin/partners/carelink/clients', { name: 'Carelink platform' });
  const client = clientOf(body);
  for (const code of CARELINK.grants) {
    const municipality = await at(code);
    const access = { preset: CARELINK.preset };
    const { status } = await municipality('PUT', `/v1/municipalities/${code}/grants/${client.clientId}`, access);
    if (status !== 200) throw new Error(`Granting Carelink access in ${code} was answered ${status}`);
  }
  return client;
}

/** The file of an earlier start, so far as it can be read. */
function kept(path: string): Partial<CredentialsFile> {
  try {
    return (readJsonFile(path) ?? {}) as Partial<CredentialsFile>;
  } catch {
    return {};
  }
}

/**
 * Provisions the programme's municipalities and Carelink through the front door and writes their credentials to `file`
 * after each one, takes the municipalities live, and fills them. A start that died half way goes over it again, which
 * changes nothing of what is there, and one that was finished, Carelink being the last, finds all of it there.
 */
export async function seed(product: LocalProduct, file: string): Promise<void> {
  const { apiUrl, tokenUrl, docsUrl, operator } = product;
  const before = kept(file);
  const municipalities: Record<string, Credentials> = { ...before.municipalities };
  const partners: Record<string, Credentials> = { ...before.partners };
  const keep = () =>
    writeJsonFile(file, { apiUrl, tokenUrl, docsUrl, operator, municipalities, partners } satisfies CredentialsFile);
  keep();

  const admin = callerOf(apiUrl, await fetchToken(tokenUrl, operator));
  for (const { code } of MUNICIPALITIES) {
    if (municipalities[code]) continue;
    municipalities[code] = await provision(product, admin, code);
    keep();
  }
  if (partners['carelink']) return;
  for (const { code } of MUNICIPALITIES) await goLive(admin, code);
  // Tokens of the second in which a credential ended are refused too.
  await pause(1_000);
  const programme = await setUpProgramme(admin);
  const at = async (code: string) => callerOf(apiUrl, await fetchToken(tokenUrl, municipalities[code] as Credentials));
  for (const { code, records } of MUNICIPALITIES) {
    const call = await at(code);
    await push(call, code, 'municipal', records(), [['programme', programme]]);
  }
  const carelink = await registerCarelink(admin, at);
  const call = callerOf(apiUrl, await fetchToken(tokenUrl, carelink));
  for (const code of CARELINK.grants) await push(call, code, 'carelink', CARELINK.records(code));
  partners['carelink'] = carelink;
  keep();
}
