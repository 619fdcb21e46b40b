import type { KeyObject } from 'node:crypto';
import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import type { Answer, ApiRequest, Operation } from '../operation.ts';
import { flag, oneOf, whole } from '../record/fields.ts';
import { TENANT_BASE } from '../record/operations.ts';
import { wholeInQuery } from '../record/query.ts';
import { parse } from '../record/validate.ts';
import { accessFeedPartition, accessLinks, linkPlace } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { type AccessLink, entriesCode, isWholeEntry, LINK_ENTRIES, linkCode, linkIn } from './access-chain.ts';

/** Links in one call. Each is one Query of its entries, up to {@link MOST_ENTRIES} in all. */
const MOST_LINKS = 200;
/** Entries after which a call goes to no further link. */
const MOST_ENTRIES = 2_000;

/** A link that is not as it was written, or whose entries are not. */
interface AccessFault {
  /** Number of the link; one more than the last link for the entries that no link covers yet. */
  readonly number: number;
  readonly kind: 'missing' | 'altered';
}

interface Check {
  readonly ctx: Context;
  readonly key: KeyObject;
}

/** The entries behind one place and up to another, and none where one of them cannot be read any more. */
async function entriesBetween({ ctx }: Check, after: string | undefined, to?: string): Promise<readonly Row[]> {
  try {
    const range = { index: 'list', partition: accessFeedPartition, limit: LINK_ENTRIES + 1 } as const;
    const bounds = { ...(after !== undefined && { after }), ...(to !== undefined && { to }) };
    return (await ctx.table.query({ ...range, ...bounds })).rows;
  } catch (error) {
    if (error instanceof SyntaxError) return [{}];
    throw error;
  }
}

/** Compares the entries of a link with it. Those whose time is over may be gone, and are not looked at. */
async function faultInEntries(check: Check, link: AccessLink): Promise<AccessFault | undefined> {
  const { ctx, key } = check;
  if (link.keptUntil * 1000 <= Date.parse(ctx.now)) return undefined;
  const rows = await entriesBetween(check, link.after === '' ? undefined : link.after, link.last);
  if (rows.length < link.count) return { number: link.number, kind: 'missing' };
  const isWhole =
    rows.length === link.count &&
    rows.every((row) => isWholeEntry(key, ctx.tenant.code, row)) &&
    entriesCode(key, rows) === link.entries;
  return isWhole ? undefined : { number: link.number, kind: 'altered' };
}

/** Verifies a link by its own code, and by the one before it where that is in the stretch. */
function faultInLink(
  { ctx, key }: Check,
  before: AccessLink | undefined,
  link: AccessLink,
  number: number,
): AccessFault | undefined {
  if (link.number > number) return { number, kind: 'missing' };
  const follows = !before || (link.previous === before.hash && link.after === before.last);
  const isWhole = link.number === number && follows && linkCode(key, ctx.tenant.code, link) === link.hash;
  return isWhole ? undefined : { number, kind: 'altered' };
}

interface Stretch {
  readonly to: number;
  readonly entries: number;
  /** The last link that is as it was written. */
  readonly last: AccessLink | undefined;
  readonly fault?: AccessFault | undefined;
  /** Whether the last link was reached. */
  readonly atEnd: boolean;
}

/** Verifies links in their order, up to the first fault or as many as one call takes. */
async function followLinks(check: Check, links: readonly AccessLink[], first: number): Promise<Stretch> {
  let before: AccessLink | undefined;
  let entries = 0;
  for (const [at, link] of links.entries()) {
    const number = first + at;
    const fault = faultInLink(check, before, link, number) ?? (await faultInEntries(check, link));
    if (fault) return { to: number - 1, entries, last: before, fault, atEnd: false };
    before = link;
    entries += link.count;
    if (entries >= MOST_ENTRIES && at < links.length - 1) return { to: number, entries, last: link, atEnd: false };
  }
  return { to: first + links.length - 1, entries, last: before, atEnd: links.length < MOST_LINKS };
}

/** Looks at the entries that no link covers yet: only their own codes tell whether they were altered. */
async function faultAtEnd(check: Check, { to, last }: Stretch): Promise<AccessFault | undefined> {
  const rows = await entriesBetween(check, last?.last);
  const isWhole = rows.every((row) => isWholeEntry(check.key, check.ctx.tenant.code, row));
  return isWhole ? undefined : { number: to + 1, kind: 'altered' };
}

const parameters = () => ({
  from: wholeInQuery(z.int().min(1).max(Number.MAX_SAFE_INTEGER))
    .default(1)
    .describe('Number of the first link to verify, `next` of the answer before; 1 is the first link.'),
});

/**
 * Reads links from a number on, and says with which the stretch begins. The links before the oldest one that is left may
 * be gone if they expired, which that one says of them.
 */
async function linksFrom(ctx: Context, from: number): Promise<{ links: readonly AccessLink[]; first: number }> {
  const { rows } = await ctx.table.query({ ...accessLinks, from: linkPlace(from), limit: MOST_LINKS });
  const links = rows.flatMap((row) => linkIn(row) ?? []);
  const [oldest] = links;
  const hasExpired = oldest !== undefined && oldest.previousKeptUntil * 1000 <= Date.parse(ctx.now);
  return { links, first: hasExpired ? Math.max(oldest.number, from) : from };
}

async function verify(ctx: Context, request: ApiRequest): Promise<Answer> {
  const { from } = parse(z.strictObject(parameters()), request.query, '/query');
  if (ctx.rows === 'own') throw new Problem('forbidden', 'Only a client that sees all rows verifies the access log.');
  const check = { ctx, key: await ctx.keys.integrityKey() };
  const { links, first } = await linksFrom(ctx, from);
  const stretch = await followLinks(check, links, first);
  const { to, entries, last, atEnd } = stretch;
  const fault = stretch.fault ?? (atEnd && from <= to + 1 ? await faultAtEnd(check, stretch) : undefined);
  const next = !fault && !atEnd && { next: to + 1 };
  const body = { verified: !fault, from: first, to, entries, hash: last?.hash, ...(fault && { fault }), ...next };
  return { status: 200, body };
}

const number = (description: string, least: number) => whole(description, least, Number.MAX_SAFE_INTEGER);

const Verification = () =>
  z
    .strictObject({
      verified: flag('Whether all of this stretch of the access log is as it was written (verificeret).'),
      from: number(
        'Number of the first link looked at (fra løbenummer), later than asked where older ones expired; 1 is the first link.',
        1,
      ),
      to: number('Number of the last link that is as it was written (til løbenummer); 1 is the first link.', 0),
      entries: number('How many entries those links cover (antal); 1 is one entry.', 0),
      hash: z
        .string()
        .describe('The code at `to` (kontrolværdi), HMAC-SHA-256 in base64url. The log has it hourly.')
        .optional(),
      next: number(
        'Give it as `from` to go on (næste); absent at the end and at a fault. 1 is the first link.',
        1,
      ).optional(),
      fault: z
        .strictObject({
          number: number(
            'Number of the link (løbenummer), one more than the last for entries without a link yet; 1 is the first link.',
            1,
          ),
          kind: oneOf(
            '`missing` if a link or an entry is gone, `altered` if one is not as it was written (fejltype).',
            ['missing', 'altered'],
          ),
        })
        .describe('The first link that is not as it was written, or whose entries are not (fejl).')
        .optional(),
    })
    .meta({
      description: 'Verificering af adgangslog. The result of verifying one stretch of the access log.',
      examples: [
        {
          verified: false,
          from: 1,
          to: 7,
          entries: 12,
          hash: 'bxwLni1KSLej5cHQ-binxm8cC54tSki3o-XB0Pm4p8Y',
          fault: { number: 8, kind: 'missing' },
        },
      ],
    });

/** Whether the access log is as it was written. */
export const verifyAccessLog = (): Operation<Context> => ({
  id: 'get-access-log-verification',
  method: 'GET',
  path: `${TENANT_BASE}/access-log/verify`,
  scope: 'audit:read',
  tag: 'audit',
  summary: 'Verify that no entry of the access log was altered, removed or put in',
  description:
    'Every entry has a keyed code, and a link for each minute with entries has a keyed code over theirs and over the link before. The codes are computed again here, up to the first fault; to look behind it, go on from the number after it. Entries get their link after 16 minutes; before that their own code is verified. Entries whose retention is over are not looked at. It shows nothing of the entries, and needs no sensitive scope.',
  manner: 'list',
  cost: 'report',
  query: parameters,
  success: { status: 200, description: 'The result for one stretch of the log.', body: Verification },
  problems: ['validation_failed'],
  run: verify,
});
