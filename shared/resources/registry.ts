import { operationsOf } from '../record/operations.ts';
import type { Resource } from '../record/resource.ts';
import { acrossOperations } from './across.ts';
import { calls } from './calls.ts';
import { consultants } from './consultants.ts';
import { families } from './families.ts';
import { helplines } from './helplines.ts';
import { institutions } from './institutions.ts';
import { shifts } from './shifts.ts';
import { staff } from './staff.ts';
import { supervisionGroups } from './supervision-groups.ts';
import { supervisionSessions } from './supervision-sessions.ts';
import { themes } from './themes.ts';

/** Every resource of the record. Adding one is its file and its line here. */
export const RESOURCES: readonly Resource[] = [
  families,
  institutions,
  staff,
  consultants,
  helplines,
  shifts,
  calls,
  themes,
  supervisionGroups,
  supervisionSessions,
];

/** Every operation on the record. */
export const recordOperations = () => [...RESOURCES.flatMap(operationsOf), ...acrossOperations(RESOURCES)];
