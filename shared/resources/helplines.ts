import * as z from 'zod';
import { invalid } from '../errors.ts';
import { day, group, line, phone, reference, whole } from '../record/fields.ts';
import { defineResource } from '../record/resource.ts';

const clock = (description: string) =>
  z
    .string()
    .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'This must be a time of day such as 08:30.')
    .describe(description);

const promisedHours = () =>
  z
    .union([
      z.literal('24/7').describe('Day and night, every day.'),
      z
        .array(
          group('Opening hours of one weekday, Danish time.', {
            weekday: whole('ISO weekday (ugedag): 1 is Monday, 7 is Sunday.', 1, 7),
            from: clock('First minute it is open (fra), HH:mm Danish time.'),
            to: clock('First minute it is closed again (til), HH:mm Danish time, up to 24:00.'),
          }),
        )
        .min(1)
        .max(100)
        .describe('A weekly pattern.'),
    ])
    .describe('When somebody is promised to answer (lovet åbningstid): `24/7` or a weekly pattern.');

export const helplines = defineResource({
  path: 'helplines',
  name: 'helpline',
  danish: 'Akuttelefon',
  summary: 'A telephone line that foster families can call when it is hard.',
  referenceData: true,
  scopes: { read: 'helpline:read', write: 'helpline:write' },
  fields: () => ({
    name: line('Name (navn).'),
    phone: phone('The number families call (telefonnummer).'),
    institutionId: reference('The institution whose staff answer (institution).').optional(),
    openFrom: day('First day it is open (åben fra), a local date.'),
    promisedHours: promisedHours(),
  }),
  references: { institutionId: 'institutions' },
  order: (helpline) => helpline.name.toLowerCase(),
  settle: ({ after }) => {
    if (after.promisedHours === '24/7') return {};
    for (const [at, { from, to }] of after.promisedHours.entries()) {
      if (to <= from) throw invalid(`/promisedHours/${at}/to`, 'It closes before it opens.');
    }
    return {};
  },
  example: { name: 'Akuttelefonen', phone: '+45 70 10 20 30', openFrom: '2019-11-01', promisedHours: '24/7' },
});
