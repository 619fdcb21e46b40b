import type * as z from 'zod';
import type { Context } from '../auth/context.ts';
import type { TenantScope } from '../auth/scopes.ts';
import type { Problem, ProblemCode } from '../errors.ts';
import type { Operation } from '../operation.ts';
import type { IndexEntries, Segments } from '../table/keys.ts';
import type { Attributes } from '../table/write.ts';
import type { Instant, LocalDate } from '../time.ts';
import type { Action } from './events.ts';

/** Fields of a record by name. */
export type Fields = Readonly<Record<string, unknown>>;

/** A link to the municipal case system (fagsystem). */
export interface CaseRef {
  readonly system: string;
  readonly caseId?: string | undefined;
  readonly caseNumber?: string | undefined;
  readonly closedOn?: LocalDate | undefined;
}

/** What every record has besides its own fields. */
export interface Common {
  readonly id: string;
  readonly municipality: string;
  readonly version: number;
  readonly status?: string | undefined;
  readonly statusAt?: Instant | undefined;
  readonly statusReason?: string | undefined;
  readonly source: string;
  readonly externalId?: string | undefined;
  readonly caseRefs?: readonly CaseRef[] | undefined;
  readonly createdAt: Instant;
  readonly createdBy: string;
  readonly updatedAt: Instant;
  readonly updatedBy: string;
}

/** A record as it is shown: common fields and its own, the sensitive ones left out. */
export type View = Common & Fields;

/** A record with all its fields, as rules see it; `Up` names the fields that hold the ids of what it is nested under. */
export type RecordOf<Shape extends z.ZodRawShape, Up extends string = never> = Omit<Common, keyof Shape> &
  Readonly<Record<NoInfer<Up>, string>> &
  Readonly<z.output<z.ZodObject<Shape>>>;

/** A change that is about to be committed, as rules see it. */
export interface Change<R> {
  readonly ctx: Context;
  readonly before: R | undefined;
  readonly after: R;
  /** The status that this change brings, undefined where it stays as it was. A creation enters its status. */
  readonly entering: string | undefined;
  /** The fields in the body, as they were sent. Empty where the change has none. */
  readonly sent: Fields;
  /**
   * Names of the fields that the caller changes. A sensitive field stands here whenever it was sent, so a rule that goes by
   * this list does not tell whether a guess at a hidden value was right.
   */
  readonly changed: readonly string[];
}

/** A name that one record at a time may hold. */
export interface Lock {
  readonly name: Segments;
  /** What the second one is told. */
  readonly detail: string;
}

/** What a ledger holds: one entry for each record that takes part, by its id; `source` names the partner that wrote that record. */
export type LedgerEntries = Readonly<Record<string, Fields>>;

/** A ledger's row as lists show it: the view made of its entries, and where it stands. */
export interface LedgerRow {
  readonly view: Fields;
  readonly index: IndexEntries;
  /** Further rows with the same view, by the value each stands for. */
  readonly edges: readonly { readonly value: string; readonly index: IndexEntries }[];
}

/** How the ledgers of one kind are kept and shown, where they are more than a guard. */
export interface Summary {
  readonly type: string;
  /** The entries that still matter. */
  readonly kept: (entries: LedgerEntries, now: Instant) => LedgerEntries;
  readonly row: (name: Segments, entries: LedgerEntries, now: Instant) => LedgerRow;
}

/**
 * A row shared by the records that must agree with one another (the shifts of one person on one day). It is read before
 * the change and written with it only if nobody else has written it since, so a rule over its entries holds under
 * concurrency. `admit` sees the others' entries by record id and returns the refusal, if any.
 */
export interface LedgerEntry {
  readonly name: Segments;
  readonly entry: Fields;
  readonly admit?: (others: ReadonlyMap<string, Fields>) => Problem | undefined;
  /** It comes with this record, so when that is created there is none to read. */
  readonly own?: boolean;
  /** Returns what the row says beside its entries, by which a transaction can check them without having read them. */
  readonly attributes?: (entries: LedgerEntries) => Attributes;
  /** Set where the ledger is shown in lists of its own. */
  readonly summary?: Summary;
}

/**
 * A shared row that counts the records of a group in amounts with limits (open messages of one connection, and their
 * bytes). It is moved in the transaction of each change, by addition, so nobody reads it first.
 */
export interface Tally {
  readonly name: Segments;
  readonly amounts: Readonly<Record<string, number>>;
  /** What each amount may come to at most. */
  readonly most: Readonly<Record<string, number>>;
  /** The refusal of a change that would exceed it. */
  readonly refusal: () => Problem;
}

/** A list filter by one value; with `bounds`, the list it selects has its own order, bounded by `<bounds>From` and `<bounds>To`. */
export type Filter<R> =
  | ((record: R) => string | undefined)
  | {
      readonly of: (record: R) => string | undefined;
      readonly order: (record: R) => string;
      readonly bounds: string;
      /** The values that select something, where they are not those of the field of this name. */
      readonly values?: readonly [string, ...string[]];
    };

/** The statuses of a record and the transitions between them. A record starts in the first one. */
export interface Machine {
  readonly steps: Readonly<Record<string, readonly string[]>>;
  /** Statuses that are entered only with a reason. */
  readonly reasonFor?: readonly string[];
}

/** What a resource is nested under. */
export interface Parent<Up extends string> {
  /** Collection under which it is nested, and the field that holds the parent's id. */
  readonly path: string;
  readonly field: Up;
  /**
   * The part of the parent that the path goes on to name (`…/goals/{goalId}`), the field for its id, and the ids there
   * are. That a new record's part is one of them is for its `settle` to see, which reads the parent for its own rules.
   */
  readonly part?: {
    readonly path: string;
    readonly field: Up;
    readonly ids: (parent: Fields) => readonly string[];
  };
}

/** What a resource declares. Everything else (routes, storage, events, docs) follows from it. */
export interface Definition<Shape extends z.ZodRawShape, Up extends string = never> {
  /** Collection in the path, also the record's type in the table. */
  readonly path: string;
  readonly parent?: Parent<Up>;
  /** One of them, as events and docs call it. */
  readonly name: string;
  readonly danish: string;
  readonly summary: string;
  readonly scopes: { readonly read: TenantScope; readonly write: TenantScope };
  readonly fields: () => Shape;
  /** Fields that `settle` sets and callers cannot. */
  readonly derived?: () => z.ZodRawShape;
  /** Fields that are worked out whenever one record is read, because they change without it (an age). */
  readonly computed?: {
    readonly fields: () => z.ZodRawShape;
    readonly of: (record: RecordOf<Shape, Up>, now: Instant) => Fields;
  };
  readonly machine?: Machine;
  /** Event names, without the prefix unless it is another: of a creation (default: the status's own, else `created`) and of entering a status (default `updated`). */
  readonly events?: {
    readonly prefix?: string;
    readonly created?: string;
    readonly status?: Readonly<Record<string, string>>;
    /** Events with a name of their own, prefix and all, for changes that statuses do not tell. */
    readonly also?: {
      readonly names: readonly string[];
      readonly of: (
        before: RecordOf<Shape, Up> | undefined,
        after: RecordOf<Shape, Up>,
        entering: string | undefined,
      ) => { readonly name: string; readonly action: Action } | undefined;
    };
  };
  /** Field paths that hold ids, and the types those may name. `attendance.familyId` reaches into each entry of a list. */
  readonly references?: Readonly<Record<string, string | readonly string[]>>;
  /** Natural order of the list. With `period`, it is an instant or a date and the list takes `from` and `to`. */
  readonly order: (record: RecordOf<Shape, Up>) => string;
  readonly newestFirst?: boolean;
  readonly period?: boolean;
  /** It holds `from` a day, `to` a day or for good, and is ordered by the latter: its list takes `on`, the day it holds. */
  readonly spans?: boolean;
  /** List filters by one value each, at most three. */
  readonly filters?: Readonly<Record<string, Filter<RecordOf<Shape, Up>>>>;
  /** List filters by several values each: one edge for every value. */
  readonly edges?: Readonly<Record<string, (record: RecordOf<Shape, Up>) => readonly string[]>>;
  /** Sensitive values by which a record is looked up: only their keyed hashes are stored beside it. */
  readonly lookups?: Readonly<Record<string, (record: RecordOf<Shape, Up>) => readonly string[]>>;
  /** Ids that a record mentions without standing in a timeline or a list of theirs: what erases one of them finds it. */
  readonly mentions?: (record: RecordOf<Shape, Up>) => readonly string[];
  /** Id of the record whose timeline this one stands in. Edges stand in the timelines of what they lead to. */
  readonly about?: (record: RecordOf<Shape, Up>) => string | undefined;
  /** When the clock must look at it if nobody has before: it finds the record by its collection and id (webhooks/sweep.ts). */
  readonly due?: (record: RecordOf<Shape, Up>) => Instant | undefined;
  readonly locks?: (record: RecordOf<Shape, Up>) => readonly Lock[];
  readonly ledgers?: (record: RecordOf<Shape, Up>) => readonly LedgerEntry[];
  readonly tallies?: (record: RecordOf<Shape, Up>) => readonly Tally[];
  /** The rules: throws the refusal, returns the fields that the rules themselves set. */
  readonly settle?: (change: Change<RecordOf<Shape, Up>>) => Fields | Promise<Fields>;
  /** Problems that the rules answer with beside those that every resource has. */
  readonly problems?: readonly ProblemCode[];
  readonly deletable?: boolean;
  /** It belongs to nobody: clients that see only their own rows see all of it, and may name it. */
  readonly referenceData?: boolean;
  /** It is a person or household, who can be erased from the record (shared/privacy/erase.ts). */
  readonly person?: boolean;
  /** Operations beyond those that every resource has. */
  readonly operations?: () => readonly Operation<Context>[];
  readonly example: Fields;
}

/** A resource as the kit handles it, its own field types forgotten. */
export type Resource = Omit<Definition<z.ZodRawShape>, 'parent'> & { readonly parent?: Parent<string> };

/**
 * Declares a resource. The one cast of the kit is here: a definition only ever gets records that were parsed with its own
 * fields, so seeing all definitions as one type is sound.
 */
export const defineResource = <Shape extends z.ZodRawShape, Up extends string = never>(
  definition: Definition<Shape, Up>,
): Resource => definition as unknown as Resource;
