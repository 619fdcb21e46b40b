import * as z from 'zod';
import { secret } from '../record/fields.ts';

/** Headers that a municipality wants on every webhook, by name; the values may be credentials. */
export type CustomHeaders = Readonly<Record<string, string>>;

const MOST_HEADERS = 20;

/** A field name of HTTP (RFC 9110 §5.6.2). */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** A field value (RFC 9110 §5.5) in ASCII: no control character, so nothing can be smuggled in after a line's end. */
const VALUE = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;

/** Headers that are ours or the connection's: hop-by-hop ones (RFC 9110 §7.6.1), and those that say where it goes and what it holds. */
const RESERVED = new Set([
  'connection',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);
const RESERVED_STARTS = ['content-', 'webhook-'];

const isReserved = (name: string): boolean =>
  RESERVED.has(name) || RESERVED_STARTS.some((start) => name.startsWith(start));

/** Says what is wrong with the names. Looks at no name where there are too many, so the work stays that of {@link MOST_HEADERS}. */
function checkNames(headers: CustomHeaders, check: z.core.$RefinementCtx): void {
  const names = Object.keys(headers);
  if (names.length > MOST_HEADERS) {
    check.addIssue({
      code: 'too_big',
      origin: 'array',
      maximum: MOST_HEADERS,
      message: 'At most 20 headers are allowed.',
    });
    return;
  }
  const seen = new Set<string>();
  for (const given of names) {
    const name = given.toLowerCase();
    const path = [given];
    if (isReserved(name)) check.addIssue({ code: 'custom', path, message: 'Livline sets this header itself.' });
    if (seen.has(name)) check.addIssue({ code: 'custom', path, message: 'The same header stands here twice.' });
    seen.add(name);
  }
}

/** The field `headers` of an endpoint. Only the names are ever shown. */
export const customHeaders = () =>
  secret(
    z
      .record(
        z.string().regex(NAME),
        z.string().max(2_000).regex(VALUE, 'A header value must be printable ASCII on one line.'),
        {
          error: ({ code }) => (code === 'invalid_key' ? 'This is not the name of a header.' : undefined),
        },
      )
      .superRefine(checkNames)
      .describe(
        'Headers to send with every webhook (egne headere), at most 20, such as an API key. The values are not shown again. Not those of the connection, of the content, of the signature, nor Host and User-Agent.',
      ),
  );
