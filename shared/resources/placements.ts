import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { invalid, Problem } from '../errors.ts';
import {
  day,
  flag,
  group,
  impersonal,
  instant,
  line,
  listOf,
  oneOf,
  reference,
  sensitive,
  text,
  whole,
} from '../record/fields.ts';
import { entriesSeenBy } from '../record/guards.ts';
import { findRecord } from '../record/read.ts';
import {
  type Change,
  defineResource,
  type Fields,
  type LedgerEntries,
  type LedgerEntry,
  type RecordOf,
  type Resource,
} from '../record/resource.ts';
import { refuseChange } from '../record/rules.ts';
import { fieldsForRule } from '../record/sensitive-gate.ts';
import { ledgerKey } from '../table/keys.ts';
import { FOREVER, type Instant, type LocalDate, localDateOf } from '../time.ts';
import { agesOn } from './birth.ts';
import { children } from './children.ts';
import { families } from './families.ts';
import { type Approval, inStanding } from './family-standing.ts';
import { inSubject, unlessErasing } from './subject-ledger.ts';

const END_REASONS = ['planned', 'returned_home', 'child_left', 'place_gave_up', 'both', 'aged_out', 'other'] as const;
/** Ends that are a breakdown (sammenbrud). */
const BREAKDOWNS: readonly unknown[] = ['child_left', 'place_gave_up', 'both'];
/** The provision by which a child may be placed acutely beyond the approved places. */
const BEYOND_PLACES = 'BL §12, stk. 3';
/** Families that take no child. */
const CLOSED = ['suspended', 'closed'];
/** From this age on the child consents to a planned move, in years. */
const CONSENT_AGE = 12;

const fields = () => ({
  familyId: reference('The family (plejefamilie).'),
  childId: reference('The child (barn).'),
  type: oneOf('Round the clock, support stay, acute, or after care (døgn, støtteophold, akut, efterværn).', [
    'doegn',
    'stoetteophold',
    'akut',
    'eftervaern',
  ]),
  legalBasis: impersonal(
    line(`By which provision (hjemmel). \`${BEYOND_PLACES}\` lets an acute one exceed the approved places.`),
  ),
  startsOn: day('First day, a local date (startdato).'),
  endsOn: day('Last day, planned or real, a local date (slutdato).').optional(),
  previousId: reference('The placement that it follows (forrige anbringelse), of the same child.').optional(),
  acute: flag('Whether the child comes without a planned move (akut flytning).').default(false),
  noticeHours: whole('How long before the family was told (varsel), hours, 0–8,760.', 0, 8_760).optional(),
  consents: group('Who agreed to a planned move, and who was heard (samtykker).', {
    custodyHolder: flag('Whether the holder of custody consents (forældremyndighedsindehaver).').default(false),
    childFrom12: flag('Whether the child consents, asked from its 12th year (barnet).').default(false),
    placementHeardAt: instant('When the current placement was heard, UTC (anbringelsesstedet hørt).').optional(),
    boardDecision: z
      .union([z.boolean(), line('Which decision, such as its date or number.')])
      .describe('The decision of the board that takes the place of consents (børne- og ungeudvalgets afgørelse).')
      .optional(),
  }).default({ custodyHolder: false, childFrom12: false }),
  endReason: oneOf('Why it ended (ophørsgrund): given as the `reason` of the status `ended`.', END_REASONS).optional(),
  keptRelations: sensitive(
    listOf('Relations that the child keeps through a move (bevarede relationer).', text('One relation.'), 20),
  ).optional(),
});

type Placement = RecordOf<ReturnType<typeof fields>>;

interface Derived {
  readonly relationSince: LocalDate;
  readonly warnings: readonly 'no_kept_relations'[] | undefined;
}

/** What a child's ledger knows of each placement that began. */
interface ChildEntry {
  readonly familyId: string;
  readonly type: string;
  readonly active: boolean;
  readonly startsOn: LocalDate;
}

/** The ledger of a child's placements: one of them at a time is active round the clock. */
export const placementsOfChild = (childId: string): string[] => ['child-placements', childId];

/** The placements in a child's ledger, by id: all of them, for the rules, or those that the client may see. */
export async function pastOfChild(
  ctx: Context,
  childId: string,
  which: 'all' | 'seen' = 'all',
): Promise<ReadonlyMap<string, ChildEntry>> {
  const row = await ctx.table.get(ledgerKey(...placementsOfChild(childId)));
  const entries = (row?.['entries'] ?? {}) as LedgerEntries;
  const chosen = which === 'all' ? entries : entriesSeenBy(ctx, entries);
  return new Map(Object.entries(chosen as unknown as Readonly<Record<string, ChildEntry>>));
}

const mayExceedPlaces = ({ type, legalBasis }: Placement): boolean =>
  type === 'akut' && legalBasis.replaceAll(/\s/g, '') === BEYOND_PLACES.replaceAll(/\s/g, '');

/** An active placement takes one of the family's places, and is the child's only one round the clock. */
function ledgersOf(placement: Placement): LedgerEntry[] {
  const { familyId, childId, type, status, startsOn } = placement;
  const active = status === 'active';
  if (!active && status !== 'ended') return [];
  const entry: ChildEntry = { familyId, type, active, startsOn };
  const ofChild: LedgerEntry = {
    name: placementsOfChild(childId),
    entry: { ...entry },
    admit: (others) =>
      active && type === 'doegn' && [...others.values()].some((other) => other['active'] && other['type'] === 'doegn')
        ? new Problem('conflict', 'The child has an active placement round the clock. End that one first.')
        : undefined,
  };
  if (!active) return [ofChild];
  const beyondPlaces = mayExceedPlaces(placement);
  const ofFamily = inStanding(familyId, { kind: 'placement', beyondPlaces }, (others) => {
    const entries = [...others.values()];
    const taken = entries.filter(({ kind }) => kind === 'placement').length;
    const family = entries.find((other) => other.kind === 'family');
    // A family that does not exist is refused as an unknown reference when the change is committed.
    if (!family) return undefined;
    if (CLOSED.includes(family.status)) return new Problem('conflict', `The family is ${family.status}.`);
    return taken < (family.approval?.places ?? 0) || beyondPlaces
      ? undefined
      : new Problem('no_capacity', 'Every approved place of this family is taken.');
  });
  return [ofChild, ofFamily, inSubject(childId, { kind: 'placement' }, unlessErasing)];
}

/**
 * The family may take this child at this time: approval, age, and a network family its own child only. A caller from whom
 * the age is hidden is refused, because an answer that depended on it would tell it.
 */
function checkFamily({ startsOn, childId }: Placement, family: Fields, child: Fields): void {
  const approval = family['approval'] as Approval | undefined;
  if (!approval || startsOn < approval.from || (approval.to !== undefined && approval.to < startsOn)) {
    throw invalid('/startsOn', 'The family has no approval that is valid on this day.');
  }
  const ages = agesOn(child, startsOn);
  if (!ages) {
    const detail =
      'The age of the child is hidden from you. Give the child its birthYear, or get the scope sensitive:read.';
    throw invalid('/childId', detail);
  }
  if (ages.max < approval.ageMin || approval.ageMax < ages.min) {
    throw invalid('/childId', "The child's age is outside the range that the family is approved for.");
  }
  if (family['kind'] === 'netvaerk' && approval.childId !== childId) {
    throw invalid('/childId', 'A network family is approved for its own child only.');
  }
}

/** A planned move is agreed to by custody and, from the 12th year, the child, or decided by the board; and the current placement is heard. */
function checkConsents({ consents, startsOn }: Placement, child: Fields): void {
  const { custodyHolder, childFrom12, boardDecision, placementHeardAt } = consents;
  const decided = boardDecision !== undefined && boardDecision !== false;
  if (!custodyHolder && !decided) {
    throw invalid('/consents/custodyHolder', 'A planned move needs the consent of custody, or a board decision.');
  }
  if (!childFrom12 && !decided && (agesOn(child, startsOn)?.max ?? CONSENT_AGE) >= CONSENT_AGE) {
    throw invalid('/consents/childFrom12', 'From its 12th year a move needs the child’s consent, or a board decision.');
  }
  if (placementHeardAt === undefined) {
    throw invalid('/consents/placementHeardAt', 'Before a planned move the current placement is heard.', 'required');
  }
}

/** Fields that the rules about family, child and move look at. */
const RULED = ['type', 'startsOn', 'previousId', 'acute', 'consents', 'keptRelations', 'status'];

/**
 * The rules of a placement that is not over, and what follows from the child's earlier ones: a move to another family,
 * which carries a warning when no relation is kept, and the day on which the relation to this family began.
 */
async function checkPlacement({ ctx, before, after, changed }: Change<Placement>): Promise<Partial<Derived>> {
  if (before && !changed.some((name) => RULED.includes(name))) return {};
  const { familyId, childId, previousId, status = '', type, startsOn } = after;
  const [family, child, previous, past] = await Promise.all([
    findRecord(ctx, families, familyId),
    findRecord(ctx, children, childId),
    previousId === undefined ? undefined : findRecord(ctx, placements, previousId),
    pastOfChild(ctx, childId),
  ]);
  // An id that names nothing is refused as an unknown reference when the change is committed.
  if (!before && !(family && child)) return {};
  if (!family || !child) throw new Problem('conflict', 'The family or the child was erased from the record.');
  if (previous && previous.view['childId'] !== childId)
    throw invalid('/previousId', 'This is a placement of another child.');
  const others = [...past].filter(([id]) => id !== after.id).map(([, entry]) => entry);
  const current = others.find((entry) => entry.active && entry.type === 'doegn');
  const left = previous ? previous.view['familyId'] : type === 'stoetteophold' ? undefined : current?.familyId;
  const moves = left !== undefined && left !== familyId;
  if (['proposed', 'decided', 'active'].includes(status)) {
    const known = await fieldsForRule(ctx, children, child, ['cpr']);
    checkFamily(after, family.view, known);
    // While the child is still placed round the clock elsewhere, that refuses an active one whoever consents.
    const waits = status === 'active' && type === 'doegn' && current;
    if (moves && !after.acute && type !== 'akut' && status !== 'proposed' && !waits) checkConsents(after, known);
  }
  const known = others.filter((entry) => entry.familyId === familyId).map((entry) => entry.startsOn);
  const [relationSince = startsOn] = [startsOn, ...known].sort();
  return {
    relationSince,
    warnings: moves && !after.keptRelations?.length ? ['no_kept_relations'] : undefined,
  };
}

/** How an ended placement ended: its last day and why. `at` is when the status began. */
function endOf(
  { before, after, entering }: Change<Placement>,
  at: Instant,
): { endReason?: Placement['endReason']; endsOn?: LocalDate | undefined } {
  if (entering !== 'ended') {
    if (after.endReason !== undefined && after.status !== 'ended')
      throw invalid('/endReason', 'A reason to end goes with the status ended.');
    if (after.status !== 'ended') return {};
    // What has ended keeps why and when, also where a replacement leaves it out.
    return { endReason: after.endReason ?? before?.endReason, endsOn: after.endsOn ?? before?.endsOn };
  }
  const reason = END_REASONS.find((code) => code === (after.endReason ?? after.statusReason));
  if (reason === undefined) {
    throw invalid(before ? '/reason' : '/endReason', `Say why it ended: one of ${END_REASONS.join(', ')}.`, 'required');
  }
  const lastDay = localDateOf(at);
  // A plan gives way to what happened; what is entered afterwards says itself when that was.
  return { endReason: reason, endsOn: (before ? undefined : after.endsOn) ?? lastDay };
}

export const placements: Resource = defineResource({
  path: 'placements',
  name: 'placement',
  danish: 'Anbringelse, støtteophold',
  summary: 'A child with a family: from proposal to end, on what basis, and with whose consent.',
  scopes: { read: 'placements:read', write: 'placements:write' },
  fields,
  derived: () => ({
    relationSince: day(
      'First day of the relation between this child and this family, a local date (relation siden).',
    ).optional(),
    // It tells whether keptRelations has an entry, so it is shown as that is.
    warnings: sensitive(
      listOf(
        'What somebody should look at (advarsler): a move by which no relation is kept. Absent where there is nothing.',
        oneOf('A warning.', ['no_kept_relations']),
      ),
    ).optional(),
  }),
  machine: {
    steps: {
      proposed: ['decided', 'declined'],
      decided: ['active'],
      active: ['ended'],
      ended: [],
      declined: [],
    },
  },
  events: {
    status: { proposed: 'proposed', decided: 'decided', active: 'started', ended: 'ended' },
    also: {
      names: ['placement.broken_down'],
      of: (_, after, entering) =>
        entering === 'ended' && BREAKDOWNS.includes(after.endReason)
          ? { name: 'placement.broken_down', action: 'ended' }
          : undefined,
    },
  },
  references: { familyId: 'families', childId: 'children', previousId: 'placements' },
  order: (placement) => placement.startsOn,
  newestFirst: true,
  period: true,
  filters: {
    familyId: (placement) => placement.familyId,
    status: {
      of: (placement) => placement.status,
      order: (placement) => placement.endsOn ?? FOREVER,
      bounds: 'ends',
    },
  },
  edges: { childId: (placement) => [placement.childId] },
  about: (placement) => placement.familyId,
  ledgers: ledgersOf,
  settle: async (change) => {
    const { ctx, before, after } = change;
    refuseChange(before, after, 'familyId', 'childId');
    if (after.endsOn !== undefined && after.endsOn < after.startsOn)
      throw invalid('/endsOn', 'A placement cannot end before it starts.');
    const end = endOf(change, after.statusAt ?? ctx.now);
    if (end.endsOn !== undefined && end.endsOn < after.startsOn)
      throw invalid(before ? '/at' : '/statusAt', 'A placement cannot end before it starts.');
    return { ...(await checkPlacement(change)), ...end };
  },
  problems: ['no_capacity'],
  example: {
    familyId: '01930000-0000-7000-8000-000000000003',
    childId: '01930000-0000-7000-8000-000000000013',
    type: 'doegn',
    legalBasis: 'BL §46',
    startsOn: '2026-12-01',
    consents: { custodyHolder: true, childFrom12: true, placementHeardAt: '2026-11-10T10:00:00+01:00' },
  },
});
