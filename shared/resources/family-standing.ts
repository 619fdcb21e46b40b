import type { Problem } from '../errors.ts';
import type { Fields, LedgerEntries, LedgerEntry, LedgerRow, Summary } from '../record/resource.ts';
import { listPartition, type Segments } from '../table/keys.ts';
import { FOREVER, type Instant, type LocalDate, localDateOf, plusDays, plusSeconds, startOfDay } from '../time.ts';

/**
 * How a family stands: one row that every record about it which matters at once adds an entry to, in the same
 * transaction as itself. Rules that span records (free places, one group at a time) are checked on it, and because it is
 * listed by consultant, by when it needs attention and by free places, what a consultant or a manager asks first is one
 * Query whose cost is its page. Nothing in it is sensitive.
 */
export type StandingEntry =
  | ({ readonly kind: 'family' } & FamilyPart)
  | ({ readonly kind: 'assignment' } & Assignment)
  | { readonly kind: 'contact'; readonly at: Instant }
  | { readonly kind: 'session'; readonly at: Instant }
  | { readonly kind: 'action'; readonly dueOn: LocalDate }
  | { readonly kind: 'risk'; readonly level: RiskLevel }
  | { readonly kind: 'placement'; readonly beyondPlaces: boolean }
  | { readonly kind: 'group'; readonly from: LocalDate; readonly to: LocalDate };

/** Levels of a risk flag, the lowest first. */
export const RISK_LEVELS = ['low', 'medium', 'high'] as const;
export type RiskLevel = (typeof RISK_LEVELS)[number];

/** A time in which a consultant is a family's. */
export interface Assignment {
  readonly consultantId: string;
  readonly from: LocalDate;
  readonly to?: LocalDate | undefined;
}

/** What the family's own record adds. */
export interface FamilyPart {
  readonly alias: string;
  readonly status: string;
  /** Since when it has that status. */
  readonly since: Instant;
  readonly familyKind: string;
  readonly pressure: string;
  readonly skills: readonly string[];
  readonly approval?: Approval | undefined;
}

export interface Approval {
  readonly from: LocalDate;
  readonly to?: LocalDate | undefined;
  readonly places: number;
  readonly ageMin: number;
  readonly ageMax: number;
  readonly careForms: readonly string[];
  readonly childId?: string | undefined;
}

/** The row's view. */
export interface Standing extends FamilyPart {
  readonly familyId: string;
  /** Those that have not ended, and the last that has. */
  readonly assignments: readonly Assignment[];
  readonly lastContactAt?: Instant;
  /** When its individual supervision is planned. */
  readonly sessions: readonly Instant[];
  readonly groups: readonly { readonly groupId: string; readonly from: LocalDate; readonly to: LocalDate }[];
  readonly openActions: number;
  readonly nextActionDueOn?: LocalDate;
  readonly riskLevel?: RiskLevel;
  readonly activePlacements: number;
}

export const STANDINGS = 'family-overviews';
/** Partitions of the lists of families: all, those that need attention at a time, without a consultant from a day, with a free place. */
export const standingLists = {
  all: listPartition(STANDINGS),
  attention: listPartition(STANDINGS, 'attention'),
  withoutConsultant: listPartition(STANDINGS, 'without-consultant'),
  free: listPartition(STANDINGS, 'free'),
  ofConsultant: (id: string) => listPartition(STANDINGS, 'consultant', id),
  attentionOfConsultant: (id: string) => listPartition(STANDINGS, 'consultant', id, 'attention'),
};

const standingName = (familyId: string): Segments => ['family', familyId];

/** The entry of a record in the standing of a family. `admit` sees the others' entries. */
export const inStanding = (
  familyId: string,
  entry: StandingEntry,
  admit?: (others: ReadonlyMap<string, StandingEntry>) => Problem | undefined,
): LedgerEntry => ({
  name: standingName(familyId),
  entry: entry as unknown as Fields,
  own: entry.kind === 'family',
  summary: STANDING,
  ...(admit && { admit: (others) => admit(others as unknown as ReadonlyMap<string, StandingEntry>) }),
});

/** From its approval until it closes a family is somebody's to support. */
const SUPPORTED = ['approved', 'active', 'paused', 'suspended'];
/** Only these take a child. */
const OPEN = ['approved', 'active'];
/** Days without contact after which a family needs attention (DOMAIN §4); half of it under high pressure. */
const CONTACT_DAYS = 30;
/**
 * Contacts that are remembered. Only the latest counts; the others stand by for a correction that moves it back. When
 * more than this many are moved back, the family looks longer without contact than it is: a needless look, never a missed one.
 */
const REMEMBERED_CONTACTS = 8;

const lastDay = ({ to }: { to?: LocalDate | undefined }): LocalDate => to ?? FOREVER;
const holdsOn = (day: LocalDate, span: { from: LocalDate; to?: LocalDate | undefined }): boolean =>
  span.from <= day && day <= lastDay(span);

/** The first day from `day` on, on which no consultant is assigned; undefined where there is none. */
export function uncoveredFrom(assignments: readonly Assignment[], day: LocalDate): LocalDate | undefined {
  let first = day;
  for (;;) {
    const holding = assignments.filter((assignment) => holdsOn(first, assignment));
    if (holding.length === 0) return first;
    const end = holding.map(lastDay).sort().at(-1) as LocalDate;
    if (end === FOREVER) return undefined;
    first = plusDays(end, 1);
  }
}

/** The day on which a family is or will be without a consultant, looked at from a day; undefined where it has one for good. */
export function withoutConsultantFrom({ assignments, since }: Standing, today: LocalDate): LocalDate | undefined {
  const first = uncoveredFrom(assignments, today);
  if (first !== today) return first;
  const ends = assignments.map(lastDay).filter((day) => day < today);
  return [localDateOf(since), ...ends.map((day) => plusDays(day, 1))].sort().at(-1);
}

/** When a family has been without contact for longer than its interval. */
export const contactDueAt = ({ lastContactAt, since, pressure }: Standing): Instant =>
  plusSeconds(lastContactAt ?? since, (pressure === 'high' ? CONTACT_DAYS / 2 : CONTACT_DAYS) * 86_400);

/** Why a family needs attention at an instant. */
export function attentionAt(standing: Standing, now: Instant): ('no_consultant' | 'no_contact')[] {
  if (!SUPPORTED.includes(standing.status)) return [];
  const covered = standing.assignments.some((assignment) => holdsOn(localDateOf(now), assignment));
  return [
    ...(covered ? [] : ['no_consultant' as const]),
    ...(contactDueAt(standing) < now ? ['no_contact' as const] : []),
  ];
}

/** Places of its approval that no active placement takes; 0 while it takes no child. */
export const freePlaces = ({ status, approval, activePlacements }: Standing): number =>
  OPEN.includes(status) ? Math.max(0, (approval?.places ?? 0) - activePlacements) : 0;

const ofKind = <Kind extends StandingEntry['kind']>(entries: LedgerEntries, kind: Kind) =>
  Object.entries(entries as unknown as Readonly<Record<string, StandingEntry>>).flatMap(([id, entry]) =>
    entry.kind === kind ? [{ id, ...(entry as Extract<StandingEntry, { kind: Kind }>) }] : [],
  );

/** Leaves out what time has passed by: all but the last assignment that ended, all but the last contacts, sessions that were not held. */
function kept(entries: LedgerEntries, now: Instant): LedgerEntries {
  const today = localDateOf(now);
  const latest = ofKind(entries, 'contact')
    .sort((a, b) => (a.at < b.at ? 1 : -1))
    .slice(0, REMEMBERED_CONTACTS);
  const ended = ofKind(entries, 'assignment')
    .filter((assignment) => lastDay(assignment) < today)
    .sort((a, b) => (lastDay(a) < lastDay(b) ? 1 : -1));
  const gone = new Set([
    // The last that ended says since when there is nobody.
    ...ended.slice(1).map(({ id }) => id),
    ...ofKind(entries, 'session').flatMap(({ id, at }) => (at < now ? [id] : [])),
    ...ofKind(entries, 'contact').flatMap(({ id }) => (latest.some((one) => one.id === id) ? [] : [id])),
  ]);
  return Object.fromEntries(Object.entries(entries).filter(([id]) => !gone.has(id)));
}

function standingOf(familyId: string, entries: LedgerEntries, now: Instant): Standing | undefined {
  const [family] = ofKind(entries, 'family');
  if (!family) return undefined;
  const { id: _, kind: __, source: ___, ...own } = family as typeof family & { readonly source?: string };
  const lastContactAt = ofKind(entries, 'contact')
    .map(({ at }) => at)
    .sort()
    .at(-1);
  const dueDays = ofKind(entries, 'action').map(({ dueOn }) => dueOn);
  const levels = ofKind(entries, 'risk').map(({ level }) => level);
  const riskLevel = RISK_LEVELS.findLast((level) => levels.includes(level));
  const [nextActionDueOn] = [...dueDays].sort();
  return {
    familyId,
    ...own,
    assignments: ofKind(entries, 'assignment').map(({ consultantId, from, to }) => ({ consultantId, from, to })),
    ...(lastContactAt !== undefined && { lastContactAt }),
    sessions: ofKind(entries, 'session')
      .map(({ at }) => at)
      .sort(),
    groups: ofKind(entries, 'group').flatMap(({ id, from, to }) =>
      to < localDateOf(now) ? [] : [{ groupId: id, from, to }],
    ),
    openActions: dueDays.length,
    ...(nextActionDueOn !== undefined && { nextActionDueOn }),
    ...(riskLevel !== undefined && { riskLevel }),
    activePlacements: ofKind(entries, 'placement').length,
  };
}

/** Where a family's standing is listed, from now on until the next change of it. */
function rowOf([, familyId = '']: Segments, entries: LedgerEntries, now: Instant): LedgerRow {
  const standing = standingOf(familyId, entries, now);
  if (!standing) return { view: {}, index: {}, edges: [] };
  const today = localDateOf(now);
  const name = standing.alias.toLowerCase().slice(0, 180);
  const supported = SUPPORTED.includes(standing.status);
  const uncovered = supported ? withoutConsultantFrom(standing, today) : undefined;
  const times = [contactDueAt(standing), ...(uncovered === undefined ? [] : [startOfDay(uncovered)])].sort();
  const attention = supported ? { sk: [times[0] as Instant, familyId] } : undefined;
  const consultants = new Map<string, LocalDate>();
  for (const assignment of standing.assignments.filter((each) => lastDay(each) >= today)) {
    const end = lastDay(assignment);
    if ((consultants.get(assignment.consultantId) ?? '') < end) consultants.set(assignment.consultantId, end);
  }
  return {
    view: standing as unknown as Fields,
    index: {
      list: { pk: standingLists.all, sk: [name, familyId] },
      ...(attention && { filter1: { pk: standingLists.attention, ...attention } }),
      ...(uncovered !== undefined && { filter2: { pk: standingLists.withoutConsultant, sk: [uncovered, familyId] } }),
      ...(freePlaces(standing) > 0 && { filter3: { pk: standingLists.free, sk: [name, familyId] } }),
    },
    edges: [...consultants].map(([consultantId, end]) => ({
      value: consultantId,
      index: {
        list: { pk: standingLists.ofConsultant(consultantId), sk: [end, name, familyId] },
        ...(attention && { filter1: { pk: standingLists.attentionOfConsultant(consultantId), ...attention } }),
      },
    })),
  };
}

const STANDING: Summary = { type: STANDINGS, kept, row: rowOf };
