import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newSecret, type SignedMessage, signedHeaders } from '#shared/webhooks/sign.ts';
import { GOLDEN } from '#test/support/golden-vectors.ts';

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

/** The code in the README that is in this language. */
function snippet(language: string): string {
  const [, code] = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(README) ?? [];
  if (code === undefined) throw new Error(`README has no ${language}`);
  return code;
}

/** Runs the Java of the README over messages, one line each: secrets, id, timestamp, signatures and the body in base64. */
function inJava(lines: readonly (readonly string[])[]): string[] {
  const main = `class Main {
    public static void main(String[] args) throws Exception {
      for (String line : new String(System.in.readAllBytes(), UTF_8).split("\\n")) {
        String[] part = line.split("\\t");
        byte[] body = Base64.getDecoder().decode(part[4]);
        System.out.println(Webhooks.isGenuine(List.of(part[0].split(" ")), part[1], part[2], part[3], body));
      }
    }
  }
  class Webhooks`;
  const directory = mkdtempSync(join(tmpdir(), 'livline-java-'));
  try {
    const file = join(directory, 'Main.java');
    writeFileSync(file, snippet('java').replace('class Webhooks', main));
    const input = lines.map((line) => line.join('\t')).join('\n');
    return execFileSync('java', [file], { input, encoding: 'utf8' }).trim().split('\n');
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('what README tells receivers', () => {
  it('has the golden vector', () => {
    for (const text of [GOLDEN.message.id, GOLDEN.message.body, GOLDEN.v1.key, GOLDEN.v1.signature])
      expect(README).toContain(`\`${text}\``);
  });

  // Java is here for DynamoDB Local; its compiler may be missing.
  it.runIf(spawnSync('javac', ['-version']).status === 0)('is Java that tells a genuine message from any other', () => {
    const now = Math.floor(Date.now() / 1000);
    const [young, old, other] = [newSecret(), newSecret(), newSecret()];
    const line = (secrets: readonly string[], change: Partial<SignedMessage> = {}, at = now, suffix = '') => {
      const sent = { id: 'evt_1', timestamp: at, body: '{"a": "blåbær"}' };
      const keys = [{ secret: young }, { secret: old }];
      const signature = signedHeaders(keys, ['v1'], sent)['webhook-signature'] ?? '';
      const { id, timestamp, body } = { ...sent, ...change };
      const base64 = Buffer.from(body + suffix).toString('base64');
      return [secrets.join(' '), id, String(timestamp), signature, base64];
    };
    const cases = [
      { fields: line([young]), genuine: true },
      { fields: line([old]), genuine: true },
      { fields: line([other, young]), genuine: true },
      { fields: line([other]), genuine: false },
      { fields: line([young], { id: 'evt_2' }), genuine: false },
      { fields: line([young], { timestamp: now - 1 }), genuine: false },
      { fields: line([young], {}, now, ' '), genuine: false },
      { fields: line([young], {}, now - 400), genuine: false },
      { fields: line([young], {}, now + 400), genuine: false },
    ];
    expect(inJava(cases.map(({ fields }) => fields))).toEqual(cases.map(({ genuine }) => String(genuine)));
  });
});
