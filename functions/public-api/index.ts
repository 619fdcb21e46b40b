import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { publicApi } from './app.ts';
import openapi from './openapi.json' with { type: 'json' };

/** In a bundle the reference's files lie beside it; from the source tree they are where npm put them. */
function docsDirectory(): string {
  const bundled = join(import.meta.dirname, 'docs');
  if (existsSync(bundled)) return bundled;
  return dirname(createRequire(import.meta.filename).resolve('swagger-ui-dist/swagger-ui-bundle.js'));
}

let opened: ReturnType<typeof publicApi> | undefined;

export const handler: ReturnType<typeof publicApi> = (event) => {
  opened ??= publicApi({ openapi: JSON.stringify(openapi), docsDirectory: docsDirectory() });
  return opened(event);
};
