import * as z from 'zod';
import { Problem } from '../errors.ts';
import type { Answer } from '../operation.ts';
import { cvrNumber, line } from '../record/fields.ts';
import { parse } from '../record/validate.ts';
import { partnerKey } from '../table/keys.ts';
import { ABSENT, WriteRefused } from '../table/write.ts';
import type { OperatorContext } from './control.ts';

/** Ids that mean something else as a record's `source`. */
const RESERVED = ['municipal', 'livline'];

export const NewPartner = () =>
  z.strictObject({
    id: z
      .string()
      .regex(/^[a-z][a-z0-9-]{1,39}$/, 'Lower-case letters, digits and hyphens, starting with a letter')
      .refine((id) => !RESERVED.includes(id), 'This id is reserved')
      .describe('Short id, the `source` of what the partner writes, such as `carelink`.'),
    name: line('Name (navn).'),
    cvr: cvrNumber('CVR number, eight digits.').optional(),
  });

export const PartnerView = () =>
  z.strictObject({
    ...NewPartner().shape,
    createdAt: z.string().describe('When it was created, UTC.'),
    createdBy: z.string().describe('Id of the operator client that created it.'),
  });

/** Registers a partner provider. It can do nothing until a client of its has a grant. */
export async function createPartner(ctx: OperatorContext, body: unknown): Promise<Answer> {
  const partner = parse(NewPartner(), body);
  const view = { ...partner, createdAt: ctx.now, createdBy: ctx.operatorId };
  try {
    await ctx.control.write({
      kind: 'put',
      key: partnerKey(partner.id),
      condition: ABSENT,
      item: { type: 'partner', view },
      index: { list: { pk: ['PARTNERS'], sk: [partner.id] } },
    });
  } catch (error) {
    if (error instanceof WriteRefused) throw new Problem('already_exists', `The partner ${partner.id} exists already.`);
    throw error;
  }
  return { status: 201, body: view, headers: { location: `/v1/admin/partners/${partner.id}` } };
}

/** Reads a partner. Throws `not_found` where there is none. */
export async function getPartner(ctx: OperatorContext, id: string): Promise<Answer> {
  const row = await ctx.control.get(partnerKey(id));
  if (!row) throw new Problem('not_found', 'There is no such partner.');
  return { status: 200, body: row['view'] };
}
