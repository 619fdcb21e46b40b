import type { Context } from '../auth/context.ts';
import type { TenantScope } from '../auth/scopes.ts';
import { type Answer, type ApiRequest, type Operation, param } from '../operation.ts';
import { preconditionsOf, requireMatch } from '../preconditions.ts';
import { once } from '../record/once.ts';
import { TENANT_BASE } from '../record/operations.ts';
import { loadOpened } from '../record/read.ts';
import type { Resource } from '../record/resource.ts';
import { viewSchema } from '../record/schemas.ts';
import { amend } from '../record/verbs.ts';
import { delegationOf } from './ownership.ts';

/**
 * Makes the caller's client the owner of an endpoint or a connection. Its address and its secrets stay as they are. From
 * then on it acts for the caller's organisation, with what the caller may do.
 */
const adopt = (ctx: Context, resource: Resource, request: ApiRequest, kind: 'read' | 'write'): Promise<Answer> =>
  once(ctx, undefined, async () => {
    const before = await loadOpened(ctx, resource, { id: param(request, 'id') });
    requireMatch(preconditionsOf(request), before.whole.version);
    const fields = { ...before.whole, source: ctx.actor.organisation, owner: delegationOf(ctx, kind) };
    return amend(ctx, resource, before, { fields, sent: {} });
  });

/** The operation by which a municipality takes over what a partner, or a client that it revoked, has left behind. */
export const adoption = (
  resource: Resource,
  kind: 'read' | 'write',
  also: readonly TenantScope[] = [],
): Operation<Context> => ({
  id: `adopt-${resource.name}`,
  method: 'POST',
  path: `${TENANT_BASE}/${resource.path}/{id}/adopt`,
  scope: resource.scopes.write,
  also: ['grants:write', ...also],
  tag: resource.path,
  summary: `Become the owner of a ${resource.name.replaceAll('-', ' ')}`,
  description:
    'It goes on under the grant of the client that asks, as that client’s organisation, with what that client may do now. Its address and secrets stay as they are, so adopt only what you want to go on with these; whoever knows the signing secret still knows it until you rotate it.',
  manner: 'change',
  success: { status: 200, description: 'As it stands now, with its new owner.', body: () => viewSchema(resource) },
  problems: ['conflict', 'precondition_required', 'precondition_failed', 'in_flight'],
  run: (ctx, request) => adopt(ctx, resource, request, kind),
});
