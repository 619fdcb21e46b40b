import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { nameOfArchive, nameOfPerson } from '#shared/crypto/key-names.ts';
import type { KeyOpener } from '#shared/crypto/key-opener.ts';
import { keyrings, type Sealing } from '#shared/crypto/keyring.ts';
import { newPersonKey, type PersonKeyRow, rewrapped, unwrapPersonKey } from '#shared/crypto/person-key.ts';
import { keyNameOf, open, SealBroken, seal } from '#shared/crypto/seal.ts';
import { newId } from '#shared/ids.ts';

/** Keys that are wrapped in nothing but base64. */
const opener: KeyOpener = { unwrap: async (_keyId, wrapped) => new Uint8Array(Buffer.from(wrapped, 'base64')) };
const newKey = () => randomBytes(32).toString('base64');
const sealing: Sealing = {
  keyId: 'arn:key',
  current: 1,
  wrapped: { 1: newKey(), 2: newKey() },
  secrets: { 1: newKey(), 2: newKey() },
  lookup: newKey(),
  integrity: newKey(),
};
const personId = newId(new Date(0));
const name = nameOfPerson(personId);
const place = { municipality: '0630', recordId: newId(new Date(1)), field: 'note' };

/** A keyring whose table of keys is a map. */
function keyringOf(rows: Map<string, PersonKeyRow>, { code = '0630', now = () => new Date(0), at = sealing } = {}) {
  let reads = 0;
  const keyring = keyrings(opener, now)(code, at, async (asked) => {
    reads += 1;
    return rows.get(asked);
  });
  return { keyring, reads: () => reads };
}

async function made(rows = new Map<string, PersonKeyRow>()) {
  const { keyring } = keyringOf(rows);
  const { row, key } = await newPersonKey(keyring, '0630', name);
  const sealed = await seal(keyring.with(name, key), place, 'Sagt i fortrolighed', name);
  rows.set(name, row);
  return { rows, sealed, wrapped: row.wrapped as string };
}

describe('a person’s key', () => {
  it('seals values that name it and that open with it alone', async () => {
    const { rows, sealed } = await made();
    expect(keyNameOf(sealed)).toBe(name);
    expect(await open(keyringOf(rows).keyring, place, sealed)).toBe('Sagt i fortrolighed');
    await made(rows);
    await expect(open(keyringOf(rows).keyring, place, sealed)).rejects.toThrow(SealBroken);
    await expect(open(keyringOf(new Map()).keyring, place, sealed)).rejects.toThrow(SealBroken);
  });

  it('opens nothing once it was dropped, whoever still has the value', async () => {
    const { rows, sealed } = await made();
    rows.set(name, { type: 'person-key', droppedAt: '2026-11-20T09:00:00.000Z' });
    const { keyring } = keyringOf(rows);
    await expect(open(keyring, place, sealed)).rejects.toThrow(SealBroken);
    expect(await keyring.stateOf(name)).toBe('dropped');
  });

  it('is unwrapped for no other municipality, person or use', async () => {
    const { wrapped } = await made();
    const { keyring } = keyringOf(new Map());
    await expect(unwrapPersonKey(keyring, '0630', name, wrapped)).resolves.toMatchObject({ type: 'secret' });
    for (const [code, other] of [
      ['0766', name],
      ['0630', nameOfPerson(newId(new Date(2)))],
      ['0630', nameOfArchive(personId)],
    ] as const)
      await expect(unwrapPersonKey(keyring, code, other, wrapped)).rejects.toThrow(SealBroken);
  });

  it('is remembered for five minutes, and one that is not there is looked for again', async () => {
    const { rows, sealed } = await made();
    let time = 0;
    const { keyring, reads } = keyringOf(rows, { now: () => new Date(time) });
    await Promise.all([open(keyring, place, sealed), open(keyring, place, sealed)]);
    time = 5 * 60_000 - 1;
    await open(keyring, place, sealed);
    expect(reads()).toBe(1);
    time += 1;
    await open(keyring, place, sealed);
    expect(reads()).toBe(2);
    const nobody = nameOfPerson(newId(new Date(3)));
    expect([await keyring.stateOf(nobody), await keyring.stateOf(nobody)]).toEqual([undefined, undefined]);
    expect(reads()).toBe(4);
  });

  it('is wrapped anew by a later data key, and seals what it sealed', async () => {
    const { rows, sealed, wrapped } = await made();
    const { keyring } = keyringOf(rows, { at: { ...sealing, current: 2 } });
    const fresh = (await rewrapped(keyring, '0630', name, wrapped)) as string;
    expect([keyNameOf(wrapped), keyNameOf(fresh)]).toEqual(['1', '2']);
    expect(await rewrapped(keyring, '0630', name, fresh)).toBeUndefined();
    rows.set(name, { type: 'person-key', wrapped: fresh });
    const later = { ...sealing, current: 2, wrapped: { 2: sealing.wrapped['2'] as string } };
    expect(await open(keyringOf(rows, { at: later }).keyring, place, sealed)).toBe('Sagt i fortrolighed');
  });
});
