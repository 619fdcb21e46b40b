import { ACCESS_MUTANTS } from './access-mutants.ts';
import { DUTY_MUTANTS } from './duty-mutants.ts';
import { GATE_MUTANTS } from './gate-mutants.ts';
import { PRINCIPAL_MUTANTS } from './principal-mutants.ts';
import { PROOF_MUTANTS } from './proof-mutants.ts';
import { ROWS_MUTANTS } from './rows-mutants.ts';
import { WALL_MUTANTS } from './wall-mutants.ts';

/** A guard, and the product without it. */
export interface Mutant {
  /** Which guard is gone. */
  readonly name: string;
  /** The module that holds it, and what of its text becomes what. */
  readonly file: string;
  readonly without: readonly (readonly [from: string, to: string])[];
  /** The tests of the suite that are to notice. */
  readonly tests: readonly string[];
  /** The title of the one that notices, or a part of it, then a colon and a blank and its message, or a part of that. */
  readonly because: RegExp;
}

/** Returns the pattern of the titles of the tests that are to notice: all of their files where `because` has a message alone. */
export const titlesOf = ({ because }: Pick<Mutant, 'because'>): string => {
  const [title = ''] = because.source.split(': ');
  return title.startsWith('may not') ? '' : title;
};

const LAYERS = ['test/isolation/layers.test.ts'];
const CONTEXT = 'shared/auth/context.ts';
const GRANT = 'shared/auth/grant.ts';
const ACCESS = 'infra/table-access.ts';

/** What the keys of a context lack when one of these is gone, IAM alone refuses. */
export const WITHOUT_LAYER_1: readonly Mutant[] = [
  {
    name: 'the prefix of every key',
    file: 'shared/table/scoped-table.ts',
    without: [['encodeKey([...prefix, ...segments])', 'encodeKey(segments)']],
    tests: LAYERS,
    because: /may not \w+ (R|L|K|B|E)#/,
  },
  {
    name: 'the context’s own municipality in that prefix',
    file: CONTEXT,
    without: [
      [
        "allRows = scopedTable(within, ['T', code])",
        "allRows = scopedTable(within, ['T', code === '0101' ? '0147' : '0101'])",
      ],
    ],
    tests: LAYERS,
    because: /may not \w+ T#…#/,
  },
];

/**
 * Guards of the record, of access and of webhooks. A run of all takes some five minutes of CPU, so `.ci/run` and
 * `npm run mutants` make it, and `npm test` does not.
 */
const FURTHER_MUTANTS: readonly Mutant[] = [
  ...DUTY_MUTANTS,
  ...GATE_MUTANTS,
  ...PROOF_MUTANTS,
  ...ROWS_MUTANTS,
  ...WALL_MUTANTS,
  ...ACCESS_MUTANTS,
  ...PRINCIPAL_MUTANTS,
  {
    name: 'the dropping of an erased person’s key',
    file: 'shared/privacy/erase.ts',
    without: [['if (hasOwnKey(resource)) await dropKey(ctx, nameOfPerson(subjectId));', '']],
    tests: ['test/privacy/person-keys.test.ts'],
    because: /an old copy of what was said opens no more: .*promise resolved/,
  },
  {
    name: 'the check that nobody is held',
    file: 'shared/record/legal-hold.ts',
    without: [["'attribute_not_exists(#heldTo) OR #heldTo < :day'", "'attribute_not_exists(#none) OR #heldTo < :day'"]],
    tests: ['test/privacy/legal-hold-kept.test.ts'],
    because: /by a patch, a replacement and a status change.*: expected \[\] to deeply equal/,
  },
  {
    name: 'the check of plain text for CPR numbers',
    file: 'shared/record/validate.ts',
    without: [['if (places.length > 0) throw', 'if (false) throw']],
    tests: ['test/tenant-api/cpr-like.test.ts'],
    because: /by a change and a replacement as by a creation: expected \{ status: 'applicant'/,
  },
];

export const MUTANTS: readonly Mutant[] = [
  ...WITHOUT_LAYER_1,
  {
    name: 'the escaping of what callers put into keys',
    file: 'shared/table/keys.ts',
    without: [['segment.replace(UNSAFE,', 'segment.replace(/^$/,']],
    tests: ['test/table/keys.test.ts'],
    because: /can be read back as the list it was made of, whatever stands in that: Property failed/,
  },
  {
    name: 'the check of the grant',
    file: GRANT,
    without: [
      ["byType.get('grant')", "(byType.get('grant') ?? { scopes: ['families:read', 'families:write'], rows: 'all' })"],
    ],
    tests: LAYERS,
    because: /to a client that has no grant: expected \{ status: 200/,
  },
  {
    name: 'the check of the municipality’s status',
    file: GRANT,
    without: [['if (!grant || !tenant || !isAtWork(tenant.status))', 'if (!grant || !tenant)']],
    tests: LAYERS,
    because: /that is suspended: expected \{ status: 200/,
  },
  {
    name: 'the check of the scope',
    file: CONTEXT,
    without: [['if (!ctx.scopes.has(scope)) throw', 'if (false) throw']],
    tests: LAYERS,
    because: /without the scope of the operation: expected \{ status: 'applicant'/,
  },
  {
    name: 'the municipality in the condition of IAM',
    file: ACCESS,
    without: [["const HERE = '$' + '{aws:PrincipalTag/municipality}';", "const HERE = '*';"]],
    tests: LAYERS,
    because: /reach no other municipality: promise resolved/,
  },
  {
    name: 'the Null guard of IAM',
    file: ACCESS,
    without: [["Null: { 'dynamodb:LeadingKeys': 'false' },", '']],
    tests: LAYERS,
    because: /refuses what names no key, were such an action ever granted: promise resolved/,
  },
  {
    name: 'the tag that a session must have',
    file: ACCESS,
    without: [
      [
        "'aws:RequestTag/municipality': allMunicipalities().map(({ code }) => code)",
        "'aws:RequestTag/municipality': ['*']",
      ],
      ["StringEquals: { 'aws:Req", "StringLike: { 'aws:Req"],
    ],
    tests: LAYERS,
    because: /for a municipality, tagged with nothing else: promise resolved/,
  },
  {
    name: 'the tag of the key that a session may unwrap by',
    file: 'infra/key-access.ts',
    without: [['[MUNICIPALITY_TAG]: HERE,', '']],
    tests: LAYERS,
    because: /unwrap by no other’s key, and for the purposes of its work alone: expected true to be false/,
  },
  {
    name: 'the purpose of the key that a session may unwrap',
    file: 'infra/key-access.ts',
    without: [["'kms:EncryptionContext:purpose': purposes,", '']],
    tests: LAYERS,
    because: /for the purposes of its work alone: purposes of keys: expected \[/,
  },
  {
    name: 'the check of the execution environment',
    file: 'functions/municipality-context.ts',
    without: [['deps.perTenant && decoded(tenantId) !== code', 'false']],
    tests: LAYERS,
    because: /serves no other, and reads nothing for it: expected 200 to be 500/,
  },
  ...(process.env['ALL_MUTANTS'] === '1' ? FURTHER_MUTANTS : []),
];

/** What became of the tests of one mutant. */
export interface Outcome {
  readonly passed: number;
  /** Name and first message of each test that failed. */
  readonly failed: readonly string[];
}

/** The run without any mutation is one more. */
export const WHOLE = 'nothing';
