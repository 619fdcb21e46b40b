import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { Tenant } from '../auth/context.ts';
import { TENANT_SCOPES } from '../auth/scopes.ts';
import type { Sealing } from '../crypto/keyring.ts';
import { KEY_PURPOSES, type KeyPurpose } from '../crypto/purposes.ts';
import { invalid, Problem } from '../errors.ts';
import type { Answer } from '../operation.ts';
import { instant, line, municipalityCode, whole } from '../record/fields.ts';
import { LOOKUP_BOUNDS, LOOKUPS_PER_DAY } from '../record/lookups.ts';
import { mergePatch } from '../record/merge.ts';
import { parse } from '../record/validate.ts';
import { findMunicipality, type RegisterEntry, regionOf } from '../register/register.ts';
import { grantKey, holdersKey } from '../table/keys.ts';
import { WriteRefused } from '../table/write.ts';
import { localDateOf } from '../time.ts';
import { clientWrite, shownOnce, withdrawClient } from './clients.ts';
import type { OperatorContext } from './control.ts';
import { fullGrant, grantWrite } from './grant-row.ts';
import { holdersOf, holdersWrite } from './holders.ts';
import { MUNICIPALITY_STATUSES } from './lifecycle.ts';
import { noteMadeKey } from './made-keys.ts';
import {
  commitMunicipality,
  findMunicipalityRow,
  loadMunicipality,
  type Municipality,
  municipalityWrite,
} from './municipality-row.ts';
import { QUOTA_BOUNDS, QUOTA_PER_MINUTE } from './quota.ts';

/** Body of a provisioning. */
export const Provisioning = () =>
  z.strictObject({ code: municipalityCode('Municipality code (kommunekode), one of the 98.') });

const quotaNumber = () =>
  whole(
    `Units that each client may spend in a minute, ${QUOTA_BOUNDS.min}–${QUOTA_BOUNDS.max} (kvote pr. minut). Absent: ${QUOTA_PER_MINUTE}.`,
    QUOTA_BOUNDS.min,
    QUOTA_BOUNDS.max,
  );

const lookupNumber = () =>
  whole(
    `Look-ups by a sensitive value that each client may make in a day, ${LOOKUP_BOUNDS.min}–${LOOKUP_BOUNDS.max} (opslag pr. dag). Absent: ${LOOKUPS_PER_DAY}.`,
    LOOKUP_BOUNDS.min,
    LOOKUP_BOUNDS.max,
  );

/** What an operator may change of a municipality: a JSON merge patch. */
export const MunicipalityPatch = () =>
  z.strictObject({
    lookupsPerDay: lookupNumber()
      .nullable()
      .describe(
        `Look-ups by a sensitive value that each client may make in a day, ${LOOKUP_BOUNDS.min}–${LOOKUP_BOUNDS.max} (opslag pr. dag), or null for the usual ${LOOKUPS_PER_DAY}.`,
      )
      .optional(),
    quotaPerMinute: quotaNumber()
      .nullable()
      .describe(
        `Units that each client may spend in a minute, ${QUOTA_BOUNDS.min}–${QUOTA_BOUNDS.max} (kvote pr. minut), or null for the usual ${QUOTA_PER_MINUTE}.`,
      )
      .optional(),
  });

/** A provisioned municipality as it is shown. */
export const MunicipalityView = () =>
  z
    .strictObject({
      code: z.string().describe('Municipality code of four digits (kommunekode).'),
      name: z.string().describe('Name (kommunenavn).'),
      officialName: z.string().describe('Name in full (officielt navn).'),
      cvr: z.string().describe('CVR number, eight digits (CVR-nummer).'),
      region: z.string().describe('Region code (regionskode) when it was provisioned.').optional(),
      regionName: z.string().describe('Name of the region (regionsnavn) when it was provisioned.'),
      status: z
        .enum(MUNICIPALITY_STATUSES)
        .describe('Where it stands (status): its clients work in `test` and `live` alone.'),
      statusAt: instant('When an operator last changed its status, UTC (status siden).').optional(),
      statusReason: line('Why (begrundelse).').optional(),
      lookupsPerDay: lookupNumber().optional(),
      quotaPerMinute: quotaNumber().optional(),
      keyVersion: whole(
        'Number of the version of the data key that seals its sensitive fields (nøgleversion), once it was changed.',
        2,
        1_000_000,
      ).optional(),
      provisionedAt: instant('When it was provisioned, UTC (oprettet).'),
      provisionedBy: z.string().describe('Id of the operator client that did it (oprettet af).'),
    })
    .meta({
      description: 'Kommune. A municipality that keeps its record in Livline.',
      examples: [
        {
          code: '0766',
          name: 'Hedensted',
          officialName: 'Hedensted Kommune',
          cvr: '29189587',
          region: '1082',
          regionName: 'Region Midtjylland',
          status: 'live',
          provisionedAt: '2026-11-20T08:50:00.000Z',
          provisionedBy: '2b7c4d9e1f6g3h8j5k0l2m7n4p',
        },
      ],
    });

/**
 * Provisions a municipality in steps that can each be repeated. First its key and its row, which names the operator who began; then
 * its administrator at the issuer; last, in one transaction, the row that lets it work, the client and its grant with
 * every scope. Who died on the way leaves a municipality in `provisioning`, and asking again goes on from there; of two
 * who ask at once one is told that it exists. What the issuer made for the other is removed there again.
 */
export async function provisionMunicipality(ctx: OperatorContext, body: unknown): Promise<Answer> {
  const { code } = parse(Provisioning(), body);
  const entry = findMunicipality(code);
  if (!entry) throw invalid('/code', 'There is no municipality with this code.', 'invalid_value');
  const exists = () => new Problem('already_exists', `The municipality ${code} is provisioned already.`);
  const begun = (await findMunicipalityRow(ctx.control, code)) ?? (await begin(ctx, entry));
  if (begun?.tenant.status === 'deleted') {
    throw new Problem(
      'already_exists',
      `The municipality ${code} was erased, and its certificate stands: it is not provisioned again.`,
    );
  }
  if (begun?.tenant.status !== 'provisioning') throw exists();

  const tenant: Tenant = { ...begun.tenant, status: 'test' };
  const credentials = await ctx.identity.createClient(`municipality ${code} administrator`, TENANT_SCOPES);
  try {
    const client = { ...credentials, name: 'Administrator', owner: { kind: 'municipality', id: code } as const };
    const { clientId } = credentials;
    const untold = [
      {
        name: 'municipality.provisioned',
        version: 1,
        at: ctx.now,
        operatorId: ctx.operatorId,
        details: { clientId, scopes: TENANT_SCOPES },
      },
    ];
    const grant = fullGrant(ctx, clientId, code);
    await ctx.control.transact([
      municipalityWrite(begun, { tenant, view: begun.view, untold }),
      clientWrite({ now: ctx.now, by: ctx.operatorId }, client, { seenByOperator: true }),
      grantWrite(grantKey(code, clientId), undefined, grant),
      ...holdersWrite(holdersKey(code), holdersOf(undefined), { clientId, holds: true }),
    ]);
  } catch (error) {
    await withdrawClient(ctx, credentials);
    throw error instanceof WriteRefused ? exists() : error;
  }
  return {
    status: 201,
    body: { municipality: { ...begun.view, status: tenant.status }, ...shownOnce(ctx, credentials) },
    headers: { location: `v1/admin/municipalities/${code}` },
  };
}

/** Makes the municipality's own key and, wrapped by it, its first data keys and the keys of its digests. */
async function newSealing({ keys, control, now }: OperatorContext, code: string): Promise<Sealing> {
  const keyId = await keys.createKey(code, (made) => noteMadeKey(control, code, made, now));
  const newKey = (purpose: KeyPurpose) => keys.newDataKey(keyId, { municipality: code, purpose });
  const [fields, secrets, lookup, integrity] = await Promise.all(KEY_PURPOSES.map(newKey));
  return { keyId, current: 1, wrapped: { '1': fields }, secrets: { '1': secrets }, lookup, integrity } as Sealing;
}

/** The municipality as it begins; undefined where another request was quicker. */
async function begin(ctx: OperatorContext, entry: RegisterEntry): Promise<Municipality | undefined> {
  const { code, name, officialName, cvr } = entry;
  const region = regionOf(entry, localDateOf(ctx.now));
  const tenant: Tenant = {
    code,
    name,
    cvr,
    status: 'provisioning',
    cursorKey: randomBytes(32).toString('base64'),
    sealing: await newSealing(ctx, code),
  };
  const view = {
    code,
    name,
    officialName,
    cvr,
    ...(region.code !== undefined && { region: region.code }),
    regionName: region.name,
    status: tenant.status,
    provisionedAt: ctx.now,
    provisionedBy: ctx.operatorId,
  };
  try {
    await ctx.control.write(municipalityWrite(undefined, { tenant, view }));
    return { version: 1, tenant, view, untold: [] };
  } catch (error) {
    if (error instanceof WriteRefused) return findMunicipalityRow(ctx.control, code);
    throw error;
  }
}

/** Changes what an operator may set of a municipality (JSON merge patch). It holds within a minute. */
export async function updateMunicipality(ctx: OperatorContext, code: string, body: unknown): Promise<Answer> {
  const patch = parse(MunicipalityPatch(), body);
  const before = await loadMunicipality(ctx.control, code);
  const tenant = mergePatch({ ...before.tenant }, patch) as unknown as Tenant;
  const view = mergePatch(before.view, patch);
  await commitMunicipality(ctx.control, municipalityWrite(before, { tenant, view }));
  return { status: 200, body: view };
}
