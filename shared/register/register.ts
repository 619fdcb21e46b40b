import type { LocalDate } from '../time.ts';
import municipalities from './municipalities.json' with { type: 'json' };

/** A Danish municipality as the public register has it. */
export interface RegisterEntry {
  /** Four digits (kommunekode). */
  readonly code: string;
  readonly name: string;
  readonly officialName: string;
  /** CVR number of the municipality, eight digits. */
  readonly cvr: string;
  /** Region code as of 2026. */
  readonly region: string;
}

const byCode = new Map<string, RegisterEntry>(municipalities.map((entry) => [entry.code, entry]));

/** The municipality with a four-digit code, undefined where there is none: only the 98 exist. */
export const findMunicipality = (code: string): RegisterEntry | undefined => byCode.get(code);

/** All 98, by code. */
export const allMunicipalities = (): readonly RegisterEntry[] => municipalities;

/** A region for the time it exists. `code` is absent where none has been published yet. */
interface Region {
  readonly code?: string;
  readonly name: string;
  /** First day that it does not exist any more. */
  readonly until?: LocalDate;
  readonly successor?: Region;
}

const OESTDANMARK: Region = { name: 'Region Østdanmark' };

/** Regions Hovedstaden and Sjælland become Region Østdanmark on 2027-01-01. */
const REGIONS: Readonly<Record<string, Region>> = {
  '1081': { code: '1081', name: 'Region Nordjylland' },
  '1082': { code: '1082', name: 'Region Midtjylland' },
  '1083': { code: '1083', name: 'Region Syddanmark' },
  '1084': { code: '1084', name: 'Region Hovedstaden', until: '2027-01-01', successor: OESTDANMARK },
  '1085': { code: '1085', name: 'Region Sjælland', until: '2027-01-01', successor: OESTDANMARK },
};

/** The region a municipality lies in on a day. */
export function regionOf({ region }: RegisterEntry, on: LocalDate): { readonly code?: string; readonly name: string } {
  const found = REGIONS[region];
  if (!found) throw new RangeError(`The register names an unknown region ${region}`);
  const { code, name } = found.until && found.successor && on >= found.until ? found.successor : found;
  return code === undefined ? { name } : { code, name };
}
