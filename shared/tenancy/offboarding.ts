import type { Buckets } from '../archive/bucket.ts';
import type { ObjectEntry } from '../archive/ndjson.ts';
import type { Context } from '../auth/context.ts';
import { handoverContext } from '../auth/system.ts';
import type { KeyMaker } from '../crypto/key-maker.ts';
import { recipientOf } from '../crypto/recipient.ts';
import type { Link } from '../privacy/chain.ts';
import { pagesOf } from '../record/all.ts';
import type { Resource } from '../record/resource.ts';
import { duePartition } from '../table/keys.ts';
import type { Store } from '../table/store.ts';
import { WriteRefused } from '../table/write.ts';
import { type Instant, instantOf, plusSeconds } from '../time.ts';
import { numberEvents } from '../webhooks/relay.ts';
import type { CertificateSigner } from './certificates.ts';
import { controlTable } from './control.ts';
import { type Erased, eraseStep, type Position } from './erasure.ts';
import { contentsOf, type Handover, putContent, putEvents, putManifest } from './handover.ts';
import type { IdentityProvider } from './identity.ts';
import {
  loadMunicipality,
  type Municipality,
  type MunicipalityChange,
  municipalityEventId,
  municipalityWrite,
  nextMunicipality,
} from './municipality-row.ts';

/** What taking leave of municipalities needs from outside. */
export interface OffboardingDeps {
  readonly store: Store;
  readonly now: () => Date;
  readonly buckets: Buckets;
  readonly identity: IdentityProvider;
  readonly keys: KeyMaker;
  readonly certificates: CertificateSigner;
  /** Every resource that a municipality may have records of. */
  readonly resources: readonly Resource[];
}

/** How far a municipality has left. It is kept on its row, and whoever goes on begins there. */
export interface Offboarding {
  readonly startedAt: Instant;
  /** The objects that are written. */
  readonly files: readonly ObjectEntry[];
  /** The events as they were handed over: the last, and the webhook endpoints they tell of. */
  readonly history?: Link;
  readonly endpoints?: readonly string[];
  readonly manifest?: { readonly bytes: number; readonly sha256: string };
  readonly erased: Erased;
  /** Where the erasure is; absent once nothing is left. */
  readonly at?: Position | undefined;
  readonly erasedAt?: Instant;
}

/**
 * Seconds for which a municipality that leaves is let rest: a function may go on working for a minute with what it
 * remembers, and for a minute with what it has begun. Afterwards nobody writes there any more.
 */
const REST_S = 180;

interface Leaving {
  readonly deps: OffboardingDeps;
  readonly ctx: Context;
  readonly state: Offboarding;
  readonly before: Municipality;
}

/**
 * Goes on with a municipality's leave as long as there is time: its record is handed over, then its rows, clients and keys
 * are erased, then that is certified. It is made of steps. Each can be repeated without harm and ends with one write of
 * the municipality's row, on condition that nobody else took the step: so it goes on where another round ended or died.
 */
export async function offboard(
  deps: OffboardingDeps,
  code: string,
  requestId: string,
  hasTime: () => boolean,
): Promise<void> {
  const control = controlTable(deps.store);
  let before = await loadMunicipality(control, code);
  const restsUntil = plusSeconds(before.view['statusAt'] as Instant, REST_S);
  if (before.untold.length > 0 || instantOf(deps.now()) < restsUntil) return;
  while (before.tenant.status === 'offboarding' && hasTime()) {
    const change = await nextStep(deps, before, requestId);
    try {
      await control.write(municipalityWrite(before, change));
    } catch (error) {
      // Another round is at it, or the operator changed a setting: the next one goes on.
      if (error instanceof WriteRefused) return;
      throw error;
    }
    before = nextMunicipality(before, change);
  }
}

async function nextStep(deps: OffboardingDeps, before: Municipality, requestId: string): Promise<MunicipalityChange> {
  const { tenant, offboarding: state } = before;
  const ctx = handoverContext(deps.store, tenant, requestId, state ? new Date(state.startedAt) : deps.now());
  if (!state) {
    await numberAll(ctx, before);
    return { offboarding: { startedAt: ctx.now, files: [], erased: {}, at: { stage: 0 } } };
  }
  const leaving: Leaving = { deps, ctx, state, before };
  if (!state.manifest) return { offboarding: { ...state, ...(await handOver(leaving)) } };
  if (state.at) return { offboarding: { ...state, ...(await erase(leaving, state.at)) } };
  if (!state.erasedAt) {
    await deps.keys.destroyKey(tenant.code, tenant.sealing.keyId);
    return { offboarding: { ...state, erasedAt: instantOf(deps.now()) } };
  }
  return certify(leaving, state.erasedAt);
}

/** Numbers what the relay has not, so that the history is whole. Nobody is sent any of it. */
async function numberAll(ctx: Context, { tenant, lastEvent }: Municipality): Promise<void> {
  // Its own last event may be too young for the index.
  if (lastEvent !== undefined) await numberEvents(ctx, [municipalityEventId(tenant.code, lastEvent)]);
  for await (const rows of pagesOf(ctx.table, { index: 'due', partition: duePartition })) {
    const events = rows.filter((row) => row['type'] === 'event');
    if (events.length > 0)
      await numberEvents(
        ctx,
        events.map((row) => String(row['dueSk']).split('#')[2] as string),
      );
  }
}

const folderOf = ({ startedAt }: Offboarding): string => startedAt.replaceAll(/[:.]/g, '-');

/** The next object of the handover. */
async function handOver({ deps, ctx, state }: Leaving): Promise<Partial<Offboarding>> {
  const { buckets, resources } = deps;
  const { code, handoverKey } = ctx.tenant;
  const handover: Handover = {
    ctx,
    resources,
    bucket: buckets(code, 'handover'),
    folder: folderOf(state),
    recipient: handoverKey && (await recipientOf(handoverKey)),
  };
  const content = contentsOf(handover)[state.files.length];
  if (content !== undefined) return { files: [...state.files, await putContent(handover, content)] };
  if (state.history) return { manifest: await putManifest(handover, state.files, state.history) };
  const { entry, head, endpoints } = await putEvents(handover);
  return { files: [...state.files, entry], history: head, endpoints };
}

const erase = ({ deps, ctx, state }: Leaving, at: Position): Promise<Pick<Offboarding, 'at' | 'erased'>> => {
  const { store, identity, resources } = deps;
  const { endpoints = [], erased } = state;
  return eraseStep({ ctx, control: controlTable(store), identity, resources, endpoints }, { at, erased });
};

/** The last step: of the municipality its row is left, which holds no key any more, and the certificate. */
async function certify({ deps, state, before }: Leaving, erasedAt: Instant): Promise<MunicipalityChange> {
  const { code, name, cvr, sealing } = before.tenant;
  const { keyId } = sealing;
  const { startedAt, files, manifest, history, erased } = state;
  const certificate = await deps.certificates.sign({
    municipality: code,
    name,
    cvr,
    handover: { startedAt, folder: `handover/${code}/${folderOf(state)}`, files: files.length, manifest },
    history,
    erased,
    destroyedKey: keyId,
    erasedAt,
  });
  return {
    tenant: {
      code,
      name,
      cvr,
      status: 'deleted',
      cursorKey: '',
      sealing: { keyId, current: 0, wrapped: {}, secrets: {}, lookup: '', integrity: '' },
    },
    view: { ...before.view, statusAt: erasedAt },
    offboarding: undefined,
    certificate,
  };
}
