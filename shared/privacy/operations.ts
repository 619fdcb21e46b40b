import type { Context } from '../auth/context.ts';
import type { Operation } from '../operation.ts';
import { accessLog } from './access-log-operations.ts';
import { verifyAudit } from './audit.ts';
import { keptVersions } from './kept.ts';
import { subjectExport } from './subjects.ts';
import { verifyAccessLog } from './verify-access.ts';

/** The operations of those who watch over the record. */
export const privacyOperations = (): Operation<Context>[] => [
  verifyAudit(),
  verifyAccessLog(),
  accessLog(),
  subjectExport(),
  keptVersions(),
];
