import type * as z from 'zod';
import type { Scope, TenantScope } from './auth/scopes.ts';
import { refuseCpr } from './cpr.ts';
import { invalid, type ProblemCode } from './errors.ts';

/** A request after HTTP has been dealt with: nothing of it is trusted, but all of it is parsed. */
export interface ApiRequest {
  /** Path parameters by name, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** A header by its lower-case name. */
  readonly header: (name: string) => string | undefined;
  /** The parsed JSON body; undefined where the operation has none. */
  readonly body: unknown;
  /** The body as it came, at most 1 MiB; bytes that are not UTF-8 are U+FFFD in it. */
  readonly text: string;
  /**
   * Method, path and body as one canonical text, which tells a repeated request from another one under the same
   * Idempotency-Key, however the two are spelled. The body may hold sensitive values, so what is stored of it is a keyed hash (record/keyed-hash.ts).
   */
  readonly essence: string;
}

/** What an operation answers; HTTP and the request id are added by the function. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  /** A body that is no JSON, sent as it is under its media type. */
  readonly text?: { readonly type: string; readonly content: string };
  readonly headers?: Readonly<Record<string, string>>;
}

/** One query parameter: its schema describes it in the docs and parses it. */
export type QueryParameters = Readonly<Record<string, z.ZodType>>;

/**
 * One operation of the API: its route, its contract and what it does. The router, the OpenAPI document and the tests all
 * read this one description. Schemas are functions so that a cold start builds only those that a request needs.
 */
export interface Operation<Ctx> {
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path template, parameters as `{name}`. */
  readonly path: string;
  readonly scope: Scope;
  /** Further scopes it needs, since it shows what those are for too. */
  readonly also?: readonly TenantScope[];
  /** Scopes of which it needs one besides. */
  readonly either?: readonly TenantScope[];
  readonly tag: string;
  readonly summary: string;
  /** A function where the text depends on the schemas. */
  readonly description?: string | (() => string);
  readonly query?: () => QueryParameters;
  readonly body?: () => z.ZodType;
  /** `create` takes an Idempotency-Key, `change` needs If-Match and takes one, `read` takes If-None-Match. */
  readonly manner: 'create' | 'change' | 'read' | 'list' | 'act';
  /** What it takes of a client's quota (tenancy/quota.ts) where its method does not say it: GET reads, the others write. */
  readonly cost?: 'read' | 'write' | 'report';
  readonly success: {
    readonly status: number;
    readonly description: string;
    readonly body?: () => z.ZodType;
    /** The form besides JSON in which the answer can be asked for. */
    readonly text?: { readonly type: string; readonly example: string };
  };
  /** Whether what it shows may be entered in the access log, so that it takes X-Access-Purpose. */
  readonly logged?: () => boolean;
  /** Problems beyond those that every operation may answer with. */
  readonly problems: readonly ProblemCode[];
  /** A request body where there is one, else an answer's body; a test parses it with its schema. */
  readonly example?: unknown;
  readonly run: (ctx: Ctx, request: ApiRequest) => Promise<Answer>;
}

/** The path parameter, which the route guarantees. */
export function param(request: ApiRequest, name: string): string {
  const value = request.params[name];
  if (value === undefined) throw new TypeError(`The route has no parameter ${name}`);
  return value;
}

/** The strong ETag of a version (RFC 9110 §8.8.3). */
export const etagOf = (version: number): string => `"${version}"`;

/** An Idempotency-Key with the text that stands for its request. */
export interface Idempotency {
  readonly key: string;
  /** {@link ApiRequest.essence}: it never leaves the process. */
  readonly essence: string;
}

const PRINTABLE = /^[\x21-\x7e]{1,255}$/;

/** The request's Idempotency-Key, if it has one. */
export function idempotencyOf(request: ApiRequest): Idempotency | undefined {
  const key = request.header('idempotency-key');
  if (key === undefined) return undefined;
  if (!PRINTABLE.test(key)) {
    throw invalid(
      '/header/idempotency-key',
      'Idempotency-Key is 1 to 255 printable ASCII characters.',
      'invalid_format',
    );
  }
  // The event's id is a hash of the key, and ten digits are found again by hashing all there are.
  refuseCpr('/header/idempotency-key', key);
  return { key, essence: request.essence };
}
