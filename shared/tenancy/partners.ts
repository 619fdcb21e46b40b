import * as z from 'zod';
import { Problem } from '../errors.ts';
import { SOURCE } from '../ids.ts';
import type { Answer } from '../operation.ts';
import { cvrNumber, instant, line } from '../record/fields.ts';
import { parse } from '../record/validate.ts';
import { partnerKey } from '../table/keys.ts';
import { ABSENT, WriteRefused } from '../table/write.ts';
import type { OperatorContext } from './control.ts';

/** Ids that mean something else as a record's `source`. */
const RESERVED = ['municipal', 'livline'];

/** Body of a new partner. */
export const NewPartner = () =>
  z.strictObject({
    id: z
      .string()
      .regex(SOURCE, 'This must be 2 to 40 lower-case letters, digits and hyphens, and start with a letter.')
      .refine((id) => !RESERVED.includes(id), 'This id is reserved.')
      .describe('Short id, the `source` of what the partner writes (kilde), such as `carelink`.'),
    name: line('Name (navn).'),
    cvr: cvrNumber('CVR number (CVR-nummer), eight digits.').optional(),
  });

/** A partner as it is shown. */
export const PartnerView = () =>
  z
    .strictObject({
      ...NewPartner().shape,
      createdAt: instant('When it was created, UTC (oprettet).'),
      createdBy: z.string().describe('Id of the operator client that created it (oprettet af).'),
    })
    .meta({
      description: 'Samarbejdspartner. A provider that writes into the municipalities that granted it access.',
      examples: [
        {
          id: 'carelink',
          name: 'Carelink',
          createdAt: '2026-11-20T08:52:00.000Z',
          createdBy: '2b7c4d9e1f6g3h8j5k0l2m7n4p',
        },
      ],
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
  return { status: 201, body: view, headers: { location: `v1/admin/partners/${partner.id}` } };
}

/** Reads a partner. Throws `not_found` where there is none. */
export async function getPartner(ctx: OperatorContext, id: string): Promise<Answer> {
  const row = SOURCE.test(id) ? await ctx.control.get(partnerKey(id)) : undefined;
  if (!row) throw new Problem('not_found', 'There is no such partner.');
  return { status: 200, body: row['view'] };
}
