import type { Context } from '../auth/context.ts';
import { derivedId } from '../ids.ts';
import { deliveryKey, duePartition, type IndexEntries, listPartition, type Segments } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { ABSENT, type Condition, isVersion, type Write, WriteRefused } from '../table/write.ts';
import { expiryAfter, type Instant, plusSeconds } from '../time.ts';
import type { Hint } from './hints.ts';

/**
 * `held` waits for a disabled endpoint or for a live grant of its owner, `cancelled` had its endpoint deleted or is not
 * for its owner any more, `failed` had all its attempts.
 */
export const DELIVERY_STATUSES = ['pending', 'in_flight', 'delivered', 'failed', 'held', 'cancelled'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** One event on its way to one endpoint. */
export interface Delivery {
  readonly id: string;
  readonly version: number;
  readonly eventId: string;
  readonly eventName: string;
  readonly endpointId: string;
  readonly status: DeliveryStatus;
  /** While held for another reason than that its endpoint is disabled: its owner has no live `grant`. */
  readonly heldFor?: 'grant' | undefined;
  /** On an ordered endpoint: whose turn it is among the events about one subject. */
  readonly order?: { readonly subject: string; readonly sequence: number } | undefined;
  /** Attempts made, those that were never finished counted too. */
  readonly attempts: number;
  /** Before this instant no attempt is made. */
  readonly notBefore: Instant;
  /** While in flight: until when its attempt has it to itself. */
  readonly leaseUntil?: Instant | undefined;
  readonly createdAt: Instant;
  readonly finishedAt?: Instant | undefined;
}

/**
 * Days for which a delivery is kept after it ended. A held delivery has not ended: it waits until it is recovered, or is
 * cancelled with its endpoint. A place in an ordered line goes when its delivery ends (order.ts).
 */
const KEPT_DAYS = 30;

/** Seconds after which the sweeper looks at a delivery that a hint should have brought. */
export const HINT_GRACE_S = 60;

/** The delivery in a row, undefined for any other row. */
export const deliveryOf = (row: Row | undefined): Delivery | undefined =>
  row?.['type'] === 'delivery' ? (row['view'] as Delivery) : undefined;

/** The id of the delivery of an event to an endpoint: there is one at most. */
export const deliveryIdOf = (ctx: Context, eventId: string, endpointId: string): string =>
  derivedId('dlv', ctx.tenant.code, eventId, endpointId);

/** The hint that names a delivery. */
export const hintOf = (
  ctx: Context,
  { id, eventId, endpointId }: Pick<Delivery, 'id' | 'eventId' | 'endpointId'>,
): Hint => ({
  municipality: ctx.tenant.code,
  deliveryId: id,
  eventId,
  endpointId,
});

/** Statuses by which deliveries are listed: those that somebody may have to look after. */
export const LISTED_STATUSES = ['pending', 'failed', 'held', 'cancelled'] as const;

/** One that has neither failed nor been put off yet is on its way, and costs no entry in a list of what waits. */
const isListedByStatus = ({ status, attempts, notBefore, createdAt }: Delivery): boolean =>
  (status === 'pending' && (attempts > 0 || notBefore > createdAt)) || ['failed', 'held', 'cancelled'].includes(status);

/** The list of an endpoint's deliveries, or of those with one status. */
export const deliveriesOfEndpoint = (endpointId: string, status?: DeliveryStatus): Segments =>
  listPartition('deliveries', endpointId, ...(status === undefined ? [] : [status]));

/** The list of an endpoint's deliveries that are held for want of a live grant of its owner. */
export const deliveriesWithoutGrant = (endpointId: string): Segments =>
  listPartition('deliveries', endpointId, 'held', 'grant');

/** A delivery's indexes: its endpoint's lists, and while it is not finished, the instant when somebody must look at it. */
const indexesOf = (delivery: Delivery, dueAt: Instant | undefined): IndexEntries => {
  const { id, endpointId, createdAt, status, heldFor } = delivery;
  return {
    list: { pk: deliveriesOfEndpoint(endpointId), sk: [createdAt, id] },
    ...(isListedByStatus(delivery) && {
      filter1: { pk: deliveriesOfEndpoint(endpointId, status), sk: [createdAt, id] },
    }),
    ...(heldFor === 'grant' && { filter2: { pk: deliveriesWithoutGrant(endpointId), sk: [createdAt, id] } }),
    ...(dueAt !== undefined && { due: { pk: duePartition, sk: [dueAt, 'deliver', id] } }),
  };
};

const write = (delivery: Delivery, dueAt: Instant | undefined, condition: Condition): Write => ({
  kind: 'put',
  key: deliveryKey(delivery.id),
  item: { type: 'delivery', version: delivery.version, view: delivery },
  index: indexesOf(delivery, dueAt),
  ...(delivery.finishedAt !== undefined && { expiresAt: expiryAfter(delivery.finishedAt, KEPT_DAYS) }),
  condition,
});

/** What is known of a delivery when it is made. */
export type NewDelivery = Omit<Delivery, 'version' | 'attempts' | 'notBefore'>;

/** A new delivery: pending, which may be attempted at once, or held, which nobody looks at. */
export const newDelivery = (delivery: NewDelivery): Write =>
  write(
    { ...delivery, version: 1, attempts: 0, notBefore: delivery.createdAt },
    delivery.status === 'pending' ? plusSeconds(delivery.createdAt, HINT_GRACE_S) : undefined,
    ABSENT,
  );

/** A delivery changed, on condition that nobody else changed it. Without `dueAt` nobody has to look at it again. */
export function nextDelivery(
  before: Delivery,
  change: Partial<Delivery>,
  dueAt: Instant | undefined,
): { delivery: Delivery; write: Write } {
  const delivery = { ...before, ...change, version: before.version + 1 };
  return { delivery, write: write(delivery, dueAt, isVersion(before.version)) };
}

/** A delivery that is to be made as if it were new: pending, to be looked at by then, with all its attempts before it. */
export const renewed = (delivery: Delivery, now: Instant, dueAt: Instant): { delivery: Delivery; write: Write } =>
  nextDelivery(
    delivery,
    { status: 'pending', attempts: 0, notBefore: now, finishedAt: undefined, heldFor: undefined },
    dueAt,
  );

/** A pending delivery that is to be attempted now and not when its wait is over. Its attempts stay as they were counted. */
export const madeDue = (delivery: Delivery, now: Instant): { delivery: Delivery; write: Write } =>
  nextDelivery(delivery, { notBefore: now }, plusSeconds(now, HINT_GRACE_S));

/** Another instant to look at a delivery, which itself stays as it is: an attempt that is being made is not disturbed. */
export const lookAgain = (delivery: Delivery, dueAt: Instant): Write => {
  const { due } = indexesOf(delivery, dueAt);
  return {
    kind: 'update',
    key: deliveryKey(delivery.id),
    ...(due && { index: { due } }),
    condition: isVersion(delivery.version),
  };
};

/** Whether a write was made; false where somebody else was quicker. */
export async function unlessRefused(write: Promise<void>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof WriteRefused) return false;
    throw error;
  }
}
