import type { Operation } from '#shared/operation.ts';
import { collectionOf } from '#shared/record/place.ts';
import { schemasOf } from '#shared/record/schemas.ts';
import { RESOURCES } from '#shared/resources/registry.ts';

/**
 * Watches over a whole test file: what tests put into sensitive fields is remembered, and must come out of nothing that
 * leaves a function but an answer that shows it. test/support/leak-watch.ts fails the test where something did.
 */
const planted = new Set<string>();
/** What stands in plain fields too, as a child's needs are words that a family's skills are. */
const plain = new Set<string>();
const found: string[] = [];

/** Values that a property test makes are many; the latest are enough. */
const MOST = 100;
/** Shorter texts stand everywhere by chance. */
const LEAST_LENGTH = 6;
/** Words of ours, such as the reason why a placement ended, stand in many texts. */
const CODE = /^[a-z_]+$/;

interface Collection {
  readonly path: RegExp;
  readonly sensitive: readonly string[];
}

let collections: readonly Collection[] | undefined;

/** The collections of the record with the names of their sensitive fields. */
const known = (): readonly Collection[] => {
  collections ??= RESOURCES.map((resource) => ({
    path: new RegExp(`/${collectionOf(resource).replaceAll(/\{\w+\}/g, '[^/]+')}(?:/[^/]+|/external/[^/]+/[^/]+)?$`),
    sensitive: Object.entries(schemasOf(resource).sensitivity).flatMap(([name, kind]) =>
      kind === 'secret' ? [] : [name],
    ),
  })).filter(({ sensitive }) => sensitive.length > 0);
  return collections;
};

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** Remembers what a request puts into sensitive fields. */
export function plant(method: Operation<unknown>['method'] | string, path: string, body: unknown): void {
  if (!['POST', 'PUT', 'PATCH'].includes(method) || typeof body !== 'object' || body === null) return;
  const isStatusChange = /^\/v1\/municipalities\/.*\/status$/.test(path);
  const sensitive = isStatusChange ? ['reason'] : (known().find((each) => each.path.test(path))?.sensitive ?? []);
  for (const [name, value] of Object.entries(body)) {
    if (!sensitive.includes(name)) for (const text of textsIn(value)) plain.add(text);
  }
  for (const text of sensitive.flatMap((name) => textsIn((body as Record<string, unknown>)[name]))) {
    if (text.length < LEAST_LENGTH || CODE.test(text)) continue;
    planted.delete(text);
    planted.add(text);
    if (planted.size > MOST) planted.delete(planted.values().next().value as string);
  }
}

/** Looks for remembered values in what leaves a function. */
export function inspect(where: string, what: unknown): void {
  const text = typeof what === 'string' ? what : JSON.stringify(what);
  for (const value of planted) {
    if (!text?.includes(value) || [...plain].some((other) => other.includes(value))) continue;
    found.push(`${where} has ${JSON.stringify(value)}: ${text.slice(0, 300)}`);
  }
}

/** What was found since the last time. */
export const takeLeaks = (): string[] => found.splice(0);
