import { allMunicipalities } from '#shared/register/register.ts';

/** AWS WAF takes patterns of at most so many characters. */
const LONGEST_PATTERN = 200;
/** AWS WAF takes at most so many patterns in one set. */
export const MOST_PATTERNS = 10;

/** The path as the caller sent it begins with the stage of API Gateway, unless the caller used a domain of its own. */
const START = '^(/api)?';
const municipalityPattern = (codes: readonly string[]): string => `${START}/v1/municipalities/(${codes.join('|')})/`;

/** The paths that exist, as regular expressions: those of the 98 municipalities, of operators, and the public ones. */
export const LET_THROUGH: readonly string[] = [
  ...chunks(allMunicipalities().map(({ code }) => code)).map(municipalityPattern),
  `${START}/v1/admin/`,
  `${START}/?$`,
  `${START}/(docs|openapi\\.json|health|problems)(/.*)?$`,
];

/** Lists of codes of which each fits one pattern. */
function chunks(codes: readonly string[]): string[][] {
  const fitting = Math.floor((LONGEST_PATTERN - municipalityPattern([]).length + 1) / '0101|'.length);
  return Array.from({ length: Math.ceil(codes.length / fitting) }, (_, at) =>
    codes.slice(at * fitting, (at + 1) * fitting),
  );
}

const patterns = LET_THROUGH.map((pattern) => new RegExp(pattern));

/** Whether the firewall lets a path through: the answer of this machine's gateway, from the patterns of the deployed one. */
export const isLetThrough = (path: string): boolean => patterns.some((pattern) => pattern.test(path));
