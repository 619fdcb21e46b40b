import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { type Operation, param } from '../operation.ts';
import { purposeOf } from '../privacy/access-log.ts';
import { flag, group, line, listOf, oneOf, reference, whole } from '../record/fields.ts';
import { TENANT_BASE } from '../record/operations.ts';
import { load } from '../record/read.ts';
import { fieldsForRule } from '../record/sensitive-gate.ts';
import { parse } from '../record/validate.ts';
import { FOREVER, type LocalDate, localDateOf } from '../time.ts';
import { type Ages, agesOn } from './birth.ts';
import { children } from './children.ts';
import { freePlaces, type Standing, standingLists } from './family-standing.ts';
import { pastOfChild } from './placements.ts';

/** What the match looks at. */
/** Families read at a time; a municipality has fewer with a free place. */
const PAGE = 500;

/**
 * What speaks for and against a family, each with its weight in the ranking. A `bar` is what the law or the approval
 * forbids: such a family stands below every other, and is shown so that somebody can see why it is not an answer.
 */
const REASONS = {
  known_to_child: { weight: 5, text: 'The child has lived or stayed with this family.' },
  has_skill: { weight: 3, text: 'The family is good at what the child needs.' },
  approved_for_care_form: { weight: 2, text: 'Its approval covers this form of care.' },
  age_in_range: { weight: 2, text: "The child's age is inside the range of its approval." },
  has_consultant: { weight: 1, text: 'A consultant supports it.' },
  several_places: { weight: 1, text: 'More than one place is free.' },
  not_approved_now: { weight: -1, bar: true, text: 'It has no approval that is valid on the day.' },
  age_outside_range: { weight: -1, bar: true, text: "The child's age is outside the range of its approval." },
  network_of_another_child: { weight: -1, bar: true, text: 'It is a network family, approved for another child.' },
  not_approved_for_care_form: { weight: -2, text: 'Its approval does not cover this form of care.' },
  high_pressure: { weight: -3, text: 'Pressure on the family is high.' },
  elevated_pressure: { weight: -1, text: 'Pressure on the family is elevated.' },
  raised_risk: { weight: -4, text: 'A risk flag is raised about the family.' },
  no_consultant: { weight: -2, text: 'No consultant supports it.' },
} as const satisfies Record<string, { weight: number; bar?: true; text: string }>;

type Reason = keyof typeof REASONS;

/** What is asked for. */
interface Wanted {
  readonly childId: string;
  /** Undefined where the caller may not see what tells them. */
  readonly ages: Ages | undefined;
  readonly careForm: string;
  readonly on: LocalDate;
  /** In the words of the record; empty where the caller may not see them. */
  readonly needs: readonly string[];
  readonly knownFamilies: ReadonlySet<string>;
}

const sameWord = (a: string, b: string): boolean => a.trim().toLowerCase() === b.trim().toLowerCase();

/** Why a family would be an answer, and why not. */
export function reasonsOf(family: Standing, wanted: Wanted): Reason[] {
  const { approval, assignments, pressure, riskLevel, skills, familyId, familyKind } = family;
  const { on, ages, careForm, needs } = wanted;
  const valid = approval !== undefined && approval.from <= on && on <= (approval.to ?? FOREVER);
  const inRange =
    approval !== undefined && ages !== undefined && approval.ageMin <= ages.max && ages.min <= approval.ageMax;
  const supported = assignments.some(({ from, to = FOREVER }) => from <= on && on <= to);
  const holds: Record<Reason, boolean> = {
    known_to_child: wanted.knownFamilies.has(familyId),
    has_skill: skills.some((skill) => needs.some((need) => sameWord(skill, need))),
    approved_for_care_form: approval?.careForms.includes(careForm) === true,
    age_in_range: inRange,
    has_consultant: supported,
    several_places: freePlaces(family) > 1,
    not_approved_now: !valid,
    age_outside_range: ages !== undefined && !inRange,
    network_of_another_child: familyKind === 'netvaerk' && approval?.childId !== wanted.childId,
    not_approved_for_care_form: approval?.careForms.includes(careForm) === false,
    high_pressure: pressure === 'high',
    elevated_pressure: pressure === 'elevated',
    raised_risk: riskLevel !== undefined,
    no_consultant: !supported,
  };
  return (Object.keys(REASONS) as Reason[]).filter((reason) => holds[reason]);
}

/** A family with its reasons and its place in the ranking. */
function matchOf(family: Standing, wanted: Wanted) {
  const reasons = reasonsOf(family, wanted);
  const weighed = reasons.map((code) => ({ code, ...REASONS[code] }));
  const told = (holds: (weight: number) => boolean) =>
    weighed.filter(({ weight }) => holds(weight)).map(({ code, text }) => ({ code, detail: text }));
  return {
    familyId: family.familyId,
    alias: family.alias,
    possible: !weighed.some((reason) => 'bar' in reason),
    score: weighed.reduce((sum, { weight }) => sum + weight, 0),
    freePlaces: freePlaces(family),
    for: told((weight) => weight > 0),
    against: told((weight) => weight < 0),
  };
}

const CODES = Object.keys(REASONS) as [Reason, ...Reason[]];
const reasonList = (description: string) =>
  listOf(
    description,
    group('A reason.', {
      code: oneOf('The reason as a code (grundkode).', CODES),
      detail: line('The reason in words (begrundelse).'),
    }),
  );

const match = () =>
  z
    .strictObject({
      familyId: reference('The family (plejefamilie).'),
      alias: line('What it is called (alias).'),
      possible: flag('Whether law and approval allow it (mulig).'),
      score: whole('What the reasons weigh together (point), -100–100: only their order means something.', -100, 100),
      freePlaces: whole('Approved places that are free (ledige pladser), children, 0–10.', 0, 10),
      for: reasonList('What speaks for it (taler for).'),
      against: reasonList('What speaks against it (taler imod).'),
    })
    .meta({
      description: 'Match. A family with a free approved place, and why and why not.',
      examples: [
        {
          familyId: '01930000-0000-7000-8000-000000000003',
          alias: 'Familien ved åen',
          possible: true,
          score: 5,
          freePlaces: 1,
          for: [{ code: 'known_to_child', detail: REASONS.known_to_child.text }],
          against: [],
        },
      ],
    });

const parameters = () => ({
  careForm: oneOf('The form of care that is looked for (plejeform).', ['doegn', 'stoetteophold']).default('doegn'),
});

/** The families with a free approved place: one Query, unless they are more than fit in its megabyte. */
async function familiesWithPlace(ctx: Context): Promise<Standing[]> {
  const families: Standing[] = [];
  let after: string | undefined;
  do {
    const page = await ctx.table.query({ index: 'filter3', partition: standingLists.free, after, limit: PAGE });
    families.push(...page.rows.map((row) => row['view'] as unknown as Standing));
    after = page.last;
  } while (after !== undefined);
  return families;
}

/** The families with a free approved place, ranked for one child: one Query over those with a free place. */
export const matches: Operation<Context> = {
  id: 'list-child-matches',
  method: 'GET',
  path: `${TENANT_BASE}/children/{id}/matches`,
  scope: 'children:read',
  also: ['families:read', 'placements:read'],
  tag: 'children',
  summary: 'Families with a free approved place, ranked, with reasons',
  description:
    'What the child needs, and an age that only its CPR number tells, count only for a client that may read them (sensitive:read).',
  manner: 'list',
  query: parameters,
  success: {
    status: 200,
    description: 'The families, the best match first; those that law or approval forbid stand last.',
    body: () => z.strictObject({ items: z.array(match()).describe('The families (plejefamilier).') }),
  },
  problems: ['validation_failed'],
  logged: () => true,
  run: async (ctx, request) => {
    const { careForm } = parse(z.strictObject(parameters()), request.query, '/query');
    const id = param(request, 'id');
    const purpose = purposeOf(request);
    const [stored, past, families] = await Promise.all([
      load(ctx, children, { id }),
      pastOfChild(ctx, id, 'seen'),
      familiesWithPlace(ctx),
    ]);
    // Whoever sees that a family's skills fit is told something of what the child needs, and by its age of its birth.
    const child = await fieldsForRule(ctx, children, stored, ['needs', 'cpr'], purpose);
    const needs = (child['needs'] as string[] | undefined) ?? [];
    const on = localDateOf(ctx.now);
    const wanted: Wanted = {
      childId: id,
      ages: agesOn(child, on),
      careForm,
      on,
      needs,
      knownFamilies: new Set([...past.values()].map(({ familyId }) => familyId)),
    };
    const items = families
      .map((family) => matchOf(family, wanted))
      .sort((a, b) => Number(b.possible) - Number(a.possible) || b.score - a.score);
    return { status: 200, body: { items } };
  },
};
