import type { Mutant } from './mutants.ts';

const GRANT = 'shared/auth/grant.ts';
const GRANTS = 'shared/tenancy/grants.ts';
const HAND_OVER = ['test/admin-api/handover-of-keys.test.ts'];
const TOLD = ['test/webhooks/told-to-all.test.ts'];

/** The guards of who may do what, and of what operators have seen. */
export const ACCESS_MUTANTS: readonly Mutant[] = [
  {
    name: 'the refusal to go live with a credential that an operator has seen',
    file: 'shared/tenancy/going-live.ts',
    without: [['clients.filter(({ isReplaced }) => !isReplaced)', 'clients.filter(() => false)']],
    tests: HAND_OVER,
    because: /going live is refused until it is replaced from inside: expected/,
  },
  {
    name: 'the refusal of a seen credential in a live municipality',
    file: GRANT,
    without: [["if (status === 'live' && isSeen) return false;", '']],
    tests: HAND_OVER,
    because: /is refused in a live municipality also when it is granted there later: expected/,
  },
  {
    name: 'the suspension by a credential that an operator adds',
    file: GRANT,
    without: [["return (client['epoch'] ?? 0) === (grant['epoch'] ?? 0);", 'return true;']],
    tests: HAND_OVER,
    because: /suspends its grants everywhere until each municipality confirms, and each is told: expected/,
  },
  {
    name: 'the number of credentials that a confirmation is for',
    file: GRANTS,
    without: [['if (seen !== client.epoch) {', 'if (Number.isNaN(seen)) {']],
    tests: HAND_OVER,
    because: /confirms no credential that it has not been told of: expected/,
  },
  {
    name: 'the last holder of grants:write',
    file: 'shared/tenancy/holders.ts',
    without: [["if (by === 'municipality' && leavesNobody(before, change)) throw lastHolder();", '']],
    tests: HAND_OVER,
    because: /stays also where another one’s token still says that it may revoke it: expected/,
  },
  {
    name: 'the scopes of a client’s maker',
    file: GRANTS,
    without: [['const beyond = scopes.filter((scope) => !ctx.scopes.has(scope));', 'const beyond: string[] = [];']],
    tests: HAND_OVER,
    because: /has no more rights than its maker, .*: expected/,
  },
  {
    name: 'the end of a recovered client as the owner of an endpoint',
    file: 'shared/auth/principals.ts',
    without: [[' || hasEnded(grant, now())', '']],
    tests: TOLD,
    because: /that a recovery gave and that was not replaced in time: expected/,
  },
  {
    name: 'that every endpoint hears of a recovery',
    file: 'shared/webhooks/audience.ts',
    without: [["if (isForAll) return 'post';", '']],
    tests: TOLD,
    because: /whatever its types, its scopes and its rows: expected/,
  },
];
