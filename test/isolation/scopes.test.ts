import { beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_SCOPES, TENANT_SCOPES, type TenantScope } from '#shared/auth/scopes.ts';
import type { Operation } from '#shared/operation.ts';
import { privacyOperations } from '#shared/privacy/operations.ts';
import { recordOperations } from '#shared/resources/registry.ts';
import { grantOperations } from '#shared/tenancy/grant-operations.ts';
import { adminOperations } from '#shared/tenancy/operations.ts';
import { webhookOperations } from '#shared/webhooks/operations.ts';
import { type Caller, type Livline, OPERATOR, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';
import { WEBHOOKS_UNUSED } from '#test/support/unused.ts';

/**
 * Every operation under every set of scopes that can tell: each scope alone, all but its own, all, and none. Whether it is
 * let in depends on one scope, so these sets stand for the 2^n there are; random ones of them are tried as well.
 */
let livline: Livline;
let at: Caller;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  // The client's first request of the day, which is noted whatever it asks for.
  await at.get('/families');
});

const operations = [
  ...recordOperations(),
  ...webhookOperations(WEBHOOKS_UNUSED),
  ...privacyOperations(),
  ...grantOperations(
    async () => new Map(),
    async () => undefined,
  ),
];
const UNKNOWN = '01930000-0000-7000-8000-0000000000ff';
/** The path with ids that name nothing: whoever is let in is answered, with whatever it may be, but no 403. */
const pathOf = ({ path }: { path: string }) =>
  path
    .replace('/v1/municipalities/{code}', '')
    .replaceAll('{source}', 'municipal')
    .replaceAll(/\{\w+\}/g, UNKNOWN);

/** Sets of scopes by some fixed randomness. */
function* someSets(): Generator<TenantScope[]> {
  let seed = 20_261_122;
  for (let round = 0; round < 4; round += 1) {
    yield TENANT_SCOPES.filter(() => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % 2 === 0;
    });
  }
}

describe.each(operations)('$id', (operation: Operation<never>) => {
  const { scope, also = [], either = [], method } = operation;
  const setsWithout = [
    [],
    TENANT_SCOPES.filter((each) => each !== scope),
    ...TENANT_SCOPES.filter((each) => each !== scope).map((each) => [each]),
    ...[...someSets()].map((set) => set.filter((each) => each !== scope)),
  ];

  it('declares a scope that clients can be granted', () => {
    expect(TENANT_SCOPES).toContain(scope);
  });

  it('refuses every set of scopes without its own, before it looks at anything', async () => {
    const requests = await livline.requestsOf(async () => {
      for (const set of setsWithout) {
        const reply = await at.withScopes(...set).send(method, pathOf(operation), { raw: '{' });
        expectProblem(reply, 403, 'forbidden');
      }
    });
    // The context is all that is read, once for each set that was not met before, and a quota is leased.
    const others = requests.filter(({ command, input }) => command !== 'BatchGetItem' && !/#Q$/.test(input.Key?.pk));
    expect(others).toEqual([]);
  });

  it('lets its own scope in, with those it needs besides, and with no one of them missing', async () => {
    const needed = [scope, ...also];
    for (const missing of needed) {
      const rest = [...needed.filter((each) => each !== missing), ...either];
      expectProblem(await at.withScopes(...rest).send(method, pathOf(operation), { raw: '{' }), 403, 'forbidden');
    }
    for (const one of either.length > 0 ? either : [scope]) {
      const reply = await at.withScopes(...needed, one).send(method, pathOf(operation), { body: {} });
      expect([401, 403]).not.toContain(reply.status);
    }
    if (either.length > 0)
      expectProblem(await at.withScopes(...needed).send(method, pathOf(operation), { raw: '{' }), 403, 'forbidden');
  });
});

describe('an operation of the operators', () => {
  const token = (client: string, scopes: readonly string[]) => ({
    client_id: client,
    scope: scopes.map((scope) => `livline/${scope}`).join(' '),
  });
  const adminPath = ({ path }: { path: string }) => path.replaceAll(/\{\w+\}/g, 'unknown');

  it.each(adminOperations())(
    '$id refuses whoever is not the operator, and the operator without its scope',
    async (operation) => {
      const { scope, method } = operation;
      expect(ADMIN_SCOPES).toContain(scope);
      const others = ADMIN_SCOPES.filter((each) => each !== scope);
      const callers = [
        token(at.clientId, [...ADMIN_SCOPES, ...TENANT_SCOPES]),
        token(OPERATOR, others),
        token(OPERATOR, TENANT_SCOPES),
        token(OPERATOR, []),
      ];
      const requests = await livline.requestsOf(async () => {
        for (const claims of callers)
          expectProblem(await livline.admin(adminPath(operation), method, claims, { raw: '{' }), 403, 'forbidden');
        expectProblem(
          await livline.admin(adminPath(operation), method, undefined, { raw: '{' }),
          401,
          'unauthenticated',
        );
      });
      expect(requests).toEqual([]);
    },
  );
});

it('no route compiles without a scope', () => {
  // @ts-expect-error: an operation names the scope that it needs
  const open: Operation<never> = {
    id: 'open',
    method: 'GET',
    path: '/open',
    tag: 'x',
    summary: 'x',
    manner: 'read',
    success: { status: 200, description: 'x' },
    problems: [],
    run: () => Promise.reject(new Error('never')),
  };
  expect(open.scope).toBeUndefined();
});
