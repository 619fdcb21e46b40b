import * as z from 'zod';
import { ADMIN_SCOPES } from '../auth/scopes.ts';
import { Problem } from '../errors.ts';
import { memory } from '../memory.ts';
import type { Answer } from '../operation.ts';
import { instant } from '../record/fields.ts';
import { parse } from '../record/validate.ts';
import { operatorsKey } from '../table/keys.ts';
import type { ScopedTable } from '../table/scoped-table.ts';
import { unchangedSince, WriteRefused } from '../table/write.ts';
import { type Instant, instantOf } from '../time.ts';
import { lastLive } from './client-row.ts';
import { NewPartnerClient } from './client-views.ts';
import { shownOnce } from './clients.ts';
import type { OperatorContext } from './control.ts';
import type { SecretInfo } from './identity.ts';

/** How long the operators are remembered, in milliseconds: one that is removed is refused within this time. */
const TRUST_MS = 60_000;
/** More are somebody's mistake, and all stand in one row. */
const MOST = 20;

/** A client that may operate Livline. */
export interface OperatorRow {
  readonly clientId: string;
  readonly name: string;
  readonly createdAt?: Instant;
  readonly createdBy?: string;
  /** Tokens issued before this, in epoch seconds, are refused: one of its credentials was ended. */
  readonly tokensSince?: number;
  /** The credential that is being ended, until it is. */
  readonly ending?: string;
}

interface Operators {
  readonly version: number;
  readonly operators: readonly OperatorRow[];
}

/**
 * Reads the clients that may operate Livline. They stand in one row, so the last one cannot be removed by two requests at
 * once. Before anybody was added there is no row, and the one client that was made together with the user pool operates.
 */
async function readOperators(control: ScopedTable, firstId: string): Promise<Operators> {
  const row = await control.get(operatorsKey);
  if (!row) return { version: 0, operators: [{ clientId: firstId, name: 'operator' }] };
  return { version: row['version'] as number, operators: row['operators'] as OperatorRow[] };
}

/** Finds an operator by the id of its client, remembered for a minute. */
export function operatorFinder(control: ScopedTable, firstId: string, now: () => Date) {
  const remembered = memory<Operators>({ most: 1, now, until: (_, askedAt) => askedAt + TRUST_MS });
  return async (clientId: string): Promise<OperatorRow | undefined> => {
    const { operators } = await remembered.get('operators', () => readOperators(control, firstId));
    return operators.find((operator) => operator.clientId === clientId);
  };
}

const inFlight = () =>
  new Problem('in_flight', 'The operators are being changed by another request. Try again.', [], {
    'retry-after': '1',
  });
const noOperator = () => new Problem('not_found', 'There is no such operator.');

async function write(ctx: OperatorContext, before: Operators, operators: readonly OperatorRow[]): Promise<void> {
  const item = { type: 'operators', version: before.version + 1, operators };
  try {
    await ctx.control.write({ kind: 'put', key: operatorsKey, condition: unchangedSince(before.version), item });
  } catch (error) {
    throw error instanceof WriteRefused ? inFlight() : error;
  }
}

const read = (ctx: OperatorContext): Promise<Operators> => readOperators(ctx.control, ctx.firstOperatorId);

function requireOperator({ operators }: Operators, clientId: string): OperatorRow {
  const found = operators.find((operator) => operator.clientId === clientId);
  if (!found) throw noOperator();
  return found;
}

/** An operator as it is shown. */
export const OperatorView = () =>
  z
    .strictObject({
      clientId: z.string().describe('Id of the client at the token issuer (klient-id).'),
      name: z.string().describe('Who uses it (navn), a role or a system.'),
      createdAt: instant('When it was made, UTC (oprettet); absent for the first.').optional(),
      createdBy: z.string().describe('Id of the operator client that made it (oprettet af).').optional(),
    })
    .meta({
      description: 'Driftsklient. A client that may operate Livline.',
      examples: [
        {
          clientId: '2b7c4d9e1f6g3h8j5k0l2m7n4p',
          name: 'Vagthavende',
          createdAt: '2026-11-20T08:50:00.000Z',
          createdBy: '1a6b3c8d0e5f2g7h4j9k1l6m3n',
        },
      ],
    });

/** An operator with its credentials. */
export const OperatorDetailsView = () =>
  z
    .strictObject({
      ...OperatorView().shape,
      credentials: z
        .array(
          z.strictObject({
            id: z.string().describe('Id of the credential (id).'),
            createdAt: instant('When it was made, UTC (oprettet).'),
          }),
        )
        .max(2)
        .describe('Its live credentials (adgangsoplysninger), never their secrets.'),
    })
    .meta({
      description: 'Driftsklient. A client that may operate Livline, with its credentials.',
      examples: [
        {
          clientId: '2b7c4d9e1f6g3h8j5k0l2m7n4p',
          name: 'Vagthavende',
          createdAt: '2026-11-20T08:50:00.000Z',
          createdBy: '1a6b3c8d0e5f2g7h4j9k1l6m3n',
          credentials: [{ id: '2b7c4d9e1f6g3h8j5k0l2m7n4p--1795164900', createdAt: '2026-11-20T08:50:00.000Z' }],
        },
      ],
    });

const shown = ({ clientId, name, createdAt, createdBy }: OperatorRow) => ({ clientId, name, createdAt, createdBy });

/** Returns the operators. */
export async function listOperators(ctx: OperatorContext): Promise<Answer> {
  return { status: 200, body: { items: (await read(ctx)).operators.map(shown) } };
}

/** Returns an operator with its credentials, never their secrets. */
export async function getOperator(ctx: OperatorContext, clientId: string): Promise<Answer> {
  const operator = requireOperator(await read(ctx), clientId);
  const credentials = (await ctx.identity.listSecrets(clientId)).map(credentialShown);
  return { status: 200, body: { ...shown(operator), credentials } };
}

const credentialShown = ({ secretId, createdAt }: SecretInfo) => ({ id: secretId, createdAt: instantOf(createdAt) });

/** Makes another operator. Its secret is in the answer and nowhere else. */
export async function createOperator(ctx: OperatorContext, body: unknown): Promise<Answer> {
  const { name } = parse(NewPartnerClient(), body);
  const before = await read(ctx);
  if (before.operators.length >= MOST) throw new Problem('conflict', `There are ${MOST} operators at most.`);
  const credentials = await ctx.identity.createClient('operator', ADMIN_SCOPES);
  const { clientId } = credentials;
  const operator: OperatorRow = { clientId, name, createdAt: ctx.now, createdBy: ctx.operatorId };
  try {
    await write(ctx, before, [...before.operators, operator]);
  } catch (error) {
    const { operators } = await read(ctx);
    if (!operators.some((other) => other.clientId === clientId)) await ctx.identity.deleteClient(clientId);
    throw error;
  }
  return { status: 201, body: shownOnce(ctx, credentials), headers: { location: `v1/admin/operators/${clientId}` } };
}

/**
 * Removes an operator: it is refused within a minute. The last one stays. The client that was made together with the user
 * pool stays at the issuer, which the deployment made it in, and may do nothing any more.
 */
export async function removeOperator(ctx: OperatorContext, clientId: string): Promise<Answer> {
  const before = await read(ctx);
  requireOperator(before, clientId);
  if (before.operators.length === 1) throw new Problem('conflict', 'The last operator cannot be removed.');
  await write(
    ctx,
    before,
    before.operators.filter((operator) => operator.clientId !== clientId),
  );
  if (clientId !== ctx.firstOperatorId) await ctx.identity.deleteClient(clientId);
  return { status: 204 };
}

/** Gives an operator a second credential: both work until one is ended. */
export async function addOperatorCredential(ctx: OperatorContext, clientId: string): Promise<Answer> {
  requireOperator(await read(ctx), clientId);
  const { clientSecret, ...info } = await ctx.identity.addSecret(clientId);
  const credential = { ...credentialShown(info), clientId, clientSecret, tokenUrl: ctx.tokenUrl };
  return {
    status: 201,
    body: { credential },
    headers: { location: `v1/admin/operators/${clientId}/credentials/${info.secretId}` },
  };
}

const nextSecond = (now: Date): number => Math.floor(now.getTime() / 1000) + 1;

/** Ends one of an operator's two credentials, as a client's is ended (credentials.ts), and the tokens got until then. */
export async function endOperatorCredential(
  ctx: OperatorContext,
  clientId: string,
  credentialId: string,
): Promise<Answer> {
  const { ending } = requireOperator(await read(ctx), clientId);
  const secrets = await ctx.identity.listSecrets(clientId);
  const lives = secrets.some(({ secretId }) => secretId === credentialId);
  if (!lives && ending !== credentialId) throw new Problem('not_found', 'The operator has no such credential.');
  if (lives && secrets.length === 1) throw lastLive();
  await mark(ctx, clientId, { ending: credentialId });
  if (lives) await ctx.identity.deleteSecret(clientId, credentialId);
  await mark(ctx, clientId, {});
  return { status: 204 };
}

async function mark(ctx: OperatorContext, clientId: string, set: Pick<OperatorRow, 'ending'>): Promise<void> {
  const before = await read(ctx);
  const tokensSince = nextSecond(ctx.clock());
  const marked = before.operators.map(({ ending: _, ...operator }) =>
    operator.clientId === clientId ? { ...operator, tokensSince, ...set } : operator,
  );
  await write(ctx, before, marked);
}
