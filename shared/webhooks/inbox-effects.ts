import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import type { Delegation, Principals } from '../auth/principals.ts';
import { CONNECTION_SCOPE } from '../auth/signature.ts';
import { PROBLEMS, Problem, type ProblemCode } from '../errors.ts';
import { parseJson } from '../json.ts';
import { count, faultOf, log } from '../log.ts';
import { etagOf } from '../operation.ts';
import { day, municipalityCode, reference } from '../record/fields.ts';
import { parentFields } from '../record/place.ts';
import { findOpened } from '../record/read.ts';
import type { CaseRef, Fields, Resource } from '../record/resource.ts';
import { caseRef } from '../record/schemas.ts';
import { storedOf, type Whole } from '../record/stored.ts';
import { parse } from '../record/validate.ts';
import { changeStatus, reviseRecord } from '../record/verbs.ts';
import { children } from '../resources/children.ts';
import { RESOURCES } from '../resources/registry.ts';
import { casePartition, recordKey } from '../table/keys.ts';
import { localDateOf } from '../time.ts';
import { inboxMessages, wholePayload } from './inbox-messages.ts';
import { isMessageKind, type MessageKindName } from './message-kinds.ts';

const PAGE = 100;
const LONGEST_REASON = 1_000;
/** Refusals that say nothing of the message: it is tried again. */
const PASSING: readonly ProblemCode[] = ['in_flight', 'unavailable'];

const isRefusal = (error: unknown): error is Problem => error instanceof Problem && !PASSING.includes(error.code);

/** A message that is being applied, by its connection. */
interface Arrival {
  readonly ctx: Context;
  readonly message: Whole;
}

/**
 * Changes one record, of one of these types, by what `patchOf` makes of it. The message's id is the key of the change:
 * however often it is applied, and whatever a person has changed since, it has this effect once.
 */
async function change(
  { ctx, message }: Arrival,
  resources: readonly Resource[],
  id: string,
  patchOf: (record: Whole) => Fields | undefined,
): Promise<void> {
  const row = await ctx.table.get(recordKey(id));
  const resource = resources.find(({ path }) => path === row?.['type']);
  const stored = resource && storedOf(resource, row);
  // What its owner may not write is not there for a connection: the refusal tells nothing of what there is.
  if (!resource || !stored || !ctx.scopes.has(resource.scopes.write))
    throw new Problem('unknown_reference', 'The id names no such record here that the connection may change.');
  const parents = Object.fromEntries(parentFields(resource).map((field) => [field, String(stored.view[field])]));
  const key = { key: `${message.id} ${id}`, essence: message.id };
  await reviseRecord(ctx, resource, { id, parents }, patchOf, key);
}

const isSameCase = (one: CaseRef, other: CaseRef): boolean =>
  one.system === other.system && one.caseId === other.caseId && one.caseNumber === other.caseNumber;

/** The ids of the records that name a case number, of every type. */
async function recordsOfCase({ ctx }: Arrival, caseNumber: string): Promise<string[]> {
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page = await ctx.table.query({ index: 'case', partition: casePartition(caseNumber), after, limit: PAGE });
    const mayChange = RESOURCES.filter(({ scopes }) => ctx.scopes.has(scopes.write));
    const ofRecord = page.rows.filter((row) => mayChange.some(({ path }) => path === row['type']));
    ids.push(...ofRecord.map((row) => String((row['view'] as Fields)['id'])));
    after = page.last;
  } while (after !== undefined);
  return ids;
}

/** A type of message: what it carries, and what it changes. Fields of `data` that are not known here are passed over. */
interface Kind {
  readonly data: () => z.ZodObject;
  readonly apply: (arrival: Arrival, data: unknown) => Promise<void>;
}

const kind = <Data extends z.ZodObject>(
  data: () => Data,
  apply: (arrival: Arrival, data: z.output<Data>) => Promise<void>,
): Kind => ({ data, apply: apply as Kind['apply'] });

const caseLinked = kind(
  () =>
    z.looseObject({
      objectId: reference('The record that the case is about (objekt-id), of any type.'),
      caseRef: caseRef().describe('The case (sagsreference).'),
    }),
  (arrival, { objectId, caseRef: link }) =>
    change(arrival, RESOURCES, objectId, ({ caseRefs = [] }) =>
      caseRefs.some((known) => isSameCase(known, link)) ? undefined : { caseRefs: [...caseRefs, link] },
    ),
);

/** The links to the case say since when it is closed, on every record that has one: none is taken away. */
const caseClosed = kind(
  () =>
    z.looseObject({
      caseRef: caseRef()
        .omit({ closedOn: true })
        .required({ caseNumber: true })
        .describe('The case (sagsreference). It is found by its number.'),
      closedOn: day(
        'The day on which it was closed (afsluttet), a local date; that of the message if left out.',
      ).optional(),
    }),
  async (arrival, { caseRef: { system, caseNumber }, closedOn = localDateOf(String(arrival.message['sentAt'])) }) => {
    const isIt = (link: CaseRef) => link.system === system && link.caseNumber === caseNumber;
    let linked = 0;
    const refusals: Problem[] = [];
    for (const id of await recordsOfCase(arrival, caseNumber)) {
      try {
        await change(arrival, RESOURCES, id, ({ caseRefs = [] }) => {
          const links = caseRefs.filter(isIt);
          if (links.length > 0) linked += 1;
          if (links.every((link) => link.closedOn !== undefined)) return undefined;
          return {
            caseRefs: caseRefs.map((link) => (isIt(link) ? { ...link, closedOn: link.closedOn ?? closedOn } : link)),
          };
        });
      } catch (error) {
        if (!isRefusal(error)) throw error;
        refusals.push(new Problem(error.code, `Record ${id}: ${reasonOf(error)}`));
      }
    }
    const [refusal] = refusals;
    if (refusal) throw refusal;
    if (linked === 0) throw new Problem('unknown_reference', 'No record here is linked to this case.');
  },
);

const childMoved = kind(
  () =>
    z.looseObject({
      childId: reference('The child (barn).'),
      responsibleMunicipality: municipalityCode('Code of the municipality that decides on it now (handlekommune).'),
      from: municipalityCode(
        'Code of the one that did before (tidligere handlekommune): if another does here, a person decides.',
      ).optional(),
    }),
  (arrival, { childId, responsibleMunicipality, from }) =>
    change(arrival, [children], childId, (child) => {
      const known = child['responsibleMunicipality'];
      if (known === responsibleMunicipality) return undefined;
      if (from !== undefined && from !== known)
        throw new Problem('conflict', 'Another municipality than `from` decides on the child here.');
      return { responsibleMunicipality };
    }),
);

/** The types of message that an inbox applies. */
export const MESSAGE_KINDS: Readonly<Record<MessageKindName, Kind>> = {
  'case.linked': caseLinked,
  'case.closed': caseClosed,
  'child.responsibility_changed': childMoved,
};

/** A message that was parsed, or nothing. */
export function readMessage(text: string): { readonly type?: unknown; readonly data?: unknown } | undefined {
  try {
    const value = parseJson(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Does what the message says. Throws the refusal, a `Problem`. */
async function effect(arrival: Arrival): Promise<void> {
  const { ctx, message } = arrival;
  const sent = readMessage(await wholePayload(ctx, message.id, String(message['payload'])));
  if (!sent) throw new Problem('malformed_request', 'The message is no JSON object.');
  const known = isMessageKind(sent.type) ? MESSAGE_KINDS[sent.type] : undefined;
  if (!known) throw new Problem('validation_failed', 'No message of this type is known.');
  await known.apply(arrival, parse(known.data(), sent.data, '/data'));
}

/** Why a message was not applied. Like every problem it names fields and ids, and repeats no value that was sent. */
function reasonOf({ code, message, errors }: Problem): string {
  const faults = errors.map((error) =>
    // The name of a field that does not exist is the sender's word, and could be anything.
    error.code === 'unknown_field' ? error.detail : `${error.pointer} ${error.detail}`,
  );
  return `${PROBLEMS[code].title}: ${faults.length > 0 ? faults.join(' ') : message}`.slice(0, LONGEST_REASON);
}

/**
 * Returns the context in which a connection acts at this moment; undefined where its owner has no live grant. A message
 * that is applied as it comes is applied in the context in which it was proven.
 */
async function connectionContext(
  worker: Context,
  principals: Principals,
  connectionId: string,
): Promise<Context | undefined> {
  if (worker.actor.id === connectionId) return worker;
  const row = await worker.table.get(recordKey(connectionId));
  const { owner } = (row?.['view'] ?? {}) as { owner?: Delegation };
  const authority = owner && (await principals.authorityOf(worker.tenant.code, owner, CONNECTION_SCOPE));
  return authority && principals.contextOf(worker, connectionId, authority);
}

/**
 * Applies a message that was received, or says why it cannot be: once, whoever comes to do it. What fails by no fault of the
 * message is logged and leaves it as it was; the clock comes back to it.
 */
export async function applyMessage(worker: Context, principals: Principals, id: string): Promise<void> {
  const { requestId, tenant } = worker;
  try {
    const stored = await findOpened(worker, inboxMessages, id);
    if (stored?.whole.status !== 'received') return;
    const message = stored.whole;
    const ctx = await connectionContext(worker, principals, String(message['connectionId']));
    const step = ctx
      ? await effect({ ctx, message }).then(
          () => ({ status: 'applied' }),
          (error: unknown) => {
            if (!isRefusal(error)) throw error;
            return { status: 'unresolved', reason: reasonOf(error) };
          },
        )
      : { status: 'unresolved', reason: 'The owner of the connection has no live grant any more.' };
    const standing = { preconditions: { ifMatch: etagOf(message.version) } };
    await changeStatus(ctx ?? worker, inboxMessages, { id }, step, standing);
  } catch (error) {
    // Another worker was quicker, with the same effect.
    if (error instanceof Problem && error.code === 'precondition_failed') return;
    log.warn('message not applied yet', { requestId, municipality: tenant.code, messageId: id, ...faultOf(error) });
    count('UnappliedMessages', 1);
  }
}
