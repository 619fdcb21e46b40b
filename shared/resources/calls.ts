import { invalid, Problem } from '../errors.ts';
import { flag, instant, line, oneOf, phone, reference, sensitive, text, whole } from '../record/fields.ts';
import { defineResource, type RecordOf } from '../record/resource.ts';
import { refuseBefore, refuseFuture } from '../record/rules.ts';
import { ledgerKey } from '../table/keys.ts';

const fields = () => ({
  helplineId: reference('The helpline that was called (akuttelefon).'),
  receivedAt: instant('When it rang (modtaget), UTC.'),
  answeredAt: instant('When somebody answered (besvaret), UTC.').optional(),
  endedAt: instant('When it ended (afsluttet), UTC.').optional(),
  callerKind: oneOf('Who called (henvender).', ['foster_family', 'child', 'parent', 'professional', 'other']),
  familyId: reference('The foster family it is about (plejefamilie).').optional(),
  topic: oneOf('What it is about (emne).', [
    'conflict',
    'self_harm',
    'school',
    'health',
    'parents',
    'practical',
    'other',
  ]),
  severity: whole('How serious it is (alvor), 1 (mild) to 4 (acute).', 1, 4),
  outcome: sensitive(line('What came of it (udfald).')).optional(),
  callerPhone: sensitive(phone("The caller's telephone (henvenders telefon).")).optional(),
  note: sensitive(text('What was said (notat).')).optional(),
  concern: flag('Whether it gives cause for a concern report (underretning).').default(false),
});

type Call = RecordOf<ReturnType<typeof fields>>;

/**
 * The ledger of the concern reports about a call that have been handed over. What is in it never goes away, so whoever
 * has seen one may close the call, whatever happens at the same instant.
 */
export const handedOverName = (callId: string): string[] => ['concern-handed-over', callId];

/**
 * The times a status implies where nobody stated them: it was answered when it became answered, and what was answered
 * or has ended stays so, also where a replacement leaves the time out.
 */
function timesOf(before: Call | undefined, after: Call, entering: string | undefined): Partial<Call> {
  const { status, statusAt } = after;
  const stays = entering === undefined ? before : undefined;
  const { answeredAt = stays?.answeredAt, endedAt = stays?.endedAt } = after;
  return {
    ...(answeredAt !== undefined && { answeredAt }),
    ...(endedAt !== undefined && { endedAt }),
    ...(entering === 'answered' && answeredAt === undefined && { answeredAt: statusAt }),
    ...(entering === 'closed' &&
      status === 'closed' &&
      answeredAt !== undefined &&
      endedAt === undefined && { endedAt: statusAt }),
  };
}

export const calls = defineResource({
  path: 'calls',
  name: 'call',
  danish: 'Opkald',
  summary: 'A call to a helpline: who, about what, how serious, what came of it.',
  scopes: { read: 'helpline:read', write: 'helpline:write' },
  fields,
  machine: {
    steps: {
      received: ['answered', 'missed'],
      answered: ['closed', 'escalated'],
      escalated: ['closed'],
      missed: ['called_back'],
      called_back: ['closed'],
      closed: [],
    },
  },
  events: {
    created: 'received',
    status: { answered: 'answered', escalated: 'escalated', missed: 'missed', closed: 'closed' },
  },
  references: { helplineId: 'helplines', familyId: 'families' },
  order: (call) => call.receivedAt,
  newestFirst: true,
  period: true,
  filters: { helplineId: (call) => call.helplineId, familyId: (call) => call.familyId, status: (call) => call.status },
  about: (call) => call.familyId,
  settle: async ({ ctx, before, after, entering }) => {
    if (before && entering !== undefined) refuseBefore('/at', after.statusAt, after.receivedAt);
    const times = timesOf(before, after, entering);
    const { receivedAt, answeredAt, endedAt } = { ...after, ...times };
    refuseFuture(ctx, '/receivedAt', receivedAt);
    refuseFuture(ctx, '/answeredAt', answeredAt);
    refuseFuture(ctx, '/endedAt', endedAt);
    if (answeredAt !== undefined && answeredAt < receivedAt)
      throw invalid('/answeredAt', 'A call cannot be answered before it was received.');
    if (endedAt !== undefined && endedAt < (answeredAt ?? receivedAt))
      throw invalid('/endedAt', 'A call cannot end before it was answered.');
    const closedWithConcern =
      after.status === 'closed' && after.concern && (entering === 'closed' || before?.concern === false);
    if (closedWithConcern && !(await ctx.table.get(ledgerKey(...handedOverName(after.id))))) {
      throw new Problem(
        'concern_open',
        'This call raised a concern. Hand over a concern report about it, then close it.',
      );
    }
    return times;
  },
  problems: ['concern_open'],
  example: {
    helplineId: '01930000-0000-7000-8000-000000000001',
    receivedAt: '2026-11-21T22:14:00+01:00',
    answeredAt: '2026-11-21T22:14:40+01:00',
    endedAt: '2026-11-21T22:41:00+01:00',
    callerKind: 'foster_family',
    topic: 'conflict',
    severity: 2,
    outcome: 'Calmed down; the consultant calls tomorrow',
    status: 'closed',
  },
});
