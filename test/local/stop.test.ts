import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';

interface Started {
  readonly apiUrl: string;
  readonly tokenUrl: string;
  readonly operator: { readonly clientId: string; readonly clientSecret: string };
}

/** The product as `npm start` starts it, in a process group of its own, as a terminal gives it. */
async function startProcess() {
  const [product, leash] = ['product', 'leash'].map((name) => new URL(`../../infra/local/${name}.ts`, import.meta.url));
  const program = `const { startProduct } = await import('${product}');
    const { onEnd } = await import('${leash}');
    const product = await startProduct({ port: 0, allowLocalWebhooks: true });
    onEnd(() => void product.stop().finally(() => process.exit(0)));
    console.log(JSON.stringify(product));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const lines = createInterface(child.stdout);
  for await (const line of lines) if (line.includes('"apiUrl"')) return { child, started: JSON.parse(line) as Started };
  throw new Error('The product did not start');
}

it('on Ctrl-C no request is answered with 500: the gateway takes no more before the database ends', async () => {
  const { child, started } = await startProcess();
  const { apiUrl, tokenUrl, operator } = started;
  const grant = await fetch(tokenUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${operator.clientId}:${operator.clientSecret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  const { access_token } = (await grant.json()) as { access_token: string };
  const statuses: number[] = [];
  const askOn = async (): Promise<void> => {
    for (;;) {
      const answer = await fetch(`${apiUrl}/v1/admin/municipalities`, {
        headers: { authorization: `Bearer ${access_token}` },
      }).catch(() => undefined);
      if (!answer) return;
      statuses.push(answer.status);
      await answer.arrayBuffer();
      // The first answers are there, and requests are under way, when the terminal's signal comes.
      if (statuses.length === 20) process.kill(-(child.pid as number), 'SIGINT');
    }
  };
  const ended = once(child, 'exit');
  await Promise.all(Array.from({ length: 8 }, askOn));
  await ended;
  expect(statuses.length).toBeGreaterThan(20);
  expect([...new Set(statuses)].sort()).toEqual([200, 503]);
});
