import { operationsOf } from '../record/operations.ts';
import type { Resource } from '../record/resource.ts';
import { acknowledgements } from './acknowledgements.ts';
import { acrossOperations } from './across.ts';
import { actions } from './actions.ts';
import { affiliations } from './affiliations.ts';
import { announcements } from './announcements.ts';
import { assignments } from './assignments.ts';
import { calls } from './calls.ts';
import { children } from './children.ts';
import { concernReports } from './concern-reports.ts';
import { consultants } from './consultants.ts';
import { contacts } from './contacts.ts';
import { courses } from './courses.ts';
import { developmentPlans } from './development-plans.ts';
import { enrolments } from './enrolments.ts';
import { erasures } from './erasures.ts';
import { families } from './families.ts';
import { familyOverviews } from './family-overviews.ts';
import { helplines } from './helplines.ts';
import { inquiries } from './inquiries.ts';
import { institutions } from './institutions.ts';
import { legalHolds } from './legal-holds.ts';
import { matches } from './matches.ts';
import { onCall } from './on-call.ts';
import { placements } from './placements.ts';
import { municipalProgrammes } from './programmes.ts';
import { progress } from './progress.ts';
import { pulseSurveys } from './pulse-surveys.ts';
import { riskFlags } from './risk-flags.ts';
import { rounds } from './rounds.ts';
import { shifts } from './shifts.ts';
import { staff } from './staff.ts';
import { supervisionGroups } from './supervision-groups.ts';
import { supervisionSessions } from './supervision-sessions.ts';
import { themes } from './themes.ts';
import { visits } from './visits.ts';

/** Every resource of the record. Adding one is its file and its line here. */
export const RESOURCES: readonly Resource[] = [
  families,
  children,
  placements,
  visits,
  institutions,
  staff,
  affiliations,
  consultants,
  assignments,
  contacts,
  inquiries,
  pulseSurveys,
  helplines,
  shifts,
  calls,
  themes,
  supervisionGroups,
  supervisionSessions,
  courses,
  concernReports,
  actions,
  riskFlags,
  developmentPlans,
  progress,
  announcements,
  acknowledgements,
  rounds,
  enrolments,
  legalHolds,
  erasures,
];

/** Every operation on the record. */
export const recordOperations = () => [
  ...RESOURCES.flatMap(operationsOf),
  ...acrossOperations(RESOURCES),
  familyOverviews,
  matches,
  onCall,
  ...municipalProgrammes,
];
