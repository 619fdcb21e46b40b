import { readJsonFile, writeJsonFile } from './json-file.ts';
import { complain } from './lambda.ts';

/** The last record taken of each shard. */
export interface Positions {
  readonly get: (shardId: string) => string | undefined;
  readonly set: (shardId: string, sequenceNumber: string) => void;
  /** Writes what has changed since the last time. */
  readonly save: () => void;
}

/** How long a position may go unwritten, in milliseconds. */
const UNWRITTEN = 1000;

/**
 * The positions in one stream, kept in a file if one is named. The file may be a little behind after a crash, or gone:
 * then some records are handed over again, which changes nothing, since the relay is made to be repeated.
 */
export function openPositions(streamArn: string, path?: string | undefined): Positions {
  const positions = new Map(path === undefined ? [] : kept(path, streamArn));
  let timer: NodeJS.Timeout | undefined;
  const save = () => {
    if (timer === undefined || path === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    try {
      writeJsonFile(path, { streamArn, positions: Object.fromEntries(positions) });
    } catch (error) {
      complain('The position in the stream could not be kept', error);
    }
  };
  return {
    get: (shardId) => positions.get(shardId),
    set: (shardId, sequenceNumber) => {
      positions.set(shardId, sequenceNumber);
      timer ??= setTimeout(save, UNWRITTEN).unref();
    },
    save,
  };
}

function kept(path: string, streamArn: string): [string, string][] {
  try {
    const { streamArn: of, positions } = readJsonFile(path) as { streamArn: string; positions: Record<string, string> };
    return of === streamArn ? Object.entries(positions) : [];
  } catch {
    return [];
  }
}
