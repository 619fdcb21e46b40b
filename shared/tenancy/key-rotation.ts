import * as z from 'zod';
import { Problem } from '../errors.ts';
import type { Answer } from '../operation.ts';
import { flag } from '../record/fields.ts';
import { parse } from '../record/validate.ts';
import { plusSeconds } from '../time.ts';
import type { OperatorContext } from './control.ts';
import { commitMunicipality, loadMunicipality, municipalityWrite } from './municipality-row.ts';

/**
 * Seconds until a new data key is used. Contexts remember the municipality for a minute: by then each of them knows the
 * key, so nobody meets a value sealed with a key that they have not heard of.
 */
const ANNOUNCED_S = 120;

/** Body of a rotation. */
export const KeyRotation = () =>
  z.strictObject({
    reseal: flag(
      'Whether everything is sealed anew in the background (omforsegling); else a record is when it is next written.',
    ).default(false),
  });

/**
 * Gives a municipality a new data key and a new key of secrets, wrapped by its own key. What was sealed with the one before still opens. Throws
 * `conflict` while the last rotation is not two minutes old.
 */
export async function rotateKeys(ctx: OperatorContext, code: string, body: unknown): Promise<Answer> {
  const { reseal } = parse(KeyRotation(), body);
  const before = await loadMunicipality(ctx.control, code);
  const { sealing } = before.tenant;
  if (sealing.next && sealing.next.from > ctx.now) {
    throw new Problem('conflict', 'A new data key is about to be used. Rotate again in two minutes.');
  }
  const current = sealing.next?.version ?? sealing.current;
  const version = current + 1;
  const newKey = (purpose: 'fields' | 'secrets') => ctx.keys.newDataKey(sealing.keyId, { municipality: code, purpose });
  const [fields, secrets] = await Promise.all([newKey('fields'), newKey('secrets')]);
  const tenant = {
    ...before.tenant,
    sealing: {
      ...sealing,
      current,
      next: { version, from: plusSeconds(ctx.now, ANNOUNCED_S) },
      wrapped: { ...sealing.wrapped, [version]: fields },
      secrets: { ...sealing.secrets, [version]: secrets },
    },
  };
  const view = { ...before.view, keyVersion: version };
  const change = { tenant, view, ...(reseal && { resealTo: version }) };
  await commitMunicipality(ctx.control, municipalityWrite(before, change));
  return { status: 200, body: view };
}
