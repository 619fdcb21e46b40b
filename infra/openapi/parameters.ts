import { PURPOSES } from '#shared/privacy/access-log.ts';
import { pageParameters } from '#shared/record/lists.ts';
import { mapValues } from './json-schema.ts';
import { queryParameter } from './operations.ts';

const UUID = '^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$';

interface Text {
  readonly description: string;
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly enum?: readonly string[];
  readonly example: string;
}

const purposes = Object.entries(PURPOSES).map(([name, danish]) => `\`${name}\` (${danish})`);

const PATH: Readonly<Record<string, Text>> = {
  code: { description: 'Municipality code of four digits (kommunekode).', pattern: '^\\d{4}$', example: '0766' },
  id: { description: 'Id of the record.', pattern: UUID, example: '01930000-0000-7000-8000-000000000003' },
  parentId: {
    description: 'Id of the record that it belongs to.',
    pattern: UUID,
    example: '01930000-0000-7000-8000-000000000007',
  },
  partId: {
    description: 'Id of the part of that record that it belongs to.',
    pattern: UUID,
    example: '01930000-0000-7000-8000-000000000031',
  },
  deliveryId: {
    description: 'Id of the delivery.',
    pattern: '^dlv_[0-9a-f]{32}$',
    example: 'dlv_6f1c0b9e2d4a48b7a3e5c1d0f9b8a7c6',
  },
  source: {
    description: '`municipal`, or the id of the partner whose id it is (kilde).',
    maxLength: 50,
    example: 'carelink',
  },
  externalId: {
    description: 'The id that the source gave the record, percent-encoded.',
    pattern: '^[^#/]{1,200}$',
    example: 'F-1001',
  },
  clientId: { description: 'Id of the client.', pattern: '^[\\w-]{1,128}$', example: '4p8v1m2q7r9s3t5u6w0x1y2z3a' },
  credentialId: {
    description: 'Id of the credential.',
    pattern: '^[\\w-]{1,128}$',
    example: '4p8v1m2q7r9s3t5u6w0x1y2z3a--1795164900',
  },
  partnerId: { description: 'Id of the partner.', maxLength: 40, example: 'carelink' },
};

const HEADERS: Readonly<Record<string, Text>> = {
  'Idempotency-Key': {
    description:
      'A key of your own for this request, such as a UUID. Within 7 days the same request with the same key gets the first answer again and changes nothing; another request with it is refused.',
    pattern: '^[\\x21-\\x7e]{1,255}$',
    example: '0b8f6f0e-4c1e-4c57-9d43-1f6c2a7c9b10',
  },
  'If-None-Match': {
    description:
      'ETags that you have, or `*`. A read answers 304 without a body where one of them is still right; a PUT is refused with 412, so `*` creates and overwrites nothing.',
    example: '"3"',
  },
  'X-Access-Purpose': {
    description: `Why sensitive data is read (formål): ${purposes.join(', ')}. Whatever the answer shows of it stands in the access log with this before it leaves, that to HEAD and a 304 too; without the header as \`unstated\`.`,
    enum: Object.keys(PURPOSES),
    example: 'casework',
  },
  'X-Access-Person': {
    description:
      'The person behind an interactive client (person), by a stable id of the municipality that is no CPR number. It stands in the access log. A municipality may ask for it.',
    pattern: '^[\\w.@-]{1,64}$',
    example: 'b4c1e6d0-medarbejder',
  },
  'X-Request-Id': {
    description: 'Your own id for the request, which logs and the answer carry. One is made if you send none.',
    pattern: '^[\\w-]{8,64}$',
    example: '7f1d0a52-3c0e-4b8e-9a53-6f0f8a1f6c11',
  },
};

const IF_MATCH = 'The ETag of the version that you read. The change is refused if there is a newer one.';

/** A parameter that is a text. */
export const textParameter = (
  name: string,
  place: 'path' | 'header',
  { description, example, ...rest }: Text,
): object => ({
  name,
  in: place,
  ...(place === 'path' && { required: true }),
  description,
  schema: { type: 'string', ...rest },
  example,
});

/** The parameters that operations share, by name. */
export const parameterComponents = (): Record<string, unknown> => ({
  ...mapValues(PATH, (text, name) => textParameter(name, 'path', text)),
  ...mapValues(pageParameters(), (schema, name) => queryParameter(name, schema)),
  ...mapValues(HEADERS, (text, name) => textParameter(name, 'header', text)),
  'If-Match': {
    ...textParameter('If-Match', 'header', { description: IF_MATCH, example: '"3"' }),
    required: true,
  },
  'If-Match-optional': textParameter('If-Match', 'header', {
    description: `${IF_MATCH} May be left out here.`,
    example: '"3"',
  }),
});

const header = (description: string, example: string | number): object => ({
  description,
  schema: { type: typeof example === 'number' ? 'integer' : 'string' },
  example,
});

/** The headers of answers, by name. */
export const headerComponents = (): Record<string, unknown> => ({
  'X-Request-Id': header('The id under which the request was logged.', '7f1d0a52-3c0e-4b8e-9a53-6f0f8a1f6c11'),
  ETag: header('The version of the record, for If-Match and If-None-Match.', '"3"'),
  Location: header(
    'Path of what was created, as it follows the address of this API.',
    '/v1/municipalities/0766/families/01930000-0000-7000-8000-000000000003',
  ),
  Link: header(
    'The next page (RFC 8288), relative to the request; absent on the last one.',
    '<?cursor=a0Z3b2xkMjAyNi0xMS0yMHRpbWVsaW5l>; rel="next"',
  ),
  'Idempotency-Replayed': header('`true` where this is the answer that the key got the first time.', 'true'),
  'RateLimit-Policy': header(
    'Units `q` that the client may spend in each `w` seconds in this municipality, in the unit `qu`; with `refused`, requests without a grant.',
    '"default";q=6000;qu="units";w=60',
  ),
  RateLimit: header(
    'Units `r` that are left of them, at most, and the seconds `t` until there are `q` again.',
    '"default";r=5995;t=42',
  ),
  'Retry-After': header('After how many seconds to send the request again.', 1),
  'WWW-Authenticate': header(
    'How to authenticate (RFC 6750): with `error="invalid_token"` where a token was refused, and with `error="insufficient_scope"` and the `scope` that is missing on a 403.',
    'Bearer error="invalid_token"',
  ),
  'Accept-Patch': header('What a PATCH may send (RFC 5789).', 'application/merge-patch+json, application/json'),
});
