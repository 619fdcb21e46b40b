import { group, instant, line, oneOf, setOf, text } from '../record/fields.ts';
import { defineResource } from '../record/resource.ts';
import { FAMILY_KINDS } from './family-kinds.ts';

export const announcements = defineResource({
  path: 'announcements',
  name: 'announcement',
  danish: 'Opslag',
  summary: 'A message to foster families, all of them or those of some kinds.',
  scopes: { read: 'programmes:read', write: 'programmes:write' },
  fields: () => ({
    title: line('Title (overskrift).'),
    body: text('What it says (tekst).'),
    publishedAt: instant('From when it is out, UTC (udgivet); may lie ahead. Now if left out.').optional(),
    audience: group('Whom it is for (målgruppe).', {
      kinds: setOf(
        'Kinds of foster families (plejefamilietyper); empty for all.',
        oneOf('A kind.', FAMILY_KINDS),
      ).default([]),
    }).default({ kinds: [] }),
  }),
  order: ({ publishedAt, createdAt }) => publishedAt ?? createdAt,
  newestFirst: true,
  period: true,
  settle: ({ ctx, before, after }) => ({ publishedAt: after.publishedAt ?? before?.publishedAt ?? ctx.now }),
  example: {
    title: 'Open house at Bakkevej',
    body: 'All families are welcome on Saturday from 10 to 14.',
    publishedAt: '2026-11-16T09:00:00+01:00',
    audience: { kinds: ['almen', 'forstaerket'] },
  },
});
