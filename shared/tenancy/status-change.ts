import * as z from 'zod';
import { Problem } from '../errors.ts';
import type { Answer } from '../operation.ts';
import { line } from '../record/fields.ts';
import { parse } from '../record/validate.ts';
import type { OperatorContext } from './control.ts';
import { endSeenCredentials } from './going-live.ts';
import { MUNICIPALITY_STATUSES, type MunicipalityStatus, stepsOnRequest } from './lifecycle.ts';
import { commitMunicipality, loadMunicipality, type Municipality, municipalityWrite } from './municipality-row.ts';

/** Body of a change of a municipality's status. */
export const MunicipalityStatusChange = () =>
  z.strictObject({
    status: z
      .enum(MUNICIPALITY_STATUSES)
      .describe(
        'The status to enter (ny status). What it leads to is done within minutes, and cannot be undone once it is `offboarding`.',
      ),
    reason: line('Why (begrundelse). No personal data.').optional(),
  });

type Asked = z.output<ReturnType<typeof MunicipalityStatusChange>>;

/** What is told of entering a status. */
const EVENTS: Partial<Record<MunicipalityStatus, string>> = {
  live: 'municipality.activated',
  suspended: 'municipality.suspended',
  offboarding: 'municipality.offboarding',
};

/** How often a change is decided anew because others were quicker. */
const TRIES = 5;

/**
 * Takes a municipality one step along its life. Asking for the status that it has changes nothing, so a request may be
 * repeated. Of two at once the second is decided on what the first left.
 */
export async function changeMunicipalityStatus(ctx: OperatorContext, code: string, body: unknown): Promise<Answer> {
  const asked = parse(MunicipalityStatusChange(), body);
  for (let attempt = 1; ; attempt += 1) {
    const before = await loadMunicipality(ctx.control, code);
    if (asked.status === before.tenant.status) return { status: 200, body: before.view };
    try {
      return { status: 200, body: await enter(ctx, before, asked) };
    } catch (error) {
      const outrun = error instanceof Problem && error.code === 'in_flight';
      if (!outrun || attempt === TRIES) throw error;
    }
  }
}

async function enter(ctx: OperatorContext, before: Municipality, { status, reason }: Asked): Promise<object> {
  requireStep(before.tenant.status, status);
  if (status === 'live') await endSeenCredentials(ctx, before.tenant.code);
  if (status === 'offboarding') requireHandoverKey(before);
  const { statusReason: _, ...standing } = before.view;
  const view = { ...standing, status, statusAt: ctx.now, ...(reason !== undefined && { statusReason: reason }) };
  const { operatorId } = ctx;
  const [name, version, previous] = [EVENTS[status] as string, before.version + 1, before.lastEvent];
  const untold = [...before.untold, { name, version, at: ctx.now, operatorId, previous }];
  await commitMunicipality(
    ctx.control,
    municipalityWrite(before, { tenant: { ...before.tenant, status }, view, untold }),
  );
  return view;
}

/** Throws 409 `handover_key_missing` unless the record of a municipality that leaves can be encrypted to it. */
function requireHandoverKey({ tenant: { handoverKey } }: Municipality): void {
  if (handoverKey !== undefined) return;
  throw new Problem('handover_key_missing', 'The municipality has given no public key to encrypt its record to.');
}

/** Throws 409 `illegal_transition` unless an operator may ask for the step. */
function requireStep(from: MunicipalityStatus, to: MunicipalityStatus): void {
  const allowed = stepsOnRequest(from);
  if (allowed.includes(to)) return;
  const choice = allowed.length > 0 ? `From here: ${allowed.join(', ')}.` : 'Nothing more can be asked for.';
  throw new Problem('illegal_transition', `${from} does not lead to ${to} on request. ${choice}`);
}
