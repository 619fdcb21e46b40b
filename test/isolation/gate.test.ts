import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const OPENING = ['openFields', 'opened', 'loadOpened', 'findOpened', 'loadToChange', 'wholePayload'];

/** The modules outside the gate that open sealed values, and why none of them answers a caller with what it opened. */
const REASONS: Readonly<Record<string, string>> = {
  'shared/record/sensitive-gate.ts': 'is the gate',
  'shared/record/read.ts': 'opens a record for a change of it, and shows one through the gate',
  'shared/record/verbs.ts': 'decides a change, and answers with the plain part',
  'shared/record/delete.ts': 'decides a deletion, and answers with nothing',
  'shared/privacy/archives.ts': 'shows an archive to who may read sensitive values, once it is in the access log',
  'shared/privacy/end-archives.ts': 'ends an archive',
  'shared/privacy/erase.ts': 'erases, and archives what it erases sealed',
  'shared/privacy/erase-messages.ts': 'erases messages',
  'shared/privacy/erase-record.ts': 'erases',
  'shared/privacy/reseal.ts': 'seals anew what it opened',
  'shared/tenancy/erasure.ts': 'finds the rows beside a record, to delete them',
  'shared/tenancy/handover.ts': 'hands over a message, which it enters in the access log with its record',
  'shared/webhooks/operations.ts': 'posts a ping with the secrets of an endpoint',
  'shared/webhooks/key-operations.ts': 'rotates the keys of an endpoint, and shows them when it makes them',
  'shared/webhooks/adoption.ts': 'changes whose an endpoint or connection is',
  'shared/webhooks/deliver.ts': 'posts with the secrets of an endpoint',
  'shared/webhooks/inbox-effects.ts': 'applies a message',
  'shared/webhooks/inbox-expiry.ts': 'takes the payload from a message',
  'shared/webhooks/inbox-messages.ts': 'shows a payload with the record, which the gate has entered in the access log',
};

describe('the modules that open sealed values', () => {
  it('are the gate and those of which it is known why they need no gate', () => {
    const files = globSync('{shared,functions}/**/*.ts').map((file) => file.replaceAll('\\', '/'));
    const found = files.filter((file) => {
      const imports = readFileSync(file, 'utf8').matchAll(
        /import \{([^}]*)\} from '[^']*\/(?:sealing|read|inbox-messages)\.ts'/g,
      );
      return [...imports].some(([, names = '']) => names.split(',').some((name) => OPENING.includes(name.trim())));
    });
    const known = Object.keys(REASONS);
    expect(found.filter((file) => !known.includes(file))).toEqual([]);
    expect(known.filter((file) => !found.includes(file))).toEqual([]);
  });
});
