import { createHash } from 'node:crypto';

/** Stands in the contract where the address of the API belongs, which only a request tells. */
export const SERVER_PLACE = 'https://api.invalid';
/** Stands in the contract where the address of the token issuer belongs, which each stage has its own of. */
export const TOKEN_URL_PLACE = 'https://token.invalid/oauth2/token';

/** The contract as it is served at one address. */
export interface Contract {
  readonly text: string;
  /** A weak ETag, because the gateway sends the same text compressed and not (RFC 9110 §8.8.3.3). */
  readonly etag: string;
}

/** More addresses than an API has; a caller who makes up hosts fills no memory. */
const MOST_ADDRESSES = 10;

/**
 * The contract with the addresses of this API and its token issuer in it. What is made for an address is kept, because making
 * it reads a megabyte.
 */
export function contractAt(read: () => string, tokenUrl: string): (address: string) => Contract {
  const made = new Map<string, Contract>();
  return (address) => {
    const known = made.get(address);
    if (known) return known;
    const text = read()
      .replace(SERVER_PLACE, () => address)
      .replace(TOKEN_URL_PLACE, () => tokenUrl);
    const etag = `W/"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;
    if (made.size >= MOST_ADDRESSES) made.clear();
    made.set(address, { text, etag });
    return { text, etag };
  };
}
