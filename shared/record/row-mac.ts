import { createHmac, type KeyObject } from 'node:crypto';
import type { Row } from '../table/scoped-table.ts';

/** Says what the code is for, so that no code made for something else under the same key can stand in its place. */
const DOMAIN = 'livline record row 1';

/** Entries of a map in the order of their names: DynamoDB gives the members of a map back in any order. */
const sortedEntries = (map: object): [string, unknown][] =>
  Object.entries(map)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));

/**
 * Returns the message authentication code of a record's row: HMAC-SHA-256 (RFC 2104) in base64url under the
 * municipality's integrity key. It covers everything that the record says, the plain part and the sealed part as they are
 * stored, the version, who sees it, and the id of the event that brought the row to this state. The event keeps the code, and the chain
 * of events covers it (privacy/chain.ts). So nobody without the key can alter a row, put back an old sealed value, or put
 * back an old row as a whole without `GET audit/verify` finding it.
 *
 * Index entries, edges and summaries beside the record are copies, which are made from it. The code does not cover them.
 */
export function rowMac(key: KeyObject, municipality: string, row: Row): string {
  const view = row['view'] as { readonly id: string };
  const parts = [
    DOMAIN,
    municipality,
    row['type'],
    view.id,
    row['version'],
    row['lastEvent'],
    JSON.stringify(view),
    row['sensitive'] === undefined ? null : JSON.stringify(row['sensitive']),
    sortedEntries((row['writtenBy'] ?? {}) as object),
    row['audiences'] ?? [],
    row['deleted'] === true,
    row['erased'] === true,
    row['municipalKey'] === true,
  ];
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url');
}
