/**
 * The ten resources as one would write them with zod alone, for both peers: four schemas each (body of a creation, of a
 * change, the record as shown, a page of them), built when the module loads. `z` is passed in, because the OpenAPI peer
 * must use its framework's own.
 */
type Z = typeof import('zod');

export function schemasOf(z: Z) {
  const line = (max = 200) => z.string().trim().min(1).max(max);
  const text = () => z.string().trim().min(1).max(4_000);
  const instant = () => z.iso.datetime({ offset: true });
  const day = () => z.iso.date();
  const id = () => z.uuid();
  const phone = () => z.string().regex(/^\+?[\d ]{3,20}$/);
  const code = () => z.string().regex(/^[a-z][a-z0-9_]{0,49}$/);
  const cvr = () => z.string().regex(/^\d{8}$/);
  const whole = (min: number, max: number) => z.int().min(min).max(max);
  const careForms = () => z.array(z.enum(['doegn', 'stoetteophold'])).max(2);
  const specialties = () => z.array(code()).max(24).default([]);

  const resources = {
    families: {
      alias: line(),
      kind: z.enum(['almen', 'forstaerket', 'specialiseret', 'netvaerk']),
      careForms: careForms().min(1).default(['doegn']),
      fosteringSince: day().optional(),
      residence: z
        .string()
        .regex(/^\d{4}$/)
        .optional(),
      capacity: whole(0, 10).optional(),
      skills: z.array(line(100)).max(50).default([]),
      pressure: z.enum(['normal', 'elevated', 'high']).default('normal'),
      socialtilsyn: z.enum(['nord', 'midt', 'syd', 'oest', 'hovedstaden']).optional(),
      tilbudsportalId: line(50).optional(),
      approval: z
        .strictObject({
          authority: line(),
          from: day(),
          to: day().optional(),
          places: whole(0, 10),
          ageMin: whole(0, 23),
          ageMax: whole(0, 23),
          careForms: careForms(),
          childId: id().optional(),
        })
        .optional(),
      outsideWork: text().optional(),
      adults: z
        .array(
          z.strictObject({
            name: line(),
            cpr: z
              .string()
              .regex(/^\d{6}-?\d{4}$/)
              .optional(),
            phone: phone().optional(),
            email: z.email().max(254).optional(),
          }),
        )
        .max(10)
        .optional(),
    },
    institutions: {
      name: line(),
      kind: z.enum(['doegninstitution', 'opholdssted']),
      cvr: cvr().optional(),
      pnr: z
        .string()
        .regex(/^\d{10}$/)
        .optional(),
      specialties: specialties(),
    },
    staff: { name: line(), role: line(100), specialties: specialties(), active: z.boolean().default(true) },
    consultants: {
      name: line(),
      kind: z.enum(['municipal', 'external']),
      employer: line(),
      email: z.email().max(254).optional(),
      phone: phone().optional(),
      fkOrgUuid: id().optional(),
    },
    helplines: {
      name: line(),
      phone: phone(),
      institutionId: id().optional(),
      openFrom: day(),
      promisedHours: z.array(
        z.strictObject({ days: z.array(whole(1, 7)), from: z.string().max(5), to: z.string().max(5) }),
      ),
    },
    shifts: { helplineId: id(), startsAt: instant(), endsAt: instant(), staffId: id() },
    calls: {
      helplineId: id(),
      receivedAt: instant(),
      answeredAt: instant().optional(),
      endedAt: instant().optional(),
      callerKind: z.enum(['foster_family', 'child', 'parent', 'professional', 'other']),
      familyId: id().optional(),
      topic: z.enum(['conflict', 'self_harm', 'school', 'health', 'parents', 'practical', 'other']),
      severity: whole(1, 4),
      outcome: line().optional(),
      callerPhone: phone().optional(),
      note: text().optional(),
      concern: z.boolean().default(false),
    },
    themes: { year: whole(2000, 2100), quarter: whole(1, 4), code: code(), titleDa: line() },
    'supervision-groups': {
      name: line(),
      familyIds: z.array(id()).max(24).default([]),
      consultantIds: z.array(id()).max(10),
      criteria: text().optional(),
      from: day(),
      to: day().optional(),
    },
    'supervision-sessions': {
      form: z.enum(['group', 'individual']),
      groupId: id().optional(),
      familyId: id().optional(),
      themeId: id().optional(),
      at: instant(),
      minutes: whole(15, 480),
      facilitatorIds: z.array(id()).max(10).default([]),
      attendance: z
        .array(z.strictObject({ familyId: id(), present: z.boolean(), rating: whole(1, 5).optional() }))
        .max(24)
        .default([]),
      summary: text().optional(),
      reflection: text().optional(),
      addenda: z.array(z.strictObject({ at: instant(), text: text() })).default([]),
    },
  };

  const input = () => ({
    externalId: line().optional(),
    caseRefs: z
      .array(z.strictObject({ system: line(50), caseId: line(100).optional(), caseNumber: line(100).optional() }))
      .max(50)
      .optional(),
    status: line(50).optional(),
    statusReason: text().optional(),
    statusAt: instant().optional(),
  });
  const common = () => ({
    id: id(),
    municipality: z.string(),
    version: z.int(),
    source: z.string(),
    createdAt: instant(),
    createdBy: z.string(),
    updatedAt: instant(),
    updatedBy: z.string(),
  });

  const fourOf = (shape: (typeof resources)[keyof typeof resources]) => {
    const create = z.strictObject({ ...shape, ...input() });
    const view = z.strictObject({ ...create.shape, ...common() });
    return {
      create,
      change: create.partial(),
      view,
      page: z.strictObject({ items: z.array(view), nextCursor: z.string().optional() }),
    };
  };
  return Object.fromEntries(Object.entries(resources).map(([name, shape]) => [name, fourOf(shape)])) as Record<
    keyof typeof resources,
    ReturnType<typeof fourOf>
  >;
}
