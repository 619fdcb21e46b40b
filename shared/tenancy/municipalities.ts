import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { provisioningContext, type Tenant } from '../context.ts';
import { invalid, Problem } from '../errors.ts';
import { derivedId } from '../ids.ts';
import type { Answer } from '../operation.ts';
import { eventWrite } from '../record/events.ts';
import { instant, municipalityCode } from '../record/fields.ts';
import { parse } from '../record/validate.ts';
import { findMunicipality, regionOf } from '../register/register.ts';
import { municipalityKey } from '../table/keys.ts';
import { ABSENT, transactWrite, type Write, WriteRefused } from '../table/write.ts';
import { localDateOf } from '../time.ts';
import { clientWrites, shownOnce, withdrawClient } from './clients.ts';
import type { OperatorContext } from './control.ts';
import { TENANT_SCOPES } from './scopes.ts';

/** Body of a provisioning. */
export const Provisioning = () =>
  z.strictObject({ code: municipalityCode('Municipality code (kommunekode), one of the 98.') });

const kleNumber = () =>
  z
    .string()
    .regex(/^\d{2}\.\d{2}\.\d{2}$/, 'A KLE number, dd.dd.dd')
    .describe('The KLE number that its events carry (KLE-emne), `dd.dd.dd`.');

/** What an operator may change of a municipality: a JSON merge patch. */
export const MunicipalityPatch = () =>
  z.strictObject({
    kle: kleNumber()
      .nullable()
      .describe('The KLE number that its events carry (KLE-emne), or null for none.')
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
      status: z.enum(['active', 'suspended']).describe('Whether its clients may work (status).'),
      kle: kleNumber().optional(),
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
          status: 'active',
          provisionedAt: '2026-11-20T08:50:00.000Z',
          provisionedBy: '2b7c4d9e1f6g3h8j5k0l2m7n4p',
        },
      ],
    });

const notProvisioned = (code: string) =>
  new Problem('not_found', `The municipality ${code.slice(0, 20)} is not provisioned.`);

/** The stored municipality. Throws `not_found` where the code was never provisioned. */
export async function loadMunicipality(ctx: OperatorContext, code: string): Promise<Readonly<Record<string, unknown>>> {
  const row = findMunicipality(code) ? await ctx.control.get(municipalityKey(code)) : undefined;
  if (!row) throw notProvisioned(code);
  return row['view'] as Record<string, unknown>;
}

/**
 * Provisions a municipality: its row, its administrator client with every scope, and the event, in one transaction. The
 * client is made at the issuer first, because a client without rows can do nothing, while rows without a client would
 * lock the municipality out; what loses the race or fails is removed there again.
 */
export async function provisionMunicipality(ctx: OperatorContext, body: unknown): Promise<Answer> {
  const { code } = parse(Provisioning(), body);
  const entry = findMunicipality(code);
  if (!entry) throw invalid('/code', 'There is no municipality with this code.', 'invalid_value');
  const exists = () => new Problem('already_exists', `The municipality ${code} is provisioned already.`);
  if (await ctx.control.get(municipalityKey(code))) throw exists();

  const region = regionOf(entry, localDateOf(ctx.now));
  const tenant: Tenant = {
    code,
    name: entry.name,
    cvr: entry.cvr,
    status: 'active',
    cursorKey: randomBytes(32).toString('base64'),
    lookupKey: randomBytes(32).toString('base64'),
  };
  const view = {
    code,
    name: entry.name,
    officialName: entry.officialName,
    cvr: entry.cvr,
    ...(region.code !== undefined && { region: region.code }),
    regionName: region.name,
    status: tenant.status,
    provisionedAt: ctx.now,
    provisionedBy: ctx.operatorId,
  };
  const row: Write = {
    kind: 'put',
    key: municipalityKey(code),
    condition: ABSENT,
    item: { type: 'municipality', tenant, view },
    index: { list: { pk: ['MUNICIPALITIES'], sk: [code] } },
  };
  const inside = provisioningContext(ctx.store, tenant, ctx.operatorId, ctx.requestId, new Date(ctx.now));
  const event = eventWrite(inside, {
    id: derivedId('evt', code, 'provisioned'),
    name: 'municipality.provisioned',
    objectType: 'municipality',
    objectId: code,
    objectVersion: 1,
    href: `/v1/admin/municipalities/${code}`,
    action: 'created',
    changed: [],
  });
  const credentials = await ctx.identity.createClient(`municipality ${code} administrator`, TENANT_SCOPES);
  try {
    const client = { ...credentials, name: 'Administrator', owner: { kind: 'municipality', id: code } as const };
    const control = [row, ...clientWrites(ctx, client, [{ code, scopes: TENANT_SCOPES }])];
    await transactWrite(ctx.store.client, [...control.map(ctx.control.prepare), inside.table.prepare(event)]);
  } catch (error) {
    await withdrawClient(ctx, credentials);
    throw error instanceof WriteRefused ? exists() : error;
  }
  return {
    status: 201,
    body: { municipality: view, ...shownOnce(ctx, credentials) },
    headers: { location: `/v1/admin/municipalities/${code}` },
  };
}

/** Changes a municipality's settings (JSON merge patch). Its events carry the KLE number within a minute. */
export async function updateMunicipality(ctx: OperatorContext, code: string, body: unknown): Promise<Answer> {
  const { kle } = parse(MunicipalityPatch(), body);
  const row = findMunicipality(code) ? await ctx.control.get(municipalityKey(code)) : undefined;
  if (!row) throw notProvisioned(code);
  const before = row['tenant'] as Tenant;
  const { kle: _, ...shown } = row['view'] as Readonly<Record<string, unknown>>;
  const { kle: standing, ...rest } = before;
  const chosen = kle === undefined ? standing : (kle ?? undefined);
  const view = { ...shown, ...(chosen !== undefined && { kle: chosen }) };
  try {
    await ctx.control.write({
      kind: 'put',
      key: municipalityKey(code),
      condition: { expression: '#tenant = :tenant', values: { tenant: before } },
      item: { type: 'municipality', tenant: { ...rest, ...(chosen !== undefined && { kle: chosen }) }, view },
      index: { list: { pk: ['MUNICIPALITIES'], sk: [code] } },
    });
  } catch (error) {
    if (!(error instanceof WriteRefused)) throw error;
    throw new Problem('in_flight', 'The municipality is being changed by another request. Try again.', [], {
      'retry-after': '1',
    });
  }
  return { status: 200, body: view };
}
