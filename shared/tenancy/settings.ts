import * as z from 'zod';
import type { Context, Tenant } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import { type Answer, type ApiRequest, etagOf, type Operation } from '../operation.ts';
import { preconditionsOf, requireMatch } from '../preconditions.ts';
import { DEFAULT_MONTHS, PURPOSES } from '../privacy/access-log.ts';
import { ARCHIVE_MONTHS } from '../privacy/archive-months.ts';
import { instant, whole } from '../record/fields.ts';
import { changedFields, mergePatch } from '../record/merge.ts';
import { parse } from '../record/validate.ts';
import { ownMunicipalityKey } from '../table/keys.ts';
import { isVersion, WriteRefused } from '../table/write.ts';
import type { Instant } from '../time.ts';
import { accessEventWrite, newEventId } from './access-events.ts';
import { publicKey } from './public-key.ts';

/** Who changed the settings last, as it is kept on the municipality's row. */
export interface SettingsState {
  /** Counts the changes, from 1 where there was none. */
  readonly version: number;
  readonly at: Instant;
  readonly by: string;
  /** Id of the event that tells of the last change. */
  readonly lastEvent: string;
}

const kle = () =>
  z
    .string()
    .regex(/^\d{2}\.\d{2}\.\d{2}$/, 'This must be a KLE number such as 27.03.00.')
    .describe('The KLE number that the events carry (KLE-emne), `dd.dd.dd`; absent: none.');
const accessLogMonths = () =>
  whole(
    `For how many calendar months entries of the access log are kept (opbevaring af adgangslog), 6–120; absent: ${DEFAULT_MONTHS}. An entry keeps what held when it was made.`,
    6,
    120,
  );
const retentionMonths = () =>
  whole(
    'Months after which closed families, and children of whom nothing is heard, are archived and erased (opbevaringstid), 12–1,200; absent: never.',
    12,
    1_200,
  );
const archiveMonths = () =>
  whole(
    `Months for which archives of erased persons are kept (opbevaring af arkiver), 1–1,200; absent: ${ARCHIVE_MONTHS}. An archive keeps what held when it was made.`,
    1,
    1_200,
  );
const purposes = () =>
  z
    .array(z.enum(Object.keys(PURPOSES) as [string, ...string[]]).describe('A purpose of reading.'))
    .min(1)
    .max(Object.keys(PURPOSES).length)
    .describe('The purposes that X-Access-Purpose may name (tilladte formål); absent: every one there is.');

const FLAGS = {
  requirePurpose: 'Whether showing a sensitive value needs X-Access-Purpose (formål kræves).',
  requirePerson: 'Whether showing a sensitive value needs X-Access-Person (person kræves), who sits at the screen.',
  cprLikeCaseNumbers:
    'Whether the case numbers look like CPR numbers (CPR-lignende sagsnumre), so that they are not refused for that.',
} as const;
const flag = (name: keyof typeof FLAGS) => z.boolean().describe(FLAGS[name]);

const FIELDS = ['kle', 'accessLogMonths', 'retentionMonths', 'archiveMonths', 'purposes', 'handoverKey'] as const;
type SettingName = (typeof FIELDS)[number] | keyof typeof FLAGS;

/** A setting that null takes back to its default. */
const orNull = <Field extends z.ZodType>(field: Field) =>
  field.nullable().describe(`${field.description ?? ''} Null removes it.`);

/** What a municipality may change of its settings: a JSON merge patch. */
export const SettingsPatch = () =>
  z.strictObject({
    kle: orNull(kle()).optional(),
    accessLogMonths: orNull(accessLogMonths()).optional(),
    retentionMonths: orNull(retentionMonths()).optional(),
    archiveMonths: orNull(archiveMonths()).optional(),
    purposes: orNull(purposes()).optional(),
    requirePurpose: flag('requirePurpose').optional(),
    requirePerson: flag('requirePerson').optional(),
    cprLikeCaseNumbers: flag('cprLikeCaseNumbers').optional(),
    handoverKey: orNull(publicKey()).optional(),
  });

/** A municipality's settings as they are shown. */
export const SettingsView = () =>
  z
    .strictObject({
      version: whole('Number of the version, which each change makes one more (version).', 1, Number.MAX_SAFE_INTEGER),
      kle: kle().optional(),
      accessLogMonths: accessLogMonths().optional(),
      retentionMonths: retentionMonths().optional(),
      archiveMonths: archiveMonths().optional(),
      purposes: purposes().optional(),
      requirePurpose: flag('requirePurpose'),
      requirePerson: flag('requirePerson'),
      cprLikeCaseNumbers: flag('cprLikeCaseNumbers'),
      handoverKey: publicKey().optional(),
      changedAt: instant('When they were last changed, UTC (ændret); absent before the first change.').optional(),
      changedBy: z.string().describe('Id of the client that changed them last (ændret af).').optional(),
    })
    .meta({
      description: 'Indstillinger. How the municipality’s record is kept, which the municipality itself decides.',
      examples: [
        {
          version: 2,
          kle: '27.24.00',
          retentionMonths: 60,
          requirePurpose: true,
          requirePerson: false,
          cprLikeCaseNumbers: false,
          changedAt: '2026-11-20T09:00:00.000Z',
          changedBy: '7n2k4m6p8q0r1s3t5u7v9w1x3y',
        },
      ],
    });

interface Standing {
  readonly rowVersion: number;
  readonly tenant: Tenant;
  readonly state: SettingsState | undefined;
}

/** Reads the municipality's own row, since what a context remembers may be a minute old. */
async function standingOf(ctx: Context): Promise<Standing> {
  const row = (await ctx.control.get(ownMunicipalityKey)) as Record<string, unknown>;
  return {
    rowVersion: row['version'] as number,
    tenant: row['tenant'] as Tenant,
    state: row['settings'] as SettingsState | undefined,
  };
}

function settingsOf(tenant: Tenant): Record<SettingName, unknown> {
  const chosen = Object.fromEntries(FIELDS.map((name) => [name, tenant[name]]));
  const flags = Object.fromEntries(
    Object.keys(FLAGS).map((name) => [name, tenant[name as keyof typeof FLAGS] ?? false]),
  );
  return { ...chosen, ...flags } as Record<SettingName, unknown>;
}

function shown(tenant: Tenant, state: SettingsState | undefined): Answer {
  const version = state?.version ?? 1;
  const changed = state && { changedAt: state.at, changedBy: state.by };
  return {
    status: 200,
    body: { version, ...settingsOf(tenant), ...changed },
    headers: { etag: etagOf(version) },
  };
}

async function getSettings(ctx: Context): Promise<Answer> {
  const { tenant, state } = await standingOf(ctx);
  return shown(tenant, state);
}

/**
 * Changes settings by a merge patch and tells it in one transaction. The event names which were changed, not their values.
 * A change that changes nothing writes nothing.
 */
async function patchSettings(ctx: Context, request: ApiRequest): Promise<Answer> {
  const patch = parse(SettingsPatch(), request.body);
  const { rowVersion, tenant: before, state } = await standingOf(ctx);
  requireMatch(preconditionsOf(request), state?.version ?? 1);
  const tenant = mergePatch({ ...before }, patch) as unknown as Tenant;
  // A key is replaced as a whole: members of another kind of key must not stay in it.
  const after: Tenant = patch.handoverKey ? { ...tenant, handoverKey: patch.handoverKey } : tenant;
  const changed = changedFields(settingsOf(before), settingsOf(after));
  if (changed.length === 0) return shown(before, state);
  const id = newEventId(ctx.tenant.code, ctx.now);
  const next: SettingsState = { version: (state?.version ?? 1) + 1, at: ctx.now, by: ctx.actor.id, lastEvent: id };
  const told = accessEventWrite(ctx, {
    id,
    name: 'access.settings_changed',
    objectType: 'settings',
    objectId: ctx.tenant.code,
    objectVersion: next.version,
    action: 'updated',
    changed,
    previous: state?.lastEvent,
  });
  const row = ctx.control.prepare({
    kind: 'update',
    key: ownMunicipalityKey,
    condition: isVersion(rowVersion),
    set: { tenant: after, settings: next },
    add: { version: 1 },
  });
  try {
    await ctx.table.transact([told], [row]);
  } catch (error) {
    if (!(error instanceof WriteRefused)) throw error;
    throw new Problem('in_flight', 'The settings are being changed by another request. Try again.', [], {
      'retry-after': '1',
    });
  }
  return shown(after, next);
}

const path = '/v1/municipalities/{code}/settings';

/** The operations by which a municipality says itself how its record is kept. */
export const settingsOperations = (): Operation<Context>[] => [
  {
    id: 'get-settings',
    method: 'GET',
    path,
    scope: 'grants:read',
    tag: 'settings',
    summary: 'Get the municipality’s settings',
    manner: 'read',
    success: { status: 200, description: 'The settings.', body: SettingsView },
    problems: [],
    run: getSettings,
  },
  {
    id: 'update-settings',
    method: 'PATCH',
    path,
    scope: 'grants:write',
    tag: 'settings',
    summary: 'Change the municipality’s settings',
    description:
      'A JSON merge patch (RFC 7396): null removes. It works within a minute, and the history tells which settings were changed.',
    manner: 'change',
    body: SettingsPatch,
    success: { status: 200, description: 'The settings.', body: SettingsView },
    problems: ['validation_failed', 'in_flight'],
    example: { retentionMonths: 60, requirePurpose: true },
    run: patchSettings,
  },
];
