import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import { audienceKey, audiencePartition, EVERYBODY, type IndexEntries, type Key } from '../table/keys.ts';
import type { Attributes, Write } from '../table/write.ts';
import type { Resource } from './resource.ts';
import { sourceField } from './schemas.ts';
import type { Whole } from './stored.ts';

/**
 * Which clients see a record although their grant has `rows: "own"` (SECURITY.md, A partner). A record names its
 * audiences: a read by id compares them. Beside each row of the record that lists show stands a copy for each partner
 * among them, with the same places in partitions of that partner's own, so that its lists cost what a page costs. What
 * the municipality writes has no audience and no copy.
 */

/** The organisations that are no partner: the municipality itself, and Livline's own work in it. */
const NO_PARTNER: readonly string[] = ['municipal', 'livline'];

/** The partner that an organisation is; undefined for the municipality and for the system. */
export const partnerOf = (organisation: string): string | undefined =>
  NO_PARTNER.includes(organisation) ? undefined : organisation;

/** The organisation that wrote a record. */
export const organisationOf = (resource: Resource, record: Whole): string => String(record[sourceField(resource)]);

/** Returns the partners that see a record: the one that wrote it. */
export function partnersWhoSee(resource: Resource, record: Whole): string[] {
  const partner = partnerOf(organisationOf(resource, record));
  return partner === undefined ? [] : [partner];
}

/** Returns all that may see a record with `rows: "own"`: the partners, and everybody where it is reference data. */
export const audiencesOf = (resource: Resource, record: Whole): string[] => [
  ...(resource.referenceData ? [EVERYBODY] : []),
  ...partnersWhoSee(resource, record),
];

/** The attribute of a row that names its audiences; none where there is no audience. */
export const audienceAttribute = (audiences: readonly string[]): Attributes =>
  audiences.length > 0 ? { audiences } : {};

/** Throws `forbidden` for a client that sees only its own rows and changes a record of another organisation: reference data. */
export function requireOwnRow({ rows, actor }: Context, resource: Resource, record: Whole): void {
  if (rows === 'all' || organisationOf(resource, record) === actor.organisation) return;
  throw new Problem('forbidden', 'This client changes only what its own organisation wrote.');
}

/** The places of a row in a partner's own partitions. The clock looks at the record itself, so `due` has no copy. */
function placesFor(partner: string, { due: _, ...index }: IndexEntries): IndexEntries {
  const places = Object.entries(index).map(([name, { pk, sk }]) => [name, { pk: audiencePartition(partner, pk), sk }]);
  return Object.fromEntries(places) as IndexEntries;
}

/** A row that lists show: what is put there, or undefined where the row is deleted. */
export interface ShownRow {
  readonly key: Key;
  readonly shown?: { readonly type: string; readonly view: unknown; readonly index: IndexEntries } | undefined;
}

/** Returns the write that brings a row that lists show up to date. */
export function shownWrite({ key, shown }: ShownRow, audiences: Attributes = {}): Write {
  if (!shown) return { kind: 'delete', key };
  const { type, view, index } = shown;
  return { kind: 'put', key, item: { type, view, ...audiences }, index };
}

/**
 * Returns the writes that bring the copies of a record's rows up to date for the partners who see it after a change, and
 * take them from those who saw it before and do not any more, because the municipality adopted it.
 */
export function copiesAfter(
  resource: Resource,
  before: Whole | undefined,
  after: Whole,
  rows: readonly ShownRow[],
): Write[] {
  const seeing = partnersWhoSee(resource, after);
  const left = before ? partnersWhoSee(resource, before).filter((partner) => !seeing.includes(partner)) : [];
  return [
    ...copyWrites(seeing, rows),
    ...copyWrites(
      left,
      rows.map(({ key }) => ({ key })),
    ),
  ];
}

/** Returns the writes that bring each partner's copy of these rows up to date. */
export const copyWrites = (partners: readonly string[], rows: readonly ShownRow[]): Write[] =>
  partners.flatMap((partner) =>
    rows.map(({ key, shown }) =>
      shownWrite({
        key: audienceKey(key, partner),
        shown: shown && { ...shown, index: placesFor(partner, shown.index) },
      }),
    ),
  );
