import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { invalid, Problem } from '../errors.ts';
import { isId, newId } from '../ids.ts';
import { type Answer, etagOf } from '../operation.ts';
import { type Preconditions, requireMatch } from '../preconditions.ts';
import {
  day,
  group,
  instant,
  line,
  listOf,
  municipalityCode,
  oneOf,
  reference,
  setOf,
  whole,
} from '../record/fields.ts';
import { changedFields, mergePatch } from '../record/merge.ts';
import { refuseUnknownMunicipality } from '../record/rules.ts';
import { parse } from '../record/validate.ts';
import { CARE_FORMS, FAMILY_KINDS } from '../resources/family-kinds.ts';
import { municipalityKey, programmeKey, shareKey } from '../table/keys.ts';
import { unchangedSince, type Write, WriteRefused } from '../table/write.ts';
import type { OperatorContext } from './control.ts';
import { isLeaving, type MunicipalityStatus } from './lifecycle.ts';

/** A programme and its 98 municipalities at most are written in one transaction, which holds 100 rows. */
const MOST_MUNICIPALITIES = 98;
/** Ten billion kroner: with every allocation at its highest the sum is still exact. */
const MOST_OERE = 1_000_000_000_000;

const oere = (meaning: string) => whole(`${meaning}, whole øre, 0–${MOST_OERE}.`, 0, MOST_OERE);

/** What the operator and the municipalities see alike. */
const terms = () => ({
  // Short enough to sort by: a character takes up to five of the 1,024 bytes of a sort key.
  name: line('Name (navn).', 100),
  fundingSource: line('Who pays for it (finansieringskilde).'),
  from: day('First day, a local date (fra).'),
  to: day('Last day, a local date (til).'),
  eligibleKinds: setOf(
    'Kinds of foster family it is for (målgruppe); every kind where none is named.',
    oneOf('A kind of foster family.', FAMILY_KINDS),
    FAMILY_KINDS.length,
  ).default([]),
  eligibleCareForms: setOf(
    'Forms of care it is for (plejeformer), of which a family gives at least one; every form where none is named.',
    oneOf('A form of care.', CARE_FORMS),
    CARE_FORMS.length,
  ).default([]),
});

const input = () => {
  const { name, fundingSource, from, to, eligibleKinds, eligibleCareForms } = terms();
  return {
    name,
    fundingSource,
    grantOere: oere('The whole grant (bevilling)'),
    from,
    to,
    municipalities: listOf(
      'The municipalities that take part (deltagende kommuner). Together they have no more than the grant.',
      group('One municipality.', {
        code: municipalityCode('Its code (kommunekode), of a provisioned municipality.'),
        allocationOere: oere('Its part of the grant (andel)'),
      }),
      MOST_MUNICIPALITIES,
    ).default([]),
    eligibleKinds,
    eligibleCareForms,
  };
};

/** What an operator may send to set one up. */
export const PROGRAMME_EXAMPLE = {
  name: 'Døgninstitutioner støtter plejefamilier',
  fundingSource: 'Social- og Boligstyrelsen',
  grantOere: 1_450_000_000,
  from: '2026-01-01',
  to: '2028-12-31',
  municipalities: [
    { code: '0630', allocationOere: 400_000_000 },
    { code: '0766', allocationOere: 250_000_000 },
  ],
  eligibleKinds: ['almen', 'forstaerket'],
  eligibleCareForms: ['doegn'],
};
const EXAMPLE_ID = '01930000-0000-7000-8000-000000000032';
const OPERATOR_EXAMPLE = '2b7c4d9e1f6g3h8j5k0l2m7n4p';

/** Body of a new programme. */
export const ProgrammeInput = () => z.strictObject(input());

/** A programme as the operator sees it. */
export const ProgrammeView = () =>
  z
    .strictObject({
      id: reference('Id of the programme, UUID version 7 (id).'),
      version: whole('Number of the version, also the ETag (versionsnummer).', 1, Number.MAX_SAFE_INTEGER),
      ...input(),
      createdAt: instant('When it was created, UTC (oprettet).'),
      createdBy: line('Id of the operator client that created it (oprettet af).'),
      updatedAt: instant('When it was last changed, UTC (rettet).'),
      updatedBy: line('Id of the operator client that last changed it (rettet af).'),
    })
    .meta({
      description: 'Indsats. A funded programme in which municipalities support foster families.',
      examples: [
        {
          id: EXAMPLE_ID,
          version: 1,
          ...PROGRAMME_EXAMPLE,
          createdAt: '2026-11-20T08:55:00.000Z',
          createdBy: OPERATOR_EXAMPLE,
          updatedAt: '2026-11-20T08:55:00.000Z',
          updatedBy: OPERATOR_EXAMPLE,
        },
      ],
    });

/** A programme as a municipality that takes part in it sees it: what the others get is none of its business. */
export const MunicipalProgrammeView = () => {
  const { name, fundingSource, from, to, eligibleKinds, eligibleCareForms } = terms();
  return z
    .strictObject({
      id: reference('Id of the programme, UUID version 7 (id).'),
      name,
      fundingSource,
      from,
      to,
      allocationOere: oere("The municipality's part of the grant (andel)"),
      eligibleKinds,
      eligibleCareForms,
    })
    .meta({
      description: 'Indsats. A funded programme in which the municipality takes part.',
      examples: [
        {
          id: EXAMPLE_ID,
          name: PROGRAMME_EXAMPLE.name,
          fundingSource: PROGRAMME_EXAMPLE.fundingSource,
          from: PROGRAMME_EXAMPLE.from,
          to: PROGRAMME_EXAMPLE.to,
          allocationOere: 250_000_000,
          eligibleKinds: PROGRAMME_EXAMPLE.eligibleKinds,
          eligibleCareForms: PROGRAMME_EXAMPLE.eligibleCareForms,
        },
      ],
    });
};

type Terms = z.output<ReturnType<typeof ProgrammeInput>>;
type Programme = z.output<ReturnType<typeof ProgrammeView>>;
/** A programme as a municipality sees it. */
export type MunicipalProgramme = z.output<ReturnType<typeof MunicipalProgrammeView>>;

/** The rules of a programme (DOMAIN §4). Throws 422. */
function checkTerms({ from, to, grantOere, municipalities }: Terms): void {
  if (to < from) throw invalid('/to', 'A programme cannot end before it starts.');
  const codes = municipalities.map(({ code }) => code);
  for (const [at, code] of codes.entries()) {
    refuseUnknownMunicipality(`/municipalities/${at}/code`, code);
    if (codes.indexOf(code) < at) throw invalid(`/municipalities/${at}/code`, 'This municipality stands here twice.');
  }
  const allocated = municipalities.reduce((sum, { allocationOere }) => sum + allocationOere, 0);
  if (allocated > grantOere) throw invalid('/municipalities', "These are allocations above the programme's grant.");
}

/** Throws 422 unless every municipality that joins is provisioned, and none of them leaves. */
async function requireProvisioned(
  ctx: OperatorContext,
  before: Programme | undefined,
  { municipalities }: Terms,
): Promise<void> {
  const known = new Set(before?.municipalities.map(({ code }) => code));
  const joining = municipalities.map(({ code }) => code).filter((code) => !known.has(code));
  if (joining.length === 0) return;
  const rows = await ctx.control.getMany(joining.map(municipalityKey));
  const views = rows.map((row) => row['view'] as { code: string; status: MunicipalityStatus });
  const provisioned = new Set(views.filter(({ status }) => !isLeaving(status)).map(({ code }) => code));
  const stranger = joining.find((code) => !provisioned.has(code));
  if (stranger === undefined) return;
  const pointer = `/municipalities/${municipalities.findIndex(({ code }) => code === stranger)}/code`;
  const detail = 'This municipality is not provisioned.';
  throw new Problem('unknown_reference', detail, [{ pointer, code: 'unknown_reference', detail }]);
}

/** What each municipality that takes part sees. */
function sharesOf(programme: Programme | undefined): Map<string, MunicipalProgramme> {
  if (!programme) return new Map();
  const { id, name, fundingSource, from, to, municipalities, eligibleKinds, eligibleCareForms } = programme;
  return new Map(
    municipalities.map(({ code, allocationOere }) => [
      code,
      { id, name, fundingSource, from, to, allocationOere, eligibleKinds, eligibleCareForms },
    ]),
  );
}

/** What municipalities see that a change alters: of those that join, leave or see something else. */
function shareWrites(before: Programme | undefined, after: Programme): Write[] {
  const [old, young] = [sharesOf(before), sharesOf(after)];
  return [...new Set([...old.keys(), ...young.keys()])].flatMap((code): Write[] => {
    const view = young.get(code);
    if (isDeepStrictEqual(old.get(code), view)) return [];
    const key = shareKey(code, after.id);
    if (!view) return [{ kind: 'delete', key }];
    const item = { type: 'programmes', version: after.version, view };
    return [{ kind: 'put', key, item, index: { list: { pk: key.pk, sk: [view.name.toLowerCase(), after.id] } } }];
  });
}

/** Commits a version of a programme, the operator's row and what municipalities see of it in one transaction. */
async function commit(ctx: OperatorContext, before: Programme | undefined, after: Programme): Promise<void> {
  const row: Write = {
    kind: 'put',
    key: programmeKey(after.id),
    condition: unchangedSince(before?.version ?? 0),
    item: { type: 'programme', version: after.version, view: after },
    index: { list: { pk: ['PROGRAMMES'], sk: [after.id] } },
  };
  try {
    await ctx.control.transact([row, ...shareWrites(before, after)]);
  } catch (error) {
    if (!(error instanceof WriteRefused)) throw error;
    throw new Problem('precondition_failed', 'The programme has just been changed. Read it and decide again.');
  }
}

const answerOf = (status: number, programme: Programme): Answer => ({
  status,
  body: programme,
  headers: {
    etag: etagOf(programme.version),
    ...(status === 201 && { location: `v1/admin/programmes/${programme.id}` }),
  },
});

/** Creates a programme. Each municipality in it sees it at once. */
export async function createProgramme(ctx: OperatorContext, body: unknown): Promise<Answer> {
  const sent = parse(ProgrammeInput(), body);
  checkTerms(sent);
  await requireProvisioned(ctx, undefined, sent);
  const programme: Programme = {
    id: newId(new Date(ctx.now)),
    version: 1,
    ...sent,
    createdAt: ctx.now,
    createdBy: ctx.operatorId,
    updatedAt: ctx.now,
    updatedBy: ctx.operatorId,
  };
  await commit(ctx, undefined, programme);
  return answerOf(201, programme);
}

async function loadProgramme(ctx: OperatorContext, id: string): Promise<Programme> {
  const row = isId(id) ? await ctx.control.get(programmeKey(id)) : undefined;
  if (!row) throw new Problem('not_found', 'There is no such programme.');
  return row['view'] as Programme;
}

/** Reads a programme. Throws `not_found` where there is none. */
export const getProgramme = async (ctx: OperatorContext, id: string): Promise<Answer> =>
  answerOf(200, await loadProgramme(ctx, id));

/** Changes some fields (JSON merge patch, RFC 7396). A patch that changes nothing writes nothing. */
export async function updateProgramme(
  ctx: OperatorContext,
  id: string,
  patch: unknown,
  preconditions: Preconditions,
): Promise<Answer> {
  const before = await loadProgramme(ctx, id);
  requireMatch(preconditions, before.version);
  const { shape } = ProgrammeInput();
  const standing = Object.fromEntries(Object.entries(before).filter(([name]) => name in shape));
  const sent = parse(ProgrammeInput(), mergePatch(standing, patch));
  checkTerms(sent);
  await requireProvisioned(ctx, before, sent);
  if (changedFields(standing, sent).length === 0) return answerOf(200, before);
  const after = { ...before, ...sent, version: before.version + 1, updatedAt: ctx.now, updatedBy: ctx.operatorId };
  await commit(ctx, before, after);
  return answerOf(200, after);
}
