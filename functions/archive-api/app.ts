import { type App, serve } from '#functions/http.ts';
import { type MunicipalityContextDeps, municipalityContext } from '#functions/municipality-context.ts';
import { type ArchiveDeps, archiveOperations } from '#shared/privacy/archive-operations.ts';

/**
 * The API by which a municipality reads and deletes what was archived of persons whom a retention erased. It is a function
 * of its own, so that the one which serves the record reaches no object, and this one writes nothing of the record but
 * what an erasure says of its archive.
 */
export const archiveApi = (deps: ArchiveDeps & MunicipalityContextDeps): App =>
  serve(archiveOperations(deps), municipalityContext(deps));
