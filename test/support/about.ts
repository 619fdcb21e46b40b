import { RESOURCES } from '#shared/resources/registry.ts';
import { makeApprovedFamily, makeChild, makePlacement } from './examples.ts';
import type { Caller, Reply } from './livline.ts';
import { makeOf } from './records.ts';

type Made = Reply['body'];
type Fields = Readonly<Record<string, unknown>>;
/** What is said of each record that is made, by its collection. */
export type Saying = (path: string) => Fields;

/** How a record names a family where it is not by its `familyId`, given what is about the family already. */
const NAMES_FAMILY: Readonly<Record<string, (familyId: string, made: ReadonlyMap<string, Made>) => Fields>> = {
  visits: (_, made) => ({ placementId: made.get('placements').id }),
  'supervision-groups': (familyId) => ({ familyIds: [familyId] }),
  courses: (familyId) => ({ status: 'held', attendance: [{ familyId, hours: 6 }] }),
  actions: (familyId) => ({ about: { type: 'family', id: familyId } }),
  'concern-reports': (familyId) => ({ source: { type: 'family', id: familyId } }),
  'development-plans': (familyId) => ({ familyId, status: 'agreed' }),
  progress: (_, made) => ({
    planId: made.get('development-plans').id,
    goalId: made.get('development-plans').goals[0].id,
  }),
  'legal-holds': (familyId) => ({
    subject: { type: 'family', id: familyId },
    status: 'lifted',
    statusReason: 'Afgjort',
  }),
  erasures: (familyId) => ({ subject: { type: 'family', id: familyId }, status: 'refused', statusReason: 'Nej' }),
};

/** One record of each kind that can be about a family, made through the front door, by their collections. */
export async function aboutFamily(
  caller: Caller,
  saying: Saying = () => ({}),
): Promise<{ familyId: string; made: ReadonlyMap<string, Made> }> {
  const { id: familyId } = await makeApprovedFamily(caller, saying('families'));
  const made = new Map<string, Made>();
  for (const { path, references = {} } of RESOURCES) {
    const names = Object.values(references).flat();
    const direct = names.includes('families') || path in NAMES_FAMILY;
    if (!direct || path === 'families') continue;
    const named = NAMES_FAMILY[path]?.(familyId, made) ?? { familyId };
    made.set(path, await makeOf(path, caller, { ...named, ...saying(path) }));
  }
  return { familyId, made };
}

/** One record of each kind that can be about a child, by their collections. */
export async function aboutChild(
  caller: Caller,
  saying: Saying = () => ({}),
): Promise<{ childId: string; familyId: string; made: ReadonlyMap<string, Made> }> {
  const { id: childId } = await makeChild(caller, saying('children'));
  const placement = await makePlacement(caller, { childId, ...saying('placements') });
  const source = { type: 'child', id: childId };
  const named: Readonly<Record<string, Fields>> = {
    visits: { placementId: placement.id },
    actions: { about: { type: 'placement', id: placement.id } },
    'concern-reports': { source },
    'legal-holds': { subject: source, status: 'lifted', statusReason: 'Afgjort' },
    erasures: { subject: source, status: 'refused', statusReason: 'Nej' },
  };
  const made = new Map<string, Made>([['placements', placement]]);
  for (const [path, fields] of Object.entries(named)) {
    made.set(path, await makeOf(path, caller, { ...fields, ...saying(path) }));
  }
  return { childId, familyId: placement.familyId, made };
}
