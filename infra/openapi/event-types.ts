import { eventNamesOf, REWRITE_EVENTS } from '#shared/record/event-names.ts';
import type { Resource } from '#shared/record/resource.ts';
import { ACCESS_EVENTS } from '#shared/tenancy/access-events.ts';
import type { JsonSchema } from './json-schema.ts';

const PREFIX = 'dk.livline.';

/** What a municipality's own events tell of its life. */
export const MUNICIPALITY_EVENTS = ['provisioned', 'activated', 'suspended', 'offboarding'].map(
  (name) => `municipality.${name}`,
);

/** The type of every event there is. */
const eventTypes = (resources: readonly Resource[]): string[] =>
  [...MUNICIPALITY_EVENTS, ...ACCESS_EVENTS, ...REWRITE_EVENTS, ...resources.flatMap(eventNamesOf)]
    .map((name) => `${PREFIX}${name}`)
    .toSorted();

/** The types that are known, of a set that grows. */
export const eventTypeSchema = (resources: readonly Resource[]): JsonSchema => ({
  description: 'Hændelsestype. What happened. More types will come: take what you do not know with 2xx and ignore it.',
  type: 'string',
  'x-extensible-enum': eventTypes(resources),
  pattern: '^dk\\.livline\\.[a-z-]+\\.[a-z_]+$',
});
