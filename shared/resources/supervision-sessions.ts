import { isDeepStrictEqual } from 'node:util';
import { type Context, requireScope } from '../auth/context.ts';
import { invalid } from '../errors.ts';
import {
  flag,
  group,
  instant,
  listOf,
  oneOf,
  ownSensitive,
  reference,
  sensitive,
  text,
  whole,
} from '../record/fields.ts';
import { findRecord } from '../record/read.ts';
import { type Change, defineResource, type LedgerEntry, type RecordOf } from '../record/resource.ts';
import { refuseBefore, refuseFuture } from '../record/rules.ts';
import { lockKey } from '../table/keys.ts';
import { localDateOf, quarterOf } from '../time.ts';
import { FACILITATORS, facilitatorIds, institutionIds, institutionsOf, type Led } from './facilitators.ts';
import { inStanding } from './family-standing.ts';
import { supervisionGroups } from './supervision-groups.ts';
import { quarterName } from './themes.ts';

const fields = () => ({
  form: oneOf('Group or individual supervision (gruppe, individuel).', ['group', 'individual']),
  groupId: reference('The group, where the form is group (hold).').optional(),
  familyId: reference('The family, where the form is individual (plejefamilie).').optional(),
  themeId: reference("What it is about; the quarter's theme if left out (tema).").optional(),
  at: instant('When it starts, UTC (tidspunkt).'),
  minutes: whole('How long it takes (varighed), minutes, 15–480.', 15, 480),
  facilitatorIds: facilitatorIds('Who leads it (supervisorer): consultants or staff members.'),
  attendance: listOf(
    'Who was expected and who came (fremmøde).',
    group('One family.', {
      familyId: reference('The family (plejefamilie): a member of the group, or the one the session is for.'),
      present: flag('Whether it came (fremmødt).'),
      rating: whole('What it thought of the session (vurdering), 1 (poor) to 5 (good).', 1, 5).optional(),
    }),
    24,
  ).default([]),
  summary: sensitive(text('What was dealt with (referat).')).optional(),
  reflection: ownSensitive(text("The facilitator's own reflection (refleksion).")).optional(),
  addenda: sensitive(
    listOf(
      'Corrections to a locked session (tilføjelser): entries can be added, none changed or removed.',
      group('One addendum.', {
        at: instant('When it was added, UTC (tilføjet).'),
        text: text('What it says (tekst).'),
      }),
    ),
  ).default([]),
});

type Session = RecordOf<ReturnType<typeof fields>> & Partial<Led>;

/** The ledger of a group's planned sessions: through it the next one of every group is found by its key. */
export const groupSessionsName = (groupId: string): string[] => ['group-sessions', groupId];

/** A planned session is its family's next supervision, or its group's. */
function plannedIn({ status, form, groupId, familyId, at }: Session): LedgerEntry[] {
  if (status !== 'planned') return [];
  if (form === 'individual') return familyId === undefined ? [] : [inStanding(familyId, { kind: 'session', at })];
  return groupId === undefined ? [] : [{ name: groupSessionsName(groupId), entry: { groupId, at } }];
}

/** A group session names its group and an individual one its family, and neither the other. */
function checkForm({ form, groupId, familyId }: Session): void {
  const [needed, other] = form === 'group' ? (['groupId', 'familyId'] as const) : (['familyId', 'groupId'] as const);
  const values = { groupId, familyId };
  if (values[needed] === undefined) throw invalid(`/${needed}`, `The form ${form} needs ${needed}.`, 'required');
  if (values[other] !== undefined) throw invalid(`/${other}`, `The form ${form} has no ${other}.`);
}

/** Attendance is by members only: the families of the group, or the one family, when it was written down. */
async function checkAttendance({ ctx, before, after, changed }: Change<Session>): Promise<void> {
  const { form, groupId, familyId, attendance } = after;
  if (before && !changed.some((name) => ['attendance', 'groupId', 'familyId'].includes(name))) return;
  const families = attendance.map((entry) => entry.familyId);
  if (new Set(families).size < families.length) throw invalid('/attendance', 'A family stands here twice.');
  if (families.length === 0) return;
  const found = form === 'group' ? await findRecord(ctx, supervisionGroups, groupId as string) : undefined;
  const members = form === 'group' ? ((found?.view['familyIds'] ?? []) as string[]) : [familyId];
  // Who was a member when it was written down stays, also after leaving the group.
  const known = before?.groupId === groupId ? (before?.attendance.map((entry) => entry.familyId) ?? []) : [];
  const stranger = families.findIndex((id) => !members.includes(id) && !known.includes(id));
  if (stranger !== -1 && (form === 'individual' || found)) {
    throw invalid(`/attendance/${stranger}/familyId`, 'This family is not a member.');
  }
}

/** The theme of the quarter a session falls in, through the lock that the theme holds. */
async function themeOfQuarter(ctx: Context, { at }: Session): Promise<string | undefined> {
  const lock = await ctx.table.get(lockKey(...quarterName(quarterOf(localDateOf(at)))));
  return lock?.['holder'] as string | undefined;
}

/**
 * Once locked, a session changes by addenda alone, and an addendum stays as it was written. Nothing that is hidden is
 * compared: any sensitive field that is sent is refused, and who adds an addendum sees those before it.
 */
function checkLocked({ ctx, before, after, changed }: Change<Session>): void {
  if (before && changed.includes('addenda')) requireScope(ctx, 'sensitive:read');
  if (before && after.addenda.length < before.addenda.length)
    throw invalid('/addenda', 'An addendum cannot be removed.');
  if (before && !isDeepStrictEqual(before.addenda, after.addenda.slice(0, before.addenda.length))) {
    throw invalid('/addenda', 'An addendum cannot be changed.');
  }
  if (before?.status !== 'locked') return;
  // A replacement that leaves the theme out keeps it.
  const kept = after.themeId === before.themeId ? 'themeId' : '';
  const other = changed.find((name) => name !== 'addenda' && name !== kept);
  if (other !== undefined) throw invalid(`/${other}`, 'The session is locked. Correct it by an addendum.');
}

export const supervisionSessions = defineResource({
  path: 'supervision-sessions',
  name: 'supervision-session',
  danish: 'Supervision',
  summary: 'One session of supervision, for a group or for one family.',
  scopes: { read: 'supervision:read', write: 'supervision:write' },
  fields,
  derived: () => ({ institutionIds: institutionIds() }),
  machine: {
    steps: { planned: ['held', 'cancelled'], held: ['locked'], locked: [], cancelled: [] },
    reasonFor: ['cancelled'],
  },
  events: { prefix: 'session', status: { planned: 'planned', held: 'held', locked: 'locked', cancelled: 'cancelled' } },
  references: {
    groupId: 'supervision-groups',
    familyId: 'families',
    themeId: 'themes',
    facilitatorIds: FACILITATORS,
    'attendance.familyId': 'families',
  },
  order: (session) => session.at,
  newestFirst: true,
  period: true,
  filters: {
    status: (session) => session.status,
    groupId: (session) => session.groupId,
    themeId: (session) => session.themeId,
  },
  edges: {
    familyId: ({ familyId, attendance }) => [
      ...(familyId === undefined ? [] : [familyId]),
      ...attendance.map((entry) => entry.familyId),
    ],
    institutionId: (session: Session) => session.institutionIds ?? [],
  },
  ledgers: plannedIn,
  settle: async (change) => {
    const { ctx, before, after, entering } = change;
    checkForm(after);
    // A locked session keeps its theme, also where a replacement leaves it out, and gets none that is published later.
    const lockedOn = before?.status === 'locked' ? { themeId: after.themeId ?? before.themeId } : undefined;
    checkLocked({ ...change, after: { ...after, ...lockedOn } });
    if (after.status === 'held' || after.status === 'locked') {
      refuseFuture(ctx, '/at', after.at);
      if (entering !== undefined) refuseBefore(before ? '/at' : '/statusAt', after.statusAt, after.at);
      else if (after.at !== before?.at) refuseBefore('/at', after.statusAt, after.at);
    }
    const [themeId, led] = await Promise.all([
      lockedOn ? lockedOn.themeId : (after.themeId ?? themeOfQuarter(ctx, after)),
      institutionsOf(change),
      checkAttendance(change),
    ]);
    return { ...led, ...(themeId !== undefined && { themeId }) };
  },
  example: {
    form: 'group',
    groupId: '01930000-0000-7000-8000-000000000006',
    at: '2026-11-19T09:00:00+01:00',
    minutes: 120,
    facilitatorIds: ['01930000-0000-7000-8000-000000000004'],
    attendance: [{ familyId: '01930000-0000-7000-8000-000000000003', present: true, rating: 4 }],
    status: 'held',
  },
});
