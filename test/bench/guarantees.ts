import { createHash, createHmac, randomUUID } from 'node:crypto';
import type { Context } from '#shared/auth/context.ts';
import { nameOfPerson } from '#shared/crypto/key-names.ts';
import { type Keyring, keyrings } from '#shared/crypto/keyring.ts';
import { newPersonKey } from '#shared/crypto/person-key.ts';
import { seal } from '#shared/crypto/seal.ts';
import { parseJson } from '#shared/json.ts';
import { entryWrites } from '#shared/privacy/access-chain.ts';
import { requestFingerprint } from '#shared/record/keyed-hash.ts';
import { cprLikeIn } from '#shared/record/plain-text.ts';
import { rowMac } from '#shared/record/row-mac.ts';
import { schemasOf } from '#shared/record/schemas.ts';
import { families } from '#shared/resources/families.ts';
import { standInKeys } from '#test/support/stand-in-keys.ts';
import { TYPICAL_FAMILY } from '#test/support/typical-family.ts';
import { type Benchmark, type Figure, measured } from './report.ts';
import { newSealing } from './sealing.ts';
import { interleaved, summarise } from './statistics.ts';

const BATCHES = 31;
const CALLS = 400;
const CODE = '0630';

/** A keyring whose keys are unwrapped already, as in a warm process. */
async function openKeyring(): Promise<Keyring> {
  const keys = standInKeys();
  const keyring = keyrings(keys)(CODE, await newSealing(keys, CODE));
  await Promise.all([keyring.key('1'), keyring.lookupKey(), keyring.integrityKey()]);
  return keyring;
}

/** Microseconds of wall time for each of a batch of calls. */
async function microsecondsPerCall(call: () => unknown): Promise<number> {
  const started = performance.now();
  for (let count = 0; count < CALLS; count += 1) await call();
  return ((performance.now() - started) * 1000) / CALLS;
}

/** Each guarantee with what the same step takes without it. */
async function steps(): Promise<Readonly<Record<string, { with: () => unknown; without: () => unknown }>>> {
  const keyring = await openKeyring();
  const integrity = await keyring.integrityKey();
  const ctx = { keys: keyring, tenant: { code: CODE } } as unknown as Context;
  const text = JSON.stringify(TYPICAL_FAMILY);
  const schema = schemasOf(families).create;
  const id = randomUUID();
  const { adults, outsideWork, ...plain } = TYPICAL_FAMILY;
  const place = { municipality: CODE, recordId: id, field: 'adults' };
  const sealed = {
    S: { adults: await seal(keyring, place, adults), outsideWork: await seal(keyring, place, outsideWork) },
  };
  const row = { type: 'families', version: 1, lastEvent: id, view: { ...plain, id }, sensitive: sealed };
  const at = '2026-11-20T12:00:00.000Z';
  const entry = { id, at, view: { type: 'families', recordId: id, purpose: 'support' }, expiresAt: 1_900_000_000 };
  return {
    'a body’s values and levels counted before it is parsed': {
      with: () => parseJson(text),
      without: () => JSON.parse(text),
    },
    'texts that look like a CPR number refused': {
      with: () => [...cprLikeIn(schema, schema.parse(TYPICAL_FAMILY))],
      without: () => schema.parse(TYPICAL_FAMILY),
    },
    'the fingerprint of a request keyed': {
      with: () => requestFingerprint(ctx, text),
      without: () => createHash('sha256').update(text).digest('hex'),
    },
    'a sensitive field sealed': {
      with: () => seal(keyring, place, adults),
      without: () => JSON.stringify(adults),
    },
    'a key made for a new person, and wrapped': {
      with: () => newPersonKey(keyring, CODE, nameOfPerson(id)),
      without: () => undefined,
    },
    'the code that proves a row': {
      with: () => rowMac(integrity, CODE, row as never),
      without: () => undefined,
    },
    'an entry of the access log chained': {
      with: () => entryWrites(ctx, [id], entry),
      without: () => undefined,
    },
    'for scale: one HMAC-SHA-256 of 64 bytes': {
      with: () => createHmac('sha256', integrity).update(text.slice(0, 64)).digest('base64url'),
      without: () => undefined,
    },
  };
}

async function measure(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, { with: guarded, without }] of Object.entries(await steps())) {
    const contenders = {
      guarded: () => microsecondsPerCall(guarded),
      without: () => microsecondsPerCall(without),
    };
    await interleaved(contenders, 5);
    const { guarded: ours, without: theirs } = await interleaved(contenders, BATCHES);
    figures.push(measured(name, 'µs', summarise(ours)), measured('  without', 'µs', summarise(theirs)));
  }
  return figures;
}

/** What each guarantee takes of a request's time; its round trips and units stand beside it in README. */
export const guarantees: Benchmark = {
  title: `Time of each guarantee, warm, keys in memory (${BATCHES} batches of ${CALLS} each)`,
  run: measure,
};
