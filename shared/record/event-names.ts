import type { Action } from './events.ts';
import type { Resource } from './resource.ts';
import { statusesOf } from './schemas.ts';
import type { Whole } from './stored.ts';

/**
 * Events of a row that was written anew without a new version (rewrite.ts): `record.resealed` when its sealed part was
 * sealed with another key, `record.emptied` when nothing but its id and version was left of a deleted record.
 */
export const REWRITE_EVENTS = ['record.resealed', 'record.emptied'] as const;
export type RewriteEvent = (typeof REWRITE_EVENTS)[number];

/** Whether an event tells that a row was written anew without a new version. */
export const isRewriteEvent = (name: string): boolean => (REWRITE_EVENTS as readonly string[]).includes(name);

/** An event's name with its prefix, unless it has one already. */
export function eventName(resource: Resource, name: string): string {
  return name.includes('.') ? name : `${resource.events?.prefix ?? resource.name}.${name}`;
}

/** Name of the event for a creation in this status. */
export const creationEvent = (resource: Resource, status: string | undefined): string =>
  eventName(resource, resource.events?.created ?? (status && resource.events?.status?.[status]) ?? 'created');

/** Name of the event for entering this status. */
export const statusEvent = (resource: Resource, status: string): string =>
  eventName(resource, resource.events?.status?.[status] ?? 'updated');

/** The event of a change that has a name of its own. */
export const ownEvent = (
  resource: Resource,
  before: Whole | undefined,
  after: Whole,
  entering: string | undefined,
): { name: string; action: Action } | undefined => resource.events?.also?.of(before as never, after as never, entering);

/** Every event name a resource can give. */
export function eventNamesOf(resource: Resource): string[] {
  const initial = resource.machine && statusesOf(resource.machine)[0];
  const names = [
    'updated',
    ...Object.values(resource.events?.status ?? {}),
    ...(resource.deletable || resource.person ? ['deleted'] : []),
  ];
  const all = names.map((name) => eventName(resource, name));
  return [...new Set([...all, creationEvent(resource, initial), ...(resource.events?.also?.names ?? [])])];
}
