import { kmsClients, kmsKeyOpener } from '#shared/crypto/key-opener.ts';
import { keyrings } from '#shared/crypto/keyring.ts';
import { readEnv } from '#shared/env.ts';
import type { Inside } from '#shared/table/store.ts';
import { sessionsOf } from '#shared/table/tenant-session.ts';

/** The way into municipalities of a function whose tenant role this is: sessions, and in them the keys. */
export function insideBy(tenantRoleArn: string): Inside {
  const sessions = sessionsOf(tenantRoleArn);
  const { KEYS_TABLE_NAME: keysTableName } = readEnv('KEYS_TABLE_NAME');
  return { keysTableName, sessions, keyrings: keyrings(kmsKeyOpener(kmsClients(sessions))) };
}
