/**
 * The life of a municipality in Livline. `provisioning` is being set up; in `test` and `live` its clients work and its
 * webhooks go out; `suspended` keeps everything where it is; `offboarding` hands the record over and erases it; of one
 * that is `deleted` only the certificate of its erasure is left. Each status names those that may follow.
 */
export const MUNICIPALITY_STEPS = {
  provisioning: ['test'],
  test: ['live', 'suspended', 'offboarding'],
  live: ['suspended', 'offboarding'],
  suspended: ['live', 'offboarding'],
  offboarding: ['deleted'],
  deleted: [],
} as const satisfies Record<string, readonly string[]>;

export type MunicipalityStatus = keyof typeof MUNICIPALITY_STEPS;
export const MUNICIPALITY_STATUSES = Object.keys(MUNICIPALITY_STEPS) as [MunicipalityStatus, ...MunicipalityStatus[]];

/** Whether its clients may work and its events go out. */
export const isAtWork = (status: MunicipalityStatus): boolean => status === 'test' || status === 'live';

/** Whether it is on its way out or has gone. */
export const isLeaving = (status: MunicipalityStatus): boolean => status === 'offboarding' || status === 'deleted';

/** The steps that an operator may ask for: provisioning alone leads to `test`, and what is erased is `deleted`. */
export const stepsOnRequest = (from: MunicipalityStatus): readonly MunicipalityStatus[] =>
  MUNICIPALITY_STEPS[from].filter((to) => to !== 'test' && to !== 'deleted');
