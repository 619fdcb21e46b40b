import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, expect, inject, it, vi } from 'vitest';
import { startDatabase } from '#infra/local/database.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

it('the database ends when its parent is killed', async () => {
  const database = new URL('../../infra/local/database.ts', import.meta.url);
  const program = `const { startDatabase } = await import('${database.href}');
    console.log((await startDatabase()).pid);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await new Promise<number>((resolve) => {
    parent.stdout.once('data', (line: Buffer) => resolve(Number(line)));
  });
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 5000 });
});

it('the database listens on the loopback interface alone', async () => {
  const port = Number(new URL(inject('dynamodbEndpoint')).port);
  const answers = (host: string) =>
    new Promise<boolean>((resolve) => {
      const socket = connect({ host, port }, () => resolve(true)).once('error', () => resolve(false));
      socket.unref();
    });
  expect(await answers('127.0.0.1')).toBe(true);
  const others = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  for (const { address } of others.filter(({ internal, family }) => !internal && family === 'IPv4')) {
    expect(await answers(address)).toBe(false);
  }
});

it('one sentence says which Java is missing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'livline-java-'));
  vi.stubEnv('JAVA_HOME', '');
  vi.stubEnv('PATH', folder);
  try {
    await expect(startDatabase()).rejects.toThrow(/needs Java, and none was found\. Install a Java 17 or later/);
    const java = join(folder, 'java');
    writeFileSync(java, '#!/bin/sh\necho \'openjdk version "11.0.2" 2019-01-15\' >&2\n[ "$1" = -version ]\n');
    chmodSync(java, 0o755);
    vi.stubEnv('PATH', [folder, '/usr/bin', '/bin'].join(delimiter));
    await expect(startDatabase()).rejects.toThrow(/needs Java 17 and this is Java 11\. Install/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
