import { flag, line } from '../record/fields.ts';
import { defineResource } from '../record/resource.ts';
import { specialties } from './institutions.ts';

export const staff = defineResource({
  path: 'staff',
  parent: { path: 'institutions', field: 'institutionId' },
  name: 'staff-member',
  danish: 'Medarbejder',
  summary: "An institution's staff member, who takes shifts and leads supervision.",
  person: true,
  scopes: { read: 'institutions:read', write: 'institutions:write' },
  fields: () => ({
    name: line('Name (navn).'),
    role: line('What the person does there (stilling).', 100),
    specialties: specialties().default([]),
    active: flag('Whether the person works there now (aktiv).').default(true),
  }),
  order: (member) => member.name.toLowerCase(),
  filters: { active: (member) => String(member.active) },
  edges: { specialty: (member) => member.specialties },
  example: { name: 'Medarbejder A', role: 'Pædagog', specialties: ['adhd'] },
});
