import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import type { Delegation } from '../auth/principals.ts';
import { TENANT_SCOPES } from '../auth/scopes.ts';
import { Problem } from '../errors.ts';
import { group, oneOf } from '../record/fields.ts';
import type { Fields } from '../record/resource.ts';

/** The field `owner` of an endpoint or a connection: the client for which it acts, and what that client handed to it. */
export const owner = () =>
  group('The client for which it acts (ejer): whoever made it, or adopted it since.', {
    clientId: z.string().meta({
      description: 'Id of the client (klient-id). It acts only while this client has a live grant.',
      examples: ['4p8v1m2q7r9s3t5u6w0x1y2z3a'],
    }),
    scopes: z
      .array(z.enum(TENANT_SCOPES).describe('A scope.'))
      .describe('What it may do at most (rettigheder): what the client held then. Its grant may give less by now.'),
    rows: oneOf('Which records it concerns at most (synlige poster): all, or those of its own organisation.', [
      'own',
      'all',
    ]),
  });

/** What the client of a context hands to what it makes: its scopes that end like this. */
export const delegationOf = (ctx: Context, kind: 'read' | 'write'): Delegation => ({
  clientId: ctx.actor.id,
  scopes: TENANT_SCOPES.filter((scope) => scope.endsWith(`:${kind}`) && ctx.scopes.has(scope)),
  rows: ctx.rows,
});

/** What the owner of a principal handed to it. */
export const ownerOf = (principal: object): Delegation => (principal as { owner: Delegation }).owner;

/**
 * Throws `forbidden` unless the caller may change a principal: a client of its owner's organisation, which could do all
 * that the principal does. Otherwise a client could send events where it likes that it may not read itself. Livline
 * itself, which disables an endpoint that fails, may.
 */
export function requireControl({ actor, scopes, rows }: Context, principal: Fields): void {
  if (actor.kind !== 'client') return;
  if (principal['source'] !== actor.organisation) {
    throw new Problem('forbidden', 'Another organisation owns it. Adopt it to change it, or delete it.');
  }
  const { clientId, scopes: handed, rows: seen } = ownerOf(principal);
  if (clientId === actor.id) return;
  const beyond = handed.filter((scope) => !scopes.has(scope));
  if (beyond.length > 0) {
    throw new Problem('forbidden', `It acts for another client with scopes that this one lacks: ${beyond.join(', ')}.`);
  }
  if (seen === 'all' && rows === 'own') {
    throw new Problem('forbidden', 'It acts for another client that sees more records than this one.');
  }
}

/** Whether a change hands a principal to another client, as adopting it does. */
export const isHandedOver = (before: Fields, after: Fields): boolean =>
  ownerOf(before).clientId !== ownerOf(after).clientId;
