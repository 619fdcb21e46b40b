import { instant, line, oneOf, reference, sensitive, setOf, text, whole } from '../record/fields.ts';
import { defineResource } from '../record/resource.ts';
import { refuseChange, refuseFuture } from '../record/rules.ts';
import { inStanding } from './family-standing.ts';

export const contacts = defineResource({
  path: 'contacts',
  name: 'contact',
  danish: 'Kontakt',
  summary: 'A contact between a consultant and a family: when, how, what for.',
  scopes: { read: 'support:read', write: 'support:write' },
  fields: () => ({
    familyId: reference('The family (plejefamilie).'),
    consultantId: reference('Who talked with it (konsulent).'),
    at: instant('When it was, UTC (tidspunkt).'),
    channel: oneOf('How (kanal).', ['phone', 'visit', 'video', 'message']),
    purpose: oneOf('What for (formål).', ['follow_up', 'relief', 'crisis', 'planning']),
    minutes: whole('How long it took (varighed), minutes.', 0, 1_440),
    tags: setOf('What it was about (emneord), in a word such as `school`.', line('A tag.', 100), 20).default([]),
    note: sensitive(text('What was said (notat).')).optional(),
  }),
  references: { familyId: 'families', consultantId: 'consultants' },
  order: (contact) => contact.at,
  newestFirst: true,
  period: true,
  filters: { familyId: (contact) => contact.familyId, consultantId: (contact) => contact.consultantId },
  about: (contact) => contact.familyId,
  ledgers: ({ familyId, at }) => [inStanding(familyId, { kind: 'contact', at })],
  settle: ({ ctx, before, after }) => {
    refuseChange(before, after, 'familyId');
    refuseFuture(ctx, '/at', after.at);
    return {};
  },
  example: {
    familyId: '01930000-0000-7000-8000-000000000003',
    consultantId: '01930000-0000-7000-8000-000000000004',
    at: '2026-11-18T10:30:00+01:00',
    channel: 'phone',
    purpose: 'follow_up',
    minutes: 35,
    tags: ['school'],
  },
});
