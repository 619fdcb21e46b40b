/** Kinds of foster family (plejefamilietyper). */
export const FAMILY_KINDS = ['almen', 'forstaerket', 'specialiseret', 'netvaerk'] as const;

/** Forms of care: round the clock, or support stays (døgn, støtteophold). */
export const CARE_FORMS = ['doegn', 'stoetteophold'] as const;
