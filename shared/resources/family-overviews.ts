import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { invalid } from '../errors.ts';
import type { Operation } from '../operation.ts';
import { day, flag, group, instant, line, listOf, oneOf, reference, whole } from '../record/fields.ts';
import { entriesSeenBy } from '../record/guards.ts';
import { type Listing, pageOf, pageParameters, pageSchema } from '../record/lists.ts';
import { TENANT_BASE } from '../record/operations.ts';
import type { LedgerEntries } from '../record/resource.ts';
import { parse } from '../record/validate.ts';
import { ledgerKey } from '../table/keys.ts';
import { type Instant, localDateOf } from '../time.ts';
import {
  type Assignment,
  attentionAt,
  contactDueAt,
  freePlaces,
  RISK_LEVELS,
  type Standing,
  standingLists,
} from './family-standing.ts';
import { groupSessionsName } from './supervision-sessions.ts';

/** The overview shows what stands in these parts of the record. */

const yes = (description: string) => z.literal('true').describe(description).optional();

const parameters = () => ({
  consultantId: reference('Only the families of this consultant.').optional(),
  attention: yes('`true`: only those that need attention, the longest waiting first. Goes with consultantId.'),
  withoutConsultant: yes('`true`: only those without a consultant, the longest waiting first.'),
  ...pageParameters(),
});

type Chosen = z.output<z.ZodObject<ReturnType<typeof parameters>>>;

/** A family as those who support it look at it first. */
const overview = () =>
  z
    .strictObject({
      familyId: reference('The family (plejefamilie).'),
      alias: line('What it is called (alias).'),
      status: line('Where it stands (status).'),
      pressure: line('Pressure on it (belastning).'),
      consultants: listOf(
        'Who its consultants are, today and agreed for later (konsulenter).',
        group('One consultant.', {
          consultantId: reference('The consultant (konsulent).'),
          from: day('First day, a local date (fra).'),
          to: day('Last day, a local date (til).').optional(),
        }),
      ),
      lastContactAt: instant('When somebody last talked with it, UTC (seneste kontakt).').optional(),
      contactDueAt: instant('When its interval for contact is over, UTC (næste kontakt senest).'),
      nextSupervisionAt: instant(
        'When its next supervision is planned, its own or its group’s, UTC (næste supervision).',
      ).optional(),
      openActions: whole('Open actions about it (åbne opgaver), 0–100,000.', 0, 100_000),
      nextActionDueOn: day('When the first of them is due, a local date (næste frist).').optional(),
      riskLevel: oneOf('The highest level of its raised risk flags (risiko for sammenbrud).', RISK_LEVELS).optional(),
      activePlacements: whole('Placements that are active with it now (anbringelser), children.', 0, 100),
      freePlaces: whole('Approved places that are free (ledige pladser), children.', 0, 100),
      attention: listOf(
        'Why it needs attention now (kræver opmærksomhed): no consultant, or no contact for longer than its interval.',
        oneOf('A reason.', ['no_consultant', 'no_contact']),
      ),
      needsAttention: flag('Whether there is such a reason (kræver opmærksomhed).'),
    })
    .meta({
      description: 'Overblik. A family as those who support it look at it first.',
      examples: [
        {
          familyId: '01930000-0000-7000-8000-000000000003',
          alias: 'Familien ved åen',
          status: 'active',
          pressure: 'normal',
          consultants: [{ consultantId: '01930000-0000-7000-8000-000000000004', from: '2026-10-01' }],
          lastContactAt: '2026-11-18T09:30:00.000Z',
          contactDueAt: '2026-12-18T09:30:00.000Z',
          nextSupervisionAt: '2026-12-01T08:00:00.000Z',
          openActions: 1,
          nextActionDueOn: '2026-11-30',
          activePlacements: 1,
          freePlaces: 1,
          attention: [],
          needsAttention: false,
        },
      ],
    });

/** Which list answers, and up to where. Its end moves with time, so a cursor is bound to the list and not to the end. */
function listingOf({ consultantId, attention, withoutConsultant }: Chosen, now: Instant): Listing {
  const index = attention ? 'filter1' : withoutConsultant ? 'filter2' : 'list';
  const bound = { consultantId, attention, withoutConsultant };
  if (withoutConsultant) {
    if (attention || consultantId !== undefined)
      throw invalid('/query/withoutConsultant', 'It does not go with another filter.');
    return { index, partition: standingLists.withoutConsultant, to: `${localDateOf(now)}$`, bound };
  }
  if (attention) {
    const partition =
      consultantId === undefined ? standingLists.attention : standingLists.attentionOfConsultant(consultantId);
    return { index, partition, to: now, bound };
  }
  if (consultantId === undefined) return { index, partition: standingLists.all };
  return { index, partition: standingLists.ofConsultant(consultantId), from: localDateOf(now), bound };
}

/** The next planned session of each group that the families of a page are in. */
async function nextOfGroups(ctx: Context, standings: readonly Standing[]): Promise<ReadonlyMap<string, Instant>> {
  const groups = [...new Set(standings.flatMap(({ groups }) => groups.map(({ groupId }) => groupId)))];
  if (groups.length === 0) return new Map();
  const rows = await ctx.table.getMany(groups.map((groupId) => ledgerKey(...groupSessionsName(groupId))));
  return new Map(
    rows.flatMap((row) => {
      const seen = entriesSeenBy(ctx, row['entries'] as LedgerEntries);
      const entries = Object.values(seen as Record<string, unknown>) as { groupId: string; at: Instant }[];
      const [next] = entries.filter(({ at }) => at >= ctx.now).sort((a, b) => (a.at < b.at ? -1 : 1));
      return next ? [[next.groupId, next.at]] : [];
    }),
  );
}

function overviewOf(standing: Standing, now: Instant, nextOfGroup: ReadonlyMap<string, Instant>) {
  const { familyId, alias, status, pressure, assignments, sessions, groups } = standing;
  const { lastContactAt, openActions, nextActionDueOn, riskLevel, activePlacements } = standing;
  const today = localDateOf(now);
  const ofGroups = groups.flatMap(({ groupId, from, to }) => {
    const next = nextOfGroup.get(groupId);
    return next !== undefined && from <= localDateOf(next) && localDateOf(next) <= to ? [next] : [];
  });
  const [nextSupervisionAt] = [...sessions.filter((at) => at >= now), ...ofGroups].sort();
  const attention = attentionAt(standing, now);
  return {
    familyId,
    alias,
    status,
    pressure,
    consultants: assignments.filter(({ to }) => to === undefined || to >= today),
    ...(lastContactAt !== undefined && { lastContactAt }),
    contactDueAt: contactDueAt(standing),
    ...(nextSupervisionAt !== undefined && { nextSupervisionAt }),
    openActions,
    ...(nextActionDueOn !== undefined && { nextActionDueOn }),
    ...(riskLevel !== undefined && { riskLevel }),
    activePlacements,
    freePlaces: freePlaces(standing),
    attention,
    needsAttention: attention.length > 0,
  };
}

/** What is listed by consultant stays there until it is written again, so the last day is looked at, too. */
const isOf = (consultantId: string | undefined, consultants: readonly Assignment[]): boolean =>
  consultantId === undefined || consultants.some((assignment) => assignment.consultantId === consultantId);

/**
 * What a consultant and a manager ask first: one Query for the page, and one read of the groups' next sessions where a
 * family of the page is in a group. A family comes into the lists of those that need attention by time alone, and so
 * does its leaving them when a consultant was agreed for later; in between it is left out here.
 */
export const familyOverviews: Operation<Context> = {
  id: 'list-family-overviews',
  method: 'GET',
  path: `${TENANT_BASE}/family-overviews`,
  scope: 'support:read',
  also: ['families:read', 'supervision:read', 'placements:read'],
  tag: 'families',
  summary: 'My families, those that need attention, those without a consultant',
  description: `Last contact, next supervision, open actions, risk and free places of each family, and why it needs attention: it has no consultant, or nobody talked with it for 30 days (15 under high pressure).`,
  manner: 'list',
  query: parameters,
  success: {
    status: 200,
    description: 'One page: by name, or the longest waiting first.',
    body: () => pageSchema(overview(), 'The families of this page (plejefamilier).'),
  },
  problems: ['validation_failed', 'invalid_cursor'],
  run: async (ctx, request) => {
    const chosen = parse(z.strictObject(parameters()), request.query, '/query');
    const answer = await pageOf(ctx, request, listingOf(chosen, ctx.now), chosen, (row) => row['view']);
    const { items, ...rest } = answer.body as { items: Standing[] };
    const next = await nextOfGroups(ctx, items);
    const shown = items
      .map((standing) => overviewOf(standing, ctx.now, next))
      .filter(({ attention }) => !chosen.attention || attention.length > 0)
      .filter(({ consultants }) => isOf(chosen.consultantId, consultants))
      .filter(({ attention }) => !chosen.withoutConsultant || attention.includes('no_consultant'));
    return { ...answer, body: { items: shown, ...rest } };
  },
};
