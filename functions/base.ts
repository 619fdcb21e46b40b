import type { APIGatewayProxyEvent } from 'aws-lambda';

type Reached = Pick<APIGatewayProxyEvent, 'path' | 'pathParameters' | 'requestContext'>;

/** A request's path within the API, and the base before it. */
export interface Place {
  /** Empty at the root of a host, else such as `/api`: a stage of API Gateway or the base path of a custom domain. */
  readonly base: string;
  readonly path: string;
}

/** Where every path with operations begins. A base that holds such a path itself is not supported. */
const ROOT = /\/v1\/(?:municipalities|admin)(?:\/|$)/;

/**
 * Splits the path that the caller used. API Gateway gives it with the stage in `requestContext.path` alone, and with the
 * base path of a custom domain in `path` too, so that neither can be used as it is for a route or a link.
 */
export function placeOf({ path, pathParameters, requestContext }: Reached): Place {
  const used = requestContext.path ?? path;
  const at = used.search(ROOT);
  if (at >= 0) return { base: used.slice(0, at), path: used.slice(at) };
  const within = pathParameters?.['proxy'] === undefined ? path : `/${pathParameters['proxy']}`;
  return used.endsWith(within) ? { base: used.slice(0, -within.length), path: within } : { base: '', path };
}

/** Returns a link to a path of the API as the caller can follow it. Links within the API have no slash before them. */
export const linkUnder = (base: string, href: string): string => `${base}/${href}`;
