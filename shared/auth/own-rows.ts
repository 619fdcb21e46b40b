import { audiencePartition, EVERYBODY, type Key, type Segments } from '../table/keys.ts';
import type { Row, ScopedTable } from '../table/scoped-table.ts';

/** The kinds of partitions in which records are listed: lists, timelines and cases. */
const LISTED: readonly string[] = ['L', 'O', 'CASE'];

/** A record's own row or one of its edges, in the table of a municipality: `T#<code>#R#…`. */
const OF_RECORD = /^T#[^#]+#R#/;

/**
 * The municipality's rows as a client sees them whose grant has `rows: "own"`. A record that names neither its
 * organisation nor everybody among its audiences is not there, whichever way it is read. A Query of a list goes to the
 * organisation's own partition, where only its own rows stand, so a page costs what it shows. Locks, shared rows and
 * events are read as they stand: the rules that span records hold over all of them.
 */
export function ownRows(table: ScopedTable, organisation: string): ScopedTable {
  const isSeen = (row: Row | undefined): boolean => {
    if (!row || !OF_RECORD.test(String(row['pk']))) return true;
    const audiences = (row['audiences'] ?? []) as readonly string[];
    return audiences.includes(organisation) || audiences.includes(EVERYBODY);
  };
  const isListed = ([kind = '']: Segments): boolean => LISTED.includes(kind);

  return {
    ...table,
    get: async (key: Key) => {
      const row = await table.get(key);
      return isSeen(row) ? row : undefined;
    },
    getMany: async (keys) => (await table.getMany(keys)).filter(isSeen),
    query: async (range) => {
      const { index, partition } = range;
      // The rows of one partition of the table belong to the record that was read to get there.
      if (index === undefined) return table.query(range);
      if (isListed(partition) && !range.unnarrowed)
        return table.query({ ...range, partition: audiencePartition(organisation, partition) });
      const page = await table.query(range);
      return { ...page, rows: page.rows.filter(isSeen) };
    },
  };
}
