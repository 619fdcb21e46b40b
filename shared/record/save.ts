import type { Context } from '../auth/context.ts';
import { invalid } from '../errors.ts';
import { derivedId } from '../ids.ts';
import type { Answer, Idempotency } from '../operation.ts';
import { recordKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { ABSENT, isRevision, type Write, WriteRefused } from '../table/write.ts';
import { answerWrite } from './answers.ts';
import { type Action, eventWrite } from './events.ts';
import { type Guarded, ledgerWrites, lockWrites } from './guards.ts';
import { edgeWrites, indexOf, indexOfDeleted } from './indexes.ts';
import { requestFingerprint } from './keyed-hash.ts';
import { HeldError, type Holds, holdsUnread, keptBy, readHolds } from './legal-hold.ts';
import { Done, Outrun } from './once.ts';
import { newReferences, referenceChecks } from './references.ts';
import type { Resource } from './resource.ts';
import { rowMac } from './row-mac.ts';
import { sealedOf } from './sealing.ts';
import { answerOf, type Opened, viewOf, type Whole } from './stored.ts';
import { tallyWrites } from './tallies.ts';
import { audienceAttribute, audiencesOf, copiesAfter, organisationOf } from './visibility.ts';

/** One change of one record, decided and ready to commit. */
export interface Saving {
  readonly before?: Opened | undefined;
  readonly after: Whole;
  readonly writtenBy: Readonly<Record<string, string>>;
  readonly event: { readonly name: string; readonly action: Action; readonly changed: readonly string[] };
  /** The sensitive fields that were sent: they are sealed anew, also where their values are the same. */
  readonly resealed?: readonly string[];
  readonly href: string;
  /** Set by {@link once}. */
  readonly eventId?: string | undefined;
  readonly idempotency?: Idempotency | undefined;
  /** Whether what says who somebody is was erased from it; it stays so. */
  readonly erased?: boolean;
  /** Whether the caller has made sure that nobody whom the record concerns is held, and checks it in `beside`. */
  readonly unheld?: boolean;
  /** Further rows that are written, or checked, with it. */
  readonly beside?: readonly Write[] | undefined;
  readonly answerStatus: number;
}

/** DynamoDB's limit for one transaction. */
const MOST_WRITES = 100;

/**
 * Commits one change of one record: in the common case two items in one transaction, the record on condition of its
 * version and its event on condition of not existing, plus what the resource's edges, locks, ledgers and references
 * need. All or nothing; one round trip unless ledgers or many references have to be read first.
 */
export async function save(ctx: Context, resource: Resource, saving: Saving): Promise<Answer> {
  const { before, after, event, idempotency, href } = saving;
  const deleted = event.action === 'deleted';
  /** What goes on to hold edges, locks and ledgers: nothing of a record that is deleted. */
  const remaining = deleted ? undefined : after;
  const eventId = saving.eventId ?? derivedId('evt', ctx.tenant.code, after.id, after.version);
  const view = viewOf(resource, after);
  /** Who wrote it stays, also of a record that is deleted. */
  const origin = before?.whole ?? after;
  /** Whose it is from now on: another's only where it is adopted. */
  const holder = deleted ? origin : after;
  const references = deleted ? [] : newReferences(resource, before?.whole, after);
  const checking = referenceChecks(ctx, references, after.id);
  const [integrityKey, { sensitive, key }, edges, ledgers, checks, fingerprint] = await Promise.all([
    ctx.keys.integrityKey(),
    sealedOf(ctx, resource, before, after, saving.resealed),
    edgeWrites(ctx, resource, before?.whole, remaining, after.id),
    // A rule that looks at other records says nothing of one that the client may not name.
    ledgerWrites(ctx, resource, before?.whole, remaining, after.id).catch(async (refusal) => {
      await checking;
      throw refusal;
    }),
    checking,
    idempotency && requestFingerprint(ctx, idempotency.essence),
  ]);

  const index = deleted ? undefined : indexOf(resource, after);
  const copies = copiesAfter(resource, before?.whole, holder, [
    { key: recordKey(after.id), shown: index && { type: resource.path, view, index } },
  ]);
  const item = {
    type: resource.path,
    version: after.version,
    view,
    sensitive,
    writtenBy: saving.writtenBy,
    lastEvent: eventId,
    ...(deleted && { deleted }),
    ...audienceAttribute(audiencesOf(resource, holder)),
    ...((saving.erased || before?.erased) && { erased: true }),
    ...(before?.municipalKey && { municipalKey: true }),
  };
  const record: Guarded = {
    write: {
      kind: 'put',
      key: recordKey(after.id),
      condition: before ? isRevision(before.whole.version, before.lastEvent) : ABSENT,
      item,
      index: index ?? indexOfDeleted(resource, origin),
    },
    refusal: () => new Outrun(),
  };
  const answer =
    idempotency &&
    answerWrite(ctx, eventId, fingerprint as string, { status: saving.answerStatus, view: JSON.stringify(view), href });
  const outbox: Guarded = {
    write: eventWrite(ctx, {
      id: eventId,
      ...event,
      objectType: resource.name,
      objectId: after.id,
      objectVersion: after.version,
      scope: resource.scopes.read,
      source: organisationOf(resource, origin),
      href,
      caseRefs: (deleted ? before?.whole : after)?.caseRefs,
      previous: before?.lastEvent,
      status: after.status,
      mac: rowMac(integrityKey, ctx.tenant.code, item),
      answered: idempotency !== undefined,
    }),
    refusal: (standing) => new Done(standing),
  };
  const answers = answer ? [{ write: answer, refusal: (standing: Row | undefined) => new Done(standing) }] : [];
  const guarded: Guarded[] = [
    // First, because the row that stands in the way of the first write that is refused comes back with the refusal.
    ...answers,
    outbox,
    record,
    ...lockWrites(resource, before?.whole, remaining, after.id),
    ...ledgers.writes,
    ...tallyWrites(resource, before?.whole, remaining),
    ...checks,
    ...[...(key?.write ? [key.write] : []), ...copies, ...edges, ...(saving.beside ?? [])].map((write) => ({
      write,
      refusal: () => new Outrun(),
    })),
  ];
  const overwriting = before && !saving.unheld && { resource, before, written: ledgers.read };
  if (overwriting) {
    const commitUnder = (holds: Holds) => commit(ctx, [...guarded, ...keptBy(holds, overwriting, ctx, deleted)]);
    try {
      await commitUnder(holdsUnread(ctx, overwriting));
    } catch (error) {
      if (!(error instanceof HeldError)) throw error;
      await commitUnder(await readHolds(ctx, overwriting));
    }
  } else await commit(ctx, guarded);
  key?.stored?.();
  return answerOf(saving.answerStatus, view, href);
}

/** Commits all writes or none. Throws the refusal of the first whose condition does not hold. */
async function commit(ctx: Context, guarded: readonly Guarded[]): Promise<void> {
  if (guarded.length > MOST_WRITES) {
    throw invalid('', 'This changes more at once than can be stored together. Do it in several steps.', 'too_long');
  }
  try {
    await ctx.table.transact(guarded.map(({ write }) => write));
  } catch (error) {
    if (error instanceof WriteRefused) throw (guarded[error.at] as Guarded).refusal(error.row);
    throw error;
  }
}
