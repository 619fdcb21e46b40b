import { Problem } from '../errors.ts';
import { faultOf, log } from '../log.ts';
import { clientKey, useKey } from '../table/keys.ts';
import type { Row, ScopedTable } from '../table/scoped-table.ts';
import type { Instant } from '../time.ts';

/** Whose client it is. */
export interface Owner {
  readonly kind: 'municipality' | 'partner';
  readonly id: string;
}

/** What is shown of a client besides its credentials and grants. */
export interface ClientDetails {
  readonly clientId: string;
  readonly name: string;
  readonly owner: Owner;
  readonly createdAt: Instant;
  readonly createdBy: string;
  readonly revokedAt?: Instant;
  readonly revokedBy?: string;
  /** Local date of the last request that let it in. */
  readonly lastUsedOn?: string;
}

/** A client as it is stored, with the day of its last use. */
export interface StoredClient {
  readonly details: ClientDetails;
  /** The credential that is being ended, until it is. */
  readonly ending: string | undefined;
  /** Ids of the credentials that the municipality made itself. Every other one counts as seen by an operator. */
  readonly inside: readonly string[];
  /** Whether it may have a credential that an operator has seen. A live municipality lets such a client of its own in no more. */
  readonly seenByOperator: boolean;
  /** When it is let in no more, unless its credential was replaced from inside by then: it was given by a recovery. */
  readonly endsAt: Instant | undefined;
  /** Counts the credentials that an operator added to a partner's client: a grant holds for the number it was given at. */
  readonly epoch: number;
  /** When an operator last added one, which suspended its grants. */
  readonly suspendedAt: Instant | undefined;
}

/** The form of a client's id, and of its credentials'. */
export const CLIENT_ID = /^[\w-]{1,128}$/;

export const noClient = () => new Problem('not_found', 'There is no such client.');
export const twoLive = () => new Problem('conflict', 'The client has two live credentials. End one of them first.');
export const lastLive = () =>
  new Problem('conflict', 'This is the client’s last credential. Make another one first, or revoke the client.');

const detailsOf = ({ view, revokedAt, revokedBy }: Row, use: Row | undefined): ClientDetails => ({
  ...(view as ClientDetails),
  ...(revokedAt !== undefined && { revokedAt: revokedAt as Instant, revokedBy: revokedBy as string }),
  ...(use && { lastUsedOn: use['on'] as string }),
});

/** A client from its row and that of its last use. */
export const storedClient = (row: Row, use: Row | undefined): StoredClient => ({
  details: detailsOf(row, use),
  ending: row['ending'] as string | undefined,
  inside: (row['inside'] ?? []) as string[],
  seenByOperator: row['seenByOperator'] === true,
  endsAt: row['endsAt'] as Instant | undefined,
  epoch: (row['epoch'] ?? 0) as number,
  suspendedAt: row['suspendedAt'] as Instant | undefined,
});

/** Reads clients by their ids; what is none is left out. */
export type FindClients = (clientIds: readonly string[]) => Promise<ReadonlyMap<string, StoredClient>>;

/** Clients as a function's own role reads them: they stand outside of every municipality. One round trip for fifty. */
export const clientFinder =
  (control: ScopedTable): FindClients =>
  async (clientIds) => {
    const ids = clientIds.filter((id) => CLIENT_ID.test(id));
    const rows = await control.getMany(ids.flatMap((id) => [clientKey(id), useKey(id)]));
    const uses = new Map(rows.filter(({ type }) => type === 'use').map((row) => [row['clientId'], row]));
    const clients = rows.filter(({ type }) => type === 'client');
    return new Map(
      clients.map((row) => {
        const { clientId } = row['view'] as ClientDetails;
        return [clientId, storedClient(row, uses.get(clientId))];
      }),
    );
  };

/** Keeps the day on which a client was used. Whatever becomes of that, the request goes on. */
export async function noteUse(control: ScopedTable, clientId: string, on: string): Promise<void> {
  try {
    await control.write({ kind: 'put', key: useKey(clientId), item: { type: 'use', clientId, on } });
  } catch (error) {
    log.warn('use of a client not noted', faultOf(error));
  }
}
