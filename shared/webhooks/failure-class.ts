import * as z from 'zod';

/**
 * Why an attempt brought no answer: the closed set that the log of attempts and the test of an endpoint show. What lies
 * behind a class (messages, certificates, other people's addresses) is never shown.
 */
export const FAILURE_CLASSES = {
  URL_REFUSED: 'The text of the URL names no public https receiver. Nothing was looked up.',
  ADDRESS_REFUSED: 'The name leads to an address that is not public unicast. No connection was made.',
  DNS: 'The name could not be resolved.',
  CONNECT_REFUSED: 'Nobody listens at the address.',
  UNREACHABLE: 'There is no way to the address.',
  CONNECT_TIMEOUT: 'The connection, TLS included, did not stand in time.',
  TLS_EXPIRED: "The receiver's certificate has expired, or is not valid yet.",
  TLS_WRONG_HOST: "The receiver's certificate is for another name.",
  TLS_UNTRUSTED:
    "The receiver's certificate is not signed by an authority that is trusted (self-signed, chain broken).",
  TLS_CLIENT_CERTIFICATE: 'The receiver asks for a client certificate and got none, or refuses the one it got.',
  TLS: 'TLS could not be agreed on for another reason.',
  TIMEOUT: 'The connection stood, but no answer came in time.',
  RESET: 'The receiver broke the connection off before it answered.',
  CLOSED: 'The receiver closed the connection, or took it elsewhere (101), without an answer.',
  NOT_HTTP: 'What came is no HTTP answer, or its head is too large.',
  SECRET_ORIGIN:
    'The endpoint holds secrets that were given for another origin than its URL or token URL. Nothing was sent. The fault is ours.',
  TOKEN: 'No access token was to be had from the token URL.',
  ABANDONED: 'The worker was never heard of again.',
  UNKNOWN: 'None of these.',
} as const;

export type FailureClass = keyof typeof FAILURE_CLASSES;

/** The field that shows a class, with what each means. */
export const failureField = () => {
  const meanings = Object.entries(FAILURE_CLASSES).map(([name, meaning]) => `- \`${name}\`: ${meaning}`);
  return z
    .enum(Object.keys(FAILURE_CLASSES) as [FailureClass, ...FailureClass[]])
    .describe(`Class of the failure (fejltype), if the receiver did not answer.\n\n${meanings.join('\n')}`);
};

/** Codes of our own, node, c-ares and OpenSSL; the first that fits decides. */
const CODES: readonly (readonly [RegExp, FailureClass])[] = [
  [/^ADDRESS_REFUSED$/, 'ADDRESS_REFUSED'],
  [/^(?:ENOTFOUND|ENODATA|ESERVFAIL|EAI_|EREFUSED|EFORMERR|EBADNAME|EBADRESP|ENONAME)/, 'DNS'],
  [/^ECONNREFUSED$/, 'CONNECT_REFUSED'],
  [/^(?:EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL|EAFNOSUPPORT|EACCES|EPERM)$/, 'UNREACHABLE'],
  [/^ETIMEDOUT$/, 'CONNECT_TIMEOUT'],
  [/^(?:ECONNRESET|ECONNABORTED|EPIPE)$/, 'RESET'],
  [/^HPE_/, 'NOT_HTTP'],
  [/^(?:CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/, 'TLS_EXPIRED'],
  [/^(?:ERR_TLS_CERT_ALTNAME_|HOSTNAME_MISMATCH)/, 'TLS_WRONG_HOST'],
  [
    /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|INVALID_|PATH_LENGTH_EXCEEDED)/,
    'TLS_UNTRUSTED',
  ],
  // An alert speaks of our certificate: the receiver's is judged here, without one.
  [/^ERR_SSL_.*(?:CERTIFICATE|UNKNOWN_CA|ALERT_HANDSHAKE_FAILURE|ALERT_ACCESS_DENIED)/, 'TLS_CLIENT_CERTIFICATE'],
  [/^(?:ERR_SSL_|ERR_TLS_|EPROTO)/, 'TLS'],
];

/** The class of an error that a request ended with. */
export function failureClass(error: unknown): FailureClass {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return CODES.find(([pattern]) => pattern.test(code))?.[1] ?? 'UNKNOWN';
}
