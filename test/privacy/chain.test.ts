import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chained, follow, genesis } from '#shared/privacy/chain.ts';
import type { Row } from '#shared/table/scoped-table.ts';

const FIRST = genesis('0630');
const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');
const placeOf = (sequence: number): string => String(sequence).padStart(12, '0');

/** Rows of the feed as the relay leaves them. */
function chainOf(said: readonly { readonly envelope: string; readonly view: unknown }[]): Row[] {
  let link = FIRST;
  return said.map((each) => {
    link = chained(link, each);
    return { ...each, ...link, listSk: placeOf(link.sequence) };
  });
}

const entry = () =>
  fc.record({
    envelope: fc.json().map((data) => `{"data":${data}`),
    view: fc.record({ version: fc.nat(), status: fc.constantFrom(undefined, 'active', 'closed') }),
  });
const history = () => fc.array(entry(), { minLength: 1, maxLength: 12 }).map(chainOf);

const LIKE: Readonly<Record<string, (value: unknown) => unknown>> = {
  envelope: (value) => `${value} `,
  view: (value) => ({ ...(value as object), version: -1 }),
  hash: (value) => `${String(value).slice(1)}0${String(value)[0]}`,
  sequence: (value) => (value as number) + 1,
};

/** What somebody may do to a history: it has at least one row, and `at` and `other` are rows of it. */
type Deed = (rows: readonly Row[], at: number, other: number) => readonly Row[];
const DEEDS: Readonly<Record<string, Deed>> = {
  ...Object.fromEntries(
    Object.entries(LIKE).map(([field, like]): [string, Deed] => [
      `alters the ${field}`,
      (rows, at) => rows.map((row, place) => (place === at ? { ...row, [field]: like(row[field]) } : row)),
    ]),
  ),
  'removes an entry': (rows, at) => rows.filter((_, place) => place !== at),
  'removes an entry and moves those behind it up': (rows, at) =>
    rows
      .filter((_, place) => place !== at)
      .map((row, place) => ({ ...row, sequence: place + 1, listSk: placeOf(place + 1) })),
  'puts an entry in twice': (rows, at) => [...rows, rows[at] as Row],
  'swaps what two entries say': (rows, at, other) =>
    rows.map((row, place) => {
      const { envelope, view } = rows[place === at ? other : place === other ? at : place] as Row;
      return { ...row, envelope, view };
    }),
  'swaps the places of two entries': (rows, at, other) =>
    rows.map((row, place) => {
      const { sequence, listSk } = rows[place === at ? other : place === other ? at : place] as Row;
      return { ...row, sequence, listSk };
    }),
};

const inOrder = (rows: readonly Row[]): Row[] =>
  rows.toSorted((a, b) => (String(a['listSk']) < String(b['listSk']) ? -1 : 1));

/** The first number at which there is something else than there was, slowly and obviously; none if all is the same. */
function firstDifference(was: readonly Row[], is: readonly Row[]): number | undefined {
  for (let at = 0; at < Math.max(was.length, is.length); at += 1) {
    if (JSON.stringify(was[at]) !== JSON.stringify(is[at])) return at + 1;
  }
  return undefined;
}

/** What following the chain finds, the rows coming in pages of some size. */
function found(rows: readonly Row[], last: number, page: number) {
  let { link, fault } = follow(FIRST, rows.slice(0, page));
  for (let at = page; !fault && link.sequence < last; at += page)
    ({ link, fault } = follow(link, rows.slice(at, at + page)));
  return { link, fault };
}

describe('the chain', () => {
  it('is SHA-256 over the hash before and what the event says, begun for each municipality otherwise', () => {
    const [row] = chainOf([{ envelope: '{"id":"evt_1"', view: { version: 1 } }]);
    const said = ['{"id":"evt_1","sequence":"000000000001"}', { version: 1 }, ''];
    expect(row?.['hash']).toBe(sha256(JSON.stringify([FIRST.hash, ...said])));
    expect(genesis('0766').hash).not.toBe(FIRST.hash);
  });

  it('is whole as it was written, in pages of any size and from any entry on', () => {
    fc.assert(
      fc.property(history(), fc.integer({ min: 1, max: 12 }), fc.nat(), (rows, page, some) => {
        const { sequence, hash } = rows.at(-1) as Row;
        expect(found(rows, rows.length, page)).toEqual({ link: { sequence, hash }, fault: undefined });
        const from = some % rows.length;
        expect(follow({ sequence: from }, rows.slice(from)).link).toEqual({ sequence, hash });
      }),
    );
  });

  it.each(Object.entries(DEEDS))('is broken at the first entry concerned by whoever %s', (_, deed) => {
    fc.assert(
      fc.property(history(), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 12 }), (rows, one, two, page) => {
        const after = inOrder(deed(rows, one % rows.length, two % rows.length));
        const difference = firstDifference(rows, after);
        const { link, fault } = found(after, rows.length, page);
        if (difference === undefined || difference > rows.length) {
          // What is put in behind the last is not walked to where a page ends before it: the counter tells of that.
          expect([undefined, difference]).toContain(fault?.sequence);
          expect(link.sequence).toBe(rows.length);
        } else expect(fault?.sequence).toBe(difference);
      }),
    );
  });
});
