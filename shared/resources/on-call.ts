import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { type Operation, param } from '../operation.ts';
import { instant, line, oneOf, reference } from '../record/fields.ts';
import { selectedList } from '../record/indexes.ts';
import { TENANT_BASE } from '../record/operations.ts';
import { load } from '../record/read.ts';
import type { Fields } from '../record/resource.ts';
import { recordKey } from '../table/keys.ts';
import { plusSeconds } from '../time.ts';
import { helplines } from './helplines.ts';
import { LONGEST_SHIFT_S, shifts } from './shifts.ts';

/** More shifts than one helpline has in the time that the longest shift lasts. */
const MOST_SHIFTS = 500;

const onDuty = () =>
  z
    .strictObject({
      shiftId: reference('The shift (vagt).'),
      startsAt: instant('When it started, UTC (vagt fra).'),
      endsAt: instant('When it ends, UTC (vagt til).'),
      person: z
        .strictObject({
          id: reference('Staff member or consultant (vagthavende).'),
          type: oneOf('Collection that the person stands in (posttype).', ['staff', 'consultants']),
          name: line('Name (navn).'),
        })
        .describe('Who answers now (vagthavende).'),
    })
    .meta({
      description: 'Somebody who is on call.',
      examples: [
        {
          shiftId: '01930000-0000-7000-8000-000000000008',
          startsAt: '2026-11-23T06:00:00.000Z',
          endsAt: '2026-11-23T14:00:00.000Z',
          person: { id: '01930000-0000-7000-8000-000000000002', type: 'staff', name: 'Medarbejder A' },
        },
      ],
    });

/** The shifts of a helpline that have begun and not ended: one Query over the time that the longest shift can reach back. */
async function shiftsNow(ctx: Context, helplineId: string): Promise<Fields[]> {
  const { rows } = await ctx.table.query({
    index: 'filter1',
    partition: selectedList(shifts, {}, 'helplineId', helplineId),
    from: plusSeconds(ctx.now, -LONGEST_SHIFT_S),
    to: `${ctx.now}$`,
    limit: MOST_SHIFTS,
  });
  return rows.map((row) => row['view'] as Fields).filter(({ endsAt }) => String(endsAt) > ctx.now);
}

/** Who is on call now at a helpline. */
export const onCall: Operation<Context> = {
  id: 'get-helpline-on-call',
  method: 'GET',
  path: `${TENANT_BASE}/helplines/{id}/on-call`,
  scope: 'helpline:read',
  tag: 'helplines',
  summary: 'Who is on call now',
  description: 'Nobody is in the list while no shift covers this instant.',
  manner: 'act',
  success: {
    status: 200,
    description: 'The people on call, the longest on duty first.',
    body: () => z.strictObject({ items: z.array(onDuty()).describe('Who answers now (vagthavende).') }),
  },
  problems: [],
  run: async (ctx, request) => {
    const id = param(request, 'id');
    const [found] = await Promise.all([shiftsNow(ctx, id), load(ctx, helplines, { id })]);
    const rows = await ctx.table.getMany([...new Set(found.map(({ staffId }) => String(staffId)))].map(recordKey));
    const people = new Map(rows.map((row) => [(row['view'] as Fields)['id'], row]));
    const items = found.flatMap(({ id: shiftId, startsAt, endsAt, staffId }) => {
      const row = people.get(staffId);
      if (!row) return [];
      const { name } = row['view'] as Fields;
      return [{ shiftId, startsAt, endsAt, person: { id: staffId, type: row['type'], name } }];
    });
    return { status: 200, body: { items } };
  },
};
