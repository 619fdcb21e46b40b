import type { Context } from '../auth/context.ts';
import type { TenantScope } from '../auth/scopes.ts';
import { duePartition, eventKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { ABSENT, type Write } from '../table/write.ts';
import { type Instant, plusSeconds } from '../time.ts';
import { envelopeWithCases, eventCases } from './event-cases.ts';
import type { CaseRef } from './resource.ts';

/** Seconds after which an event that the stream did not bring to the relay is looked for in the table. */
const RELAY_GRACE_S = 60;

/** What happened to an object (OIO: Oprettet, Rettet, Passiveret, Slettet). */
export type Action = 'created' | 'updated' | 'ended' | 'deleted';

/** What is known of a change when its event is made. */
export interface EventDraft {
  readonly id: string;
  /** Name without the prefix `dk.livline.`. */
  readonly name: string;
  readonly objectType: string;
  readonly objectId: string;
  readonly objectVersion: number;
  /** The scope that reads objects of this type: only who holds it is told of the event. */
  readonly scope: TenantScope;
  /** The organisation that the object belongs to: `municipal`, or the id of a partner. */
  readonly source: string;
  readonly href: string;
  readonly action: Action;
  readonly changed: readonly string[];
  readonly caseRefs?: readonly CaseRef[] | undefined;
  /** What `data` says besides, of events that are no change of a record. */
  readonly details?: object | undefined;
  /** Id of the object's event before this one: the relay numbers it first. */
  readonly previous?: string | undefined;
  /** The object's status with this version, for its history. */
  readonly status?: string | undefined;
  /** The code of the record's row with this event (row-mac.ts); absent where the event is no change of a record. */
  readonly mac?: string | undefined;
  /** Whether an answer stands beside it, because the request had an Idempotency-Key (answers.ts). */
  readonly answered?: boolean | undefined;
}

/** A CloudEvent (1.0, structured JSON) of the municipality; `name` is its type without the prefix `dk.livline.`. */
export const cloudEvent = (
  ctx: Context,
  { id, name, subject, data }: { id: string; name: string; subject: string; data: object },
): string =>
  JSON.stringify({
    specversion: '1.0',
    id,
    source: `urn:oio:cvr-nr:${ctx.tenant.cvr}`,
    type: `dk.livline.${name}`,
    subject,
    time: ctx.now,
    datacontenttype: 'application/json',
    data,
  });

/**
 * The event of a change as a row, written in the same transaction. `envelope` is the CloudEvent (1.0, structured JSON)
 * as it will be sent, all but its case numbers (event-cases.ts) and its end: the relay gives the sequence, and
 * {@link sentBytes} is a plain joining of them, so the bytes are final once the sequence is set, until an erasure takes the
 * case numbers.
 */
export function eventWrite(ctx: Context, draft: EventDraft): Write {
  const { id, name, objectType, objectId, action, changed, caseRefs, href } = draft;
  const data = {
    objectType,
    objectId,
    action,
    registeredAt: ctx.now,
    actor: { kind: ctx.actor.kind, id: ctx.actor.id },
    ...(ctx.tenant.kle !== undefined && { kle: ctx.tenant.kle }),
    href,
    changed,
    ...draft.details,
  };
  const cases = eventCases(caseRefs);
  const envelope = cloudEvent(ctx, { id, name, subject: objectId, data }).slice(0, -1);
  return {
    kind: 'put',
    key: eventKey(id),
    condition: ABSENT,
    item: {
      type: 'event',
      municipality: ctx.tenant.code,
      eventId: id,
      name,
      objectId,
      at: ctx.now,
      envelope,
      // Inside `view`, so that the chain covers it.
      view: {
        version: draft.objectVersion,
        ...(draft.status !== undefined && { status: draft.status }),
        scope: draft.scope,
        source: draft.source,
        ...(cases && { cases: cases.digest }),
      },
      ...(cases && { cases: cases.text }),
      previous: draft.previous,
      mac: draft.mac,
      ...(draft.answered && { answered: true }),
    },
    index: { due: { pk: duePartition, sk: [plusSeconds(ctx.now, RELAY_GRACE_S), 'relay', id] } },
  };
}

/** Digits of a sequence: as text it sorts as the number does. */
export const sequenceText = (sequence: number): string => String(sequence).padStart(12, '0');

/** The CloudEvent without its case numbers, which the chain covers (privacy/chain.ts). */
export const eventBytes = (envelope: string, sequence: number): string =>
  `${envelope},"sequence":"${sequenceText(sequence)}"}`;

/** The CloudEvent of a numbered event as it is sent, with the case numbers that its row has. */
export const sentBytes = (row: Row): string => eventBytes(envelopeWithCases(row), row['sequence'] as number);

/** What the history of a record shows of an event, and what the event is about. */
export interface EventSummary {
  readonly id: string;
  /** Name without the prefix `dk.livline.`. */
  readonly event: string;
  readonly objectType: string;
  readonly objectId: string;
  readonly action: Action;
  readonly at: Instant;
  readonly actor: { readonly kind: string; readonly id: string };
  readonly changed: readonly string[];
}

/** Returns what an event says, from its CloudEvent or, where that has expired, from what was kept of it (privacy/fold-events.ts). */
export function eventSummary(row: Row): EventSummary {
  const { folded } = row['view'] as { readonly folded?: EventSummary };
  if (folded) return folded;
  const { id, type, data } = JSON.parse(eventBytes(row['envelope'] as string, row['sequence'] as number)) as {
    id: string;
    type: string;
    data: Omit<EventSummary, 'id' | 'event' | 'at'> & { registeredAt: Instant };
  };
  const { objectType, objectId, action, registeredAt: at, actor, changed } = data;
  return { id, event: type.replace(/^dk\.livline\./, ''), objectType, objectId, action, at, actor, changed };
}
