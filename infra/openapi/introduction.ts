/** What a reader needs to know before the first operation. Markdown. */
export const INTRODUCTION = `
Livline is the shared support record for foster families (plejefamilier). Each municipality keeps its families,
institutions, supervision and helpline here, partners write what they do into the municipalities that granted them
access, and signed webhooks keep the case system up to date.

## First steps

1. An operator provisions your municipality and hands you a client id, a client secret and a token URL.
2. Get an access token: \`POST\` to the token URL with \`grant_type=client_credentials\`, the client id and secret as HTTP
   Basic credentials (OAuth 2.0). Without \`scope\` you get every scope the client may have.
3. Send it as \`Authorization: Bearer <token>\`, to paths that begin with your municipality's code:
   \`GET /v1/municipalities/0766/families\`. Every path follows the address at which you read this document.

Each operation names the one scope it needs, and the client must have been granted it in that municipality. What belongs
to another municipality does not exist for you: 404.

## Records

Every record has an \`id\` (UUID version 7, taken in any case and answered in lower case), a \`version\`, the \`source\`
that wrote it and the times of its making and last change. Instants are RFC 3339: sent with any offset, answered in UTC.
Dates are days in Denmark (Europe/Copenhagen). Text is kept in Unicode's form NFC. Free text has at most 4,000 characters, a
list at most 100 entries, and an unknown field is refused. Answers will have new fields and new values in time: let those
pass that you do not know.

**Versions.** An answer with a record has its version as \`ETag\`. A change needs it in \`If-Match\`, and is refused with 412
if somebody was quicker, with the \`ETag\` of now, so nobody's change is lost. \`If-None-Match\` saves the answer when nothing
has changed (304), and \`If-None-Match: *\` on a \`PUT\` creates and overwrites nothing (RFC 9110 §13). What has no \`ETag\`,
as a collection, is never what a list of tags in \`If-Match\` names. Conditions on times are ignored, since nothing here has
a Last-Modified.

**Repeating.** A \`POST\` or \`PATCH\` with an \`Idempotency-Key\` may be sent again after a lost answer: within 7 days it gets
the first answer again, also where its \`If-Match\` is stale by then. Two bodies are the same where their values are, however
they are written (RFC 8785). \`PUT …/external/{source}/{externalId}\` may be repeated as it is.

**Statuses** change only by \`POST …/status\`, one step at a time. A record may be created in a later status: what already
exists in the world is entered as it stands.

**Sensitive fields** (marked \`x-sensitivity\`) can be sent with the write scope, and are shown by reads of a single record
alone, with the scope \`sensitive:read\`. No list, event or answer to a write holds them. Any other text, an external id, a
case number or an \`Idempotency-Key\` that looks like it holds a CPR number is refused (422, \`looks_like_cpr\`).

## Lists

A list has at most \`limit\` items and, unless it is the last page, a \`nextCursor\`; the \`Link\` header says the same. Give
it as \`cursor\` with the same filters. Filters can be combined; then a page reads ten times \`limit\` records at most, and one
that is not full says \`more\`.

## Quotas

A client may spend 6,000 units a minute in each municipality, unless its operator set another number: a read costs 1, a
write 5, a report 20, whatever the answer is. Each operation names its cost. Beyond that it gets 429, and may go on after
the seconds in \`Retry-After\`. Every answer within a municipality, good or bad, says where the client stands:
\`RateLimit-Policy: "default";q=6000;qu="units";w=60\` and \`RateLimit: "default";r=5995;t=42\`, which is 5,995 units in the 42
seconds until the minute is over (draft-ietf-httpapi-ratelimit-headers-10). \`r\` is no promise: requests under way, and
servers that keep some units ready for the next ones, use up of it too.

A client may be refused 100 times a minute (404) in municipalities where it has no grant. Beyond that it gets 429 there, with
\`RateLimit-Policy: "refused";q=100;qu="units";w=60\`, and works on where it has a grant. A new grant works at once for a client that was
refused fewer than 10 times in the minute, within 5 seconds for one that was refused more often, and in the next minute for
one that got 429.

## Problems

Whatever goes wrong is answered with \`application/problem+json\` (RFC 9457). Its \`type\` is one of a closed set, each with
its one status, and \`errors\` points to the fields. \`GET /problems\` lists them with what to do. A body is UTF-8 and has at
most 1 MB, 5,000 values and 64 levels, and no object in it has two members of one name. A query parameter that an operation
does not know is refused with the nearest that it knows (422). Every answer, good or bad, carries \`X-Request-Id\`: quote
it when you ask us.
`.trim();
