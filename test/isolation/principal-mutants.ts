import type { Mutant } from './mutants.ts';

const AUDIENCE = 'shared/webhooks/audience.ts';
const ENDPOINTS = ['test/webhooks/endpoint-authority.test.ts'];
const ORIGINS = 'shared/webhooks/origins.ts';
const SECRETS = ['test/webhooks/secret-origins.test.ts'];

/** The guards of endpoints and connections as principals. */
export const PRINCIPAL_MUTANTS: readonly Mutant[] = [
  {
    name: 'the live grant of an endpoint’s owner',
    file: AUDIENCE,
    without: [["return isForAll || owner.scopes.includes(scope) ? 'hold' : 'skip';", "return 'post';"]],
    tests: ENDPOINTS,
    because: /is posted nothing after 60 seconds, .*: made before, and judged again: expected \[/,
  },
  {
    name: 'the scope of an event’s object',
    file: AUDIENCE,
    without: [["if (!authority.scopes.has(scope)) return 'skip';", '']],
    tests: ENDPOINTS,
    because: /whose type its owner could read when it made it: expected \[/,
  },
  {
    name: 'the own rows of an endpoint’s owner',
    file: AUDIENCE,
    without: [["authority.rows === 'all' || source === authority.organisation ? 'post' : 'skip'", "'post'"]],
    tests: ENDPOINTS,
    because: /is posted only events about those: expected \[/,
  },
  {
    name: 'the live grant of a connection’s owner',
    file: 'shared/auth/signature.ts',
    without: [
      [
        'if (!authority) throw notSigned();\n  return { ctx: principals.contextOf(within, connectionId, authority), kinds };',
        "const held = authority ?? { organisation: 'municipal', scopes: new Set(owner.scopes), rows: 'all' as const };\n  return { ctx: principals.contextOf(within, connectionId, held), kinds };",
      ],
    ],
    tests: ['test/webhooks/connection-authority.test.ts'],
    because: /is answered 401 within 60 seconds, .*: expected \{/,
  },
  {
    name: 'the origins that secrets are bound to, when an endpoint is changed',
    file: ORIGINS,
    without: [['if (errors.length > 0)', 'if (errors.length > 9)']],
    tests: SECRETS,
    because: /whoever changes the url sends its headers again: expected \{ status: 200/,
  },
  {
    name: 'the origins that secrets are bound to, when something is posted',
    file: ORIGINS,
    without: [['return allowed ? undefined', 'return allowed || true ? undefined']],
    tests: SECRETS,
    because: /is posted nothing, by a delivery or a test, and both say why: expected/,
  },
];
