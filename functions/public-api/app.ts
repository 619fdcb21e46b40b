import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { PROBLEMS, Problem, type ProblemCode, problemDocument } from '#shared/errors.ts';

/**
 * What anybody may read: the contract, its reference, the problem codes, and whether the service lives. Four fixed
 * documents need no router, so this function has none. The reference's scripts are ours: its policy allows no other host.
 */
export interface PublicApiDeps {
  readonly openapi: string;
  /** Folder of the reference's script and style sheet (swagger-ui-dist). */
  readonly docsDirectory: string;
}

const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'swagger-ui.css': 'text/css; charset=utf-8',
  'start.js': 'text/javascript; charset=utf-8',
};

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Livline API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

const START = `SwaggerUIBundle({ url: 'openapi.json', dom_id: '#reference', deepLinking: true, tryItOutEnabled: false, validatorUrl: null });\n`;

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

const answer = (body: string, type: string, headers: Record<string, string> = {}): APIGatewayProxyResult => ({
  statusCode: 200,
  headers: {
    'content-type': type,
    'x-content-type-options': 'nosniff',
    'cache-control': 'public, max-age=300',
    ...headers,
  },
  body,
});

function asset(name: string, { docsDirectory }: PublicApiDeps): APIGatewayProxyResult {
  const type = ASSETS[name];
  if (type === undefined) throw new Problem('not_found', 'There is nothing at this path.');
  return answer(name === 'start.js' ? START : readFileSync(join(docsDirectory, name), 'utf8'), type);
}

function problemPage(code: string): APIGatewayProxyResult {
  const problem = Object.hasOwn(PROBLEMS, code) ? PROBLEMS[code as ProblemCode] : undefined;
  if (!problem) throw new Problem('not_found', 'There is no such problem code.');
  return answer(JSON.stringify({ type: `/problems/${code}`, code, ...problem }), 'application/json');
}

function route(path: string, deps: PublicApiDeps): APIGatewayProxyResult {
  const [, first = '', second, third] = path.split('/');
  if (third === undefined && second !== undefined && first === 'docs') return asset(second, deps);
  if (third === undefined && second !== undefined && first === 'problems') return problemPage(second);
  if (second === undefined && first === 'openapi.json') return answer(deps.openapi, 'application/json');
  if (second === undefined && first === 'docs')
    return answer(PAGE, 'text/html; charset=utf-8', { 'content-security-policy': CSP });
  if (second === undefined && first === 'health')
    return answer('{"status":"ok"}', 'application/json', { 'cache-control': 'no-store' });
  if (second === undefined && first === 'problems') {
    const problems = Object.entries(PROBLEMS).map(([code, problem]) => ({
      type: `/problems/${code}`,
      code,
      ...problem,
    }));
    return answer(JSON.stringify({ problems }), 'application/json');
  }
  throw new Problem('not_found', 'There is nothing at this path.');
}

/** Serves the public documents. */
export const publicApi =
  (deps: PublicApiDeps) =>
  async ({ path, httpMethod, requestContext }: APIGatewayProxyEvent): Promise<APIGatewayProxyResult> => {
    try {
      const found = route(path, deps);
      if (httpMethod === 'HEAD') return { ...found, body: '' };
      if (httpMethod !== 'GET')
        throw new Problem('method_not_allowed', 'This path takes GET, HEAD.', [], { allow: 'GET, HEAD' });
      return found;
    } catch (error) {
      const problem =
        error instanceof Problem ? error : new Problem('internal_error', 'Something went wrong on our side.');
      const body = JSON.stringify(problemDocument(problem, requestContext.requestId));
      return {
        statusCode: PROBLEMS[problem.code].status,
        headers: { ...problem.headers, 'content-type': 'application/problem+json' },
        body,
      };
    }
  };
