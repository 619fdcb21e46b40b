import * as z from 'zod';
import { instant, line } from '../record/fields.ts';
import {
  CLIENT_EXAMPLE,
  eitherOne,
  GRANT_EXAMPLE,
  GrantView,
  lastUse,
  OPERATOR_EXAMPLE,
  OwnerView,
  rightsInput,
  rightsView,
} from './grant-row.ts';

/** Body of a new partner client. */
export const NewPartnerClient = () =>
  z.strictObject({ name: line('What the client is for (formål), such as the system that uses it.') });
/** Body of a new client of a municipality, with what it may do there. */
export const NewClient = () => z.strictObject({ ...NewPartnerClient().shape, ...rightsInput() }).refine(...eitherOne);

const seenByOperator = () =>
  z
    .boolean()
    .describe(
      'Whether an operator made it and so has seen its secret (set af operatør): a live municipality takes none such. Absent: no.',
    )
    .optional();
const endsAt = () =>
  instant(
    'When it is let in no more unless its credential is replaced from inside, UTC (udløber); only of a client that a recovery gave.',
  ).optional();
const suspendedAt = () =>
  instant(
    'When an operator last added a credential, which suspended its grants, UTC (suspenderet); absent: never.',
  ).optional();

export const CREDENTIALS_EXAMPLE = {
  clientId: CLIENT_EXAMPLE,
  clientSecret: '1k2fq7v0example0secret0shown0once0a9s8d7f6g5h4j3',
  tokenUrl: 'https://livline.auth.eu-central-1.amazoncognito.com/oauth2/token',
};

/** Credentials in the one answer that shows them. */
export const ClientOnce = () =>
  z
    .strictObject({
      clientId: z.string().describe('Id of the client at the token issuer (klient-id).'),
      clientSecret: z.string().describe('Its secret (hemmelighed). It is shown this once and cannot be read again.'),
      tokenUrl: z.string().describe('Where it gets access tokens (token-adresse), by OAuth 2.0 client credentials.'),
    })
    .meta({
      description: 'The credentials of a new client.',
      examples: [CREDENTIALS_EXAMPLE],
    });

/** As {@link ClientOnce}; the answer to a repeated request has the id alone. */
export const ClientRepeat = () => {
  const { clientId, clientSecret, tokenUrl } = ClientOnce().shape;
  return z.strictObject({ clientId, clientSecret: clientSecret.optional(), tokenUrl: tokenUrl.optional() }).meta({
    ...ClientOnce().meta(),
    description: 'A new client with its credentials, which a repeated request lacks.',
  });
};

/** A client as it is shown, without its secrets. */
export const ClientView = () =>
  z
    .strictObject({
      clientId: z.string().describe('Id of the client (klient-id).'),
      name: z.string().describe('What the client is for (formål).'),
      owner: OwnerView(),
      createdAt: instant('When it was made, UTC (oprettet).'),
      createdBy: z
        .string()
        .describe('Id of the client that made it, an operator’s or the municipality’s (oprettet af).'),
      revokedAt: instant('When it was revoked for good, UTC (spærret); absent while it is not.').optional(),
      revokedBy: z
        .string()
        .describe('Id of the client that revoked it, an operator’s or the municipality’s (spærret af).')
        .optional(),
      lastUsedOn: lastUse(),
      endsAt: endsAt(),
      suspendedAt: suspendedAt(),
      credentials: z
        .array(
          z.strictObject({
            id: z.string().describe('Id of the credential (id).'),
            createdAt: instant('When it was made, UTC (oprettet).'),
            seenByOperator: seenByOperator(),
          }),
        )
        .max(2)
        .describe('Its live credentials (adgangsoplysninger), never their secrets; two while one replaces the other.'),
      grants: z.array(GrantView()).max(100).describe('Where it may do what (tildelinger).'),
    })
    .meta({
      description: 'A client of the token issuer, without its secrets.',
      examples: [
        {
          clientId: CLIENT_EXAMPLE,
          name: 'Carelink platform',
          owner: { kind: 'partner', id: 'carelink' },
          createdAt: '2026-11-20T08:55:00.000Z',
          createdBy: OPERATOR_EXAMPLE,
          lastUsedOn: '2026-11-22',
          credentials: [{ id: `${CLIENT_EXAMPLE}--1795164900`, createdAt: '2026-11-20T08:55:00.000Z' }],
          grants: [GRANT_EXAMPLE],
        },
      ],
    });

/** A credential in the one answer that shows its secret. */
export const CredentialOnce = () =>
  z
    .strictObject({
      id: z.string().describe('Id of the credential, by which it is ended (id).'),
      createdAt: instant('When it was made, UTC (oprettet).'),
      ...ClientOnce().shape,
    })
    .meta({
      description: 'A further credential of a client.',
      examples: [
        {
          id: `${CLIENT_EXAMPLE}--1795251300`,
          createdAt: '2026-11-21T08:55:00.000Z',
          clientId: CLIENT_EXAMPLE,
          clientSecret: '9z8y7x6w5example0secret0shown0once0v4u3t2s1r0q9p',
          tokenUrl: 'https://livline.auth.eu-central-1.amazoncognito.com/oauth2/token',
        },
      ],
    });

/** A client of a municipality as the municipality itself sees it. */
export const OwnClientView = () => {
  const { grants: _, owner: __, suspendedAt: ___, ...shown } = ClientView().shape;
  return z
    .strictObject({
      ...shown,
      grant: z.strictObject(rightsView()).describe('What it may do (tildeling); absent: nothing.').optional(),
    })
    .meta({
      description: 'Klient. A client of the municipality’s own, without its secrets.',
      examples: [
        {
          clientId: CLIENT_EXAMPLE,
          name: 'DUBU integration',
          createdAt: '2026-11-20T08:55:00.000Z',
          createdBy: '7n2k4m6p8q0r1s3t5u7v9w1x3y',
          credentials: [{ id: `${CLIENT_EXAMPLE}--1795164900`, createdAt: '2026-11-20T08:55:00.000Z' }],
          grant: { scopes: ['families:read', 'events:read'], rows: 'all' },
        },
      ],
    });
};

/** A client of a municipality in a list, which does not ask the token issuer. */
export const ListedClientView = () => {
  const { credentials: _, grant: __, ...shown } = OwnClientView().shape;
  return z.strictObject(shown).meta({
    description: 'Klient. A client of the municipality’s own, as it is listed.',
    examples: [
      {
        clientId: CLIENT_EXAMPLE,
        name: 'DUBU integration',
        createdAt: '2026-11-20T08:55:00.000Z',
        createdBy: '7n2k4m6p8q0r1s3t5u7v9w1x3y',
      },
    ],
  });
};
