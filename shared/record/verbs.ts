import type { Context } from '../auth/context.ts';
import { invalid, Problem } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Answer, Idempotency } from '../operation.ts';
import { evaluate, type Preconditions, requireMatch } from '../preconditions.ts';
import type { Write } from '../table/write.ts';
import { creationEvent, eventName, ownEvent, statusEvent } from './event-names.ts';
import { changedFields, mergePatch } from './merge.ts';
import { Outrun, once } from './once.ts';
import { hrefOf, type Parents, type Place } from './place.ts';
import { findByExternalId, loadToChange, notFound } from './read.ts';
import { withoutPersonal } from './redact.ts';
import type { Fields, Machine, RecordOf, Resource } from './resource.ts';
import { refuseCprInCases, refuseFuture } from './rules.ts';
import { save } from './save.ts';
import { schemasOf, sourceField, statusChange, statusesOf } from './schemas.ts';
import { changedBy, keptUnseen, sensitiveIn, withoutNulls, withoutUnseen } from './sensitive-gate.ts';
import { answerOf, type Opened, type Whole } from './stored.ts';
import { parse } from './validate.ts';

/**
 * Returns which SS fields are whose after a change. Only the organisation that wrote the record writes them. So nobody
 * overwrites what it cannot see, and the refusal tells nobody whether there is something.
 */
function writersOf(ctx: Context, resource: Resource, before: Opened | undefined, sent: Fields): Record<string, string> {
  const writers: Record<string, string> = { ...before?.writtenBy };
  for (const [name, sensitivity] of Object.entries(schemasOf(resource).sensitivity)) {
    if (sensitivity !== 'SS' || sent[name] === undefined) continue;
    if (before && before.view[sourceField(resource)] !== ctx.actor.organisation) {
      throw new Problem('forbidden', `Only the organisation that wrote the record may write its field ${name}.`);
    }
    writers[name] = ctx.actor.organisation;
  }
  return writers;
}

/** Runs the resource's rules over a record about to be stored and adds the fields they set. */
async function settled(
  ctx: Context,
  resource: Resource,
  before: Whole | undefined,
  after: Whole,
  entering: string | undefined,
  sent: Fields,
): Promise<Whole> {
  if (entering !== undefined) {
    refuseFuture(ctx, '/statusAt', after.statusAt);
    if (resource.machine?.reasonFor?.includes(entering) && after.statusReason === undefined) {
      throw invalid('/statusReason', `The status ${entering} needs a reason.`, 'required');
    }
  }
  if (after.caseRefs !== before?.caseRefs) refuseCprInCases(ctx, before?.caseRefs, after.caseRefs);
  const typed = (record: Whole) => record as unknown as RecordOf<Record<never, never>>;
  const change = { ctx, before: before && typed(before), after: typed(after), entering, sent };
  const changed = before ? changedBy(resource, before, after, sent) : Object.keys(sent);
  const set = await resource.settle?.({ ...change, changed });
  return { ...after, ...set };
}

interface Creation {
  readonly parents?: Parents | undefined;
  readonly externalId?: string | undefined;
  readonly idempotency?: Idempotency | undefined;
  readonly eventId?: string | undefined;
  /** Rows of its own that are written with it, by its id. */
  readonly beside?: ((id: string) => Promise<readonly Write[]>) | undefined;
}

async function createOnce(ctx: Context, resource: Resource, sent: Fields, creation: Creation): Promise<Answer> {
  const initial = resource.machine && statusesOf(resource.machine)[0];
  const status = (sent['status'] as string | undefined) ?? initial;
  const draft = {
    id: newId(new Date(ctx.now)),
    municipality: ctx.tenant.code,
    version: 1,
    ...(status !== undefined && { status, statusAt: ctx.now }),
    ...creation.parents,
    ...sent,
    ...(creation.externalId !== undefined && { externalId: creation.externalId }),
    [sourceField(resource)]: ctx.actor.organisation,
    createdAt: ctx.now,
    createdBy: ctx.actor.id,
    updatedAt: ctx.now,
    updatedBy: ctx.actor.id,
  } as unknown as Whole;
  const after = await settled(ctx, resource, undefined, draft, status, sent);
  return save(ctx, resource, {
    after,
    writtenBy: writersOf(ctx, resource, undefined, sent),
    event: {
      name: ownEvent(resource, undefined, after, status)?.name ?? creationEvent(resource, status),
      action: 'created',
      changed: [],
    },
    href: hrefOf(ctx, resource, after),
    eventId: creation.eventId,
    idempotency: creation.idempotency,
    beside: await creation.beside?.(after.id),
    answerStatus: 201,
  });
}

/** Creates a record. With an Idempotency-Key, however often it is sent, one record comes of it. */
export const createRecord = (
  ctx: Context,
  resource: Resource,
  body: unknown,
  creation: Omit<Creation, 'eventId'>,
): Promise<Answer> =>
  once(ctx, creation.idempotency, (eventId) =>
    createOnce(ctx, resource, parse(schemasOf(resource).create, body), { ...creation, eventId }),
  );

/** What a change does to a record beyond its fields. */
export interface Amendment {
  readonly fields: Fields;
  /** What the caller itself sent of them; null for what it wants removed. */
  readonly sent: Fields;
  readonly entering?: string | undefined;
  readonly eventId?: string | undefined;
  readonly idempotency?: Idempotency | undefined;
}

/** Saves a new version of a record, or answers with the one that stands when nothing is different. */
export async function amend(
  ctx: Context,
  resource: Resource,
  before: Opened,
  { fields, sent, entering, eventId, idempotency }: Amendment,
): Promise<Answer> {
  const writtenBy = writersOf(ctx, resource, before, sent);
  const after = await settled(ctx, resource, before.whole, fields as Whole, entering, sent);
  const changed = changedBy(resource, before.whole, after, sent);
  const resealed = sensitiveIn(resource, sent);
  if (before.erased && (resealed.length > 0 || changedFields(withoutPersonal(resource, after), after).length > 0)) {
    throw new Problem('conflict', 'Whom it is about was erased: it takes no text, externalId or case any more.');
  }
  const href = hrefOf(ctx, resource, before.whole);
  if (changed.length === 0 && entering === undefined) return answerOf(200, before.view, href);
  return save(ctx, resource, {
    before,
    after: { ...after, version: before.whole.version + 1, updatedAt: ctx.now, updatedBy: ctx.actor.id },
    writtenBy,
    event: {
      name: entering === undefined ? eventName(resource, 'updated') : statusEvent(resource, entering),
      action: entering !== undefined && isFinal(resource.machine, entering) ? 'ended' : 'updated',
      ...ownEvent(resource, before.whole, after, entering),
      changed,
    },
    resealed,
    href,
    eventId,
    idempotency,
    answerStatus: 200,
  });
}

const isFinal = (machine: Machine | undefined, status: string): boolean => machine?.steps[status]?.length === 0;

/** The own, external and case fields of a record: what a patch may touch. */
function inputOf(resource: Resource, whole: Whole): Fields {
  const { shape } = schemasOf(resource).merged;
  return Object.fromEntries(Object.entries(whole).filter(([name]) => name in shape));
}

/** Puts the input of a record in the place of what was there; what was left out is gone. */
function replaceInput(resource: Resource, whole: Whole, input: Fields): Fields {
  const { shape } = schemasOf(resource).merged;
  const kept = Object.entries(whole).filter(([name]) => !(name in shape));
  return { ...Object.fromEntries(kept), ...input };
}

/**
 * Changes some fields of a record by the merge patch (RFC 7396) that `patchOf` makes of the version it sees: made anew where
 * another change was quicker. No patch, or one that changes nothing, writes nothing. With an idempotency key the change is
 * made once, however the record has been changed since.
 */
export const reviseRecord = (
  ctx: Context,
  resource: Resource,
  place: Place,
  patchOf: (before: Whole) => unknown,
  idempotency?: Idempotency,
): Promise<Answer> =>
  once(ctx, idempotency, async (eventId) => {
    const before = await loadToChange(ctx, resource, place);
    const made = patchOf(before.whole);
    const patch = made === undefined ? {} : made;
    const target = withoutUnseen(ctx, resource, before, inputOf(resource, before.whole), patch);
    const merged = mergePatch(target, patch);
    const input = parse(schemasOf(resource).merged, merged) as Fields;
    const fields = replaceInput(resource, before.whole, input);
    return amend(ctx, resource, before, { fields, sent: patch as Fields, eventId, idempotency });
  });

/** On which version a change is made, and under which key it is made once. */
export interface Changing {
  readonly preconditions: Preconditions;
  readonly idempotency?: Idempotency | undefined;
}

/**
 * Changes some fields of the version that If-Match names (JSON merge patch). A patch that changes nothing writes nothing. One
 * that comes again under its Idempotency-Key gets its first answer, although its If-Match is stale by then.
 */
export const updateRecord = (
  ctx: Context,
  resource: Resource,
  place: Place,
  patch: unknown,
  { preconditions, idempotency }: Changing,
): Promise<Answer> => {
  const patchOf = ({ version }: Whole): unknown => {
    requireMatch(preconditions, version);
    return patch;
  };
  return reviseRecord(ctx, resource, place, patchOf, idempotency);
};

/** Throws 409 `illegal_transition` unless the machine has the step. */
function requireStep(machine: Machine, from: string, to: string): void {
  const allowed = machine.steps[from] ?? [];
  if (allowed.includes(to)) return;
  const choice = allowed.length > 0 ? `From here: ${allowed.join(', ')}.` : 'It is final.';
  throw new Problem('illegal_transition', `${from} does not lead to ${to}. ${choice}`);
}

/** Takes a record one step along its status machine. */
export const changeStatus = (
  ctx: Context,
  resource: Resource,
  place: Place,
  body: unknown,
  { preconditions, idempotency }: Changing,
): Promise<Answer> =>
  once(ctx, idempotency, async (eventId) => {
    const { machine } = resource;
    if (!machine) throw notFound(resource);
    const before = await loadToChange(ctx, resource, place);
    const { status, reason, at = ctx.now } = parse(statusChange(machine), body);
    requireMatch(preconditions, before.whole.version);
    requireStep(machine, before.whole.status as string, status);
    refuseFuture(ctx, '/at', at);
    if (machine.reasonFor?.includes(status) && reason === undefined) {
      throw invalid('/reason', `The status ${status} needs a reason.`, 'required');
    }
    const { statusReason: _, ...rest } = before.whole;
    const fields = { ...rest, status, statusAt: at, ...(reason !== undefined && { statusReason: reason }) };
    const sent = reason === undefined ? {} : { statusReason: reason };
    return amend(ctx, resource, before, { fields, sent, entering: status, eventId, idempotency });
  });

interface Upsert {
  readonly source: string;
  readonly externalId: string;
  readonly parents?: Parents | undefined;
  readonly preconditions: Preconditions;
}

/**
 * Creates or replaces the record that the caller's organisation knows by its own id. Sending the same plain fields again
 * changes nothing. Sensitive ones always make a version, and those that the caller cannot see stay where they are left out. Two first sends at once meet at the external id's lock, and the second becomes a replacement.
 */
export async function upsertRecord(
  ctx: Context,
  resource: Resource,
  body: unknown,
  { source, externalId, parents, preconditions }: Upsert,
): Promise<Answer> {
  if (source !== ctx.actor.organisation) {
    throw new Problem(
      'forbidden',
      `You write as ${ctx.actor.organisation}; only ${source} may write under its own ids.`,
    );
  }
  const sent = parse(schemasOf(resource).create, withoutNulls(resource, body)) as Fields;
  if (sent['externalId'] !== undefined && sent['externalId'] !== externalId) {
    throw invalid('/externalId', 'The body names another externalId than the path.');
  }
  return once(ctx, undefined, async () => {
    const id = await findByExternalId(ctx, resource, source, externalId);
    if (id === undefined) {
      evaluate(preconditions, undefined);
      try {
        return await createOnce(ctx, resource, sent, { parents, externalId });
      } catch (error) {
        const lost = error instanceof Problem && error.code === 'already_exists';
        throw lost && (await findByExternalId(ctx, resource, source, externalId)) ? new Outrun() : error;
      }
    }
    const before = await loadToChange(ctx, resource, { id, parents });
    evaluate(preconditions, before.whole.version);
    const { status, statusReason, statusAt, ...input } = sent;
    const kept = keptUnseen(ctx, resource, before, body as Fields);
    const fields = replaceInput(resource, before.whole, { ...input, ...kept, externalId });
    if (status === undefined || status === before.whole.status)
      return amend(ctx, resource, before, { fields, sent: body as Fields });
    requireStep(resource.machine as Machine, before.whole.status as string, status as string);
    const { statusReason: _, ...rest } = fields;
    const entered = {
      ...rest,
      status,
      statusAt: statusAt ?? ctx.now,
      ...(statusReason !== undefined && { statusReason }),
    };
    return amend(ctx, resource, before, { fields: entered, sent: body as Fields, entering: status as string });
  });
}
