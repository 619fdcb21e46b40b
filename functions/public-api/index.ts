import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { openedOnce } from '#functions/opened-once.ts';
import { readEnv } from '#shared/env.ts';
import { publicApi } from './app.ts';

/** In a bundle the reference's files lie beside it; from the source tree they are where npm put them. */
function docsDirectory(): string {
  const bundled = join(import.meta.dirname, 'docs');
  if (existsSync(bundled)) return bundled;
  return dirname(createRequire(import.meta.filename).resolve('swagger-ui-dist/swagger-ui-bundle.js'));
}

let openapi: string | undefined;

export const handler = openedOnce(() =>
  publicApi({
    // Read when somebody asks for it: as a module it would be 300 kB of code to be understood before any answer.
    get openapi() {
      openapi ??= readFileSync(join(import.meta.dirname, 'openapi.json'), 'utf8');
      return openapi;
    },
    docsDirectory: docsDirectory(),
    tokenUrl: readEnv('TOKEN_URL').TOKEN_URL,
  }),
);
