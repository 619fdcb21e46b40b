import { codeWord, line, whole } from '../record/fields.ts';
import { defineResource } from '../record/resource.ts';
import type { Quarter } from '../time.ts';

/** The lock that a quarter's one theme holds; through it the theme of a quarter is found. */
export const quarterName = ({ year, quarter }: Quarter): string[] => ['quarter', String(year), String(quarter)];

export const themes = defineResource({
  path: 'themes',
  name: 'theme',
  danish: 'Kvartalstema',
  summary: 'What a quarter is about: group supervision and courses follow it.',
  referenceData: true,
  scopes: { read: 'supervision:read', write: 'supervision:write' },
  fields: () => ({
    year: whole('Calendar year (år).', 2000, 2100),
    quarter: whole('Quarter of the year (kvartal), 1–4.', 1, 4),
    code: codeWord('The theme as a code (temakode), such as `mentalisation`, `child_development`, `learning`.'),
    titleDa: line('Its title in Danish (titel).'),
  }),
  events: { created: 'published' },
  order: (theme) => `${theme.year}-${theme.quarter}`,
  newestFirst: true,
  filters: { year: (theme) => String(theme.year) },
  locks: (theme) => [
    {
      name: quarterName({ year: theme.year, quarter: theme.quarter as Quarter['quarter'] }),
      detail: 'This quarter has a theme already.',
    },
  ],
  example: { year: 2026, quarter: 4, code: 'mentalisation', titleDa: 'Mentalisering' },
});
