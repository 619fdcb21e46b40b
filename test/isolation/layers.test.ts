import { BatchGetCommand, PutCommand, QueryCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { tenantApi } from '#functions/tenant-api/app.ts';
import type { FunctionName } from '#infra/service-function.ts';
import { denialsOf } from '#test/support/denials.ts';
import { setStatus } from '#test/support/endpoints.ts';
import { FAMILY, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { PLENTY } from '#test/support/plenty.ts';
import { policiesOf } from '#test/support/policies.ts';
import { expectProblem } from '#test/support/problems.ts';
import { proxyEvent } from '#test/support/proxy-event.ts';
import { WEBHOOKS_UNUSED } from '#test/support/unused.ts';

/**
 * The layers between a caller and another municipality's rows, each tried where the others are out of its way: contexts,
 * IAM, the execution environment. mutations.test.ts takes each guard away and expects these tests to notice.
 */
let livline: Livline;
let here: Caller;
let there: Caller;
beforeAll(async () => {
  livline = await startLivline();
  [here, there] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
});

describe('a context', () => {
  it('is refused to a client that has no grant', async () => {
    expectProblem(await here.at(there.code).get('/families'), 404, 'not_found');
    expectProblem(await here.at(there.code).post('/families', FAMILY), 404, 'not_found');
  });

  it('is refused in a municipality that is suspended', async () => {
    const gone = await livline.freshMunicipality();
    expect((await gone.get('/families')).status).toBe(200);
    await setStatus(livline, gone.code, 'suspended');
    livline.advance(60);
    expectProblem(await gone.get('/families'), 404, 'not_found');
  });

  it('is refused without the scope of the operation', async () => {
    expectProblem(await here.withScopes('families:read').post('/families', FAMILY), 403, 'forbidden');
  });

  it('puts its municipality in front of every key', async () => {
    const requests = await livline.requestsOf(async () => {
      const { id } = await makeFamily(here);
      await here.get(`/families/${id}`);
      await here.get('/families');
    });
    const inside = requests.filter(({ by }) => by?.municipality !== undefined);
    expect(inside.length).toBeGreaterThan(2);
    for (const { by, input } of inside) {
      expect(by?.municipality).toBe(here.code);
      const keys = JSON.stringify(input).match(/(?<="(?:pk|:pk)":")[^"]*/g) ?? [];
      expect(keys.length).toBeGreaterThan(0);
      for (const key of keys) expect(key.startsWith(`T#${here.code}#`)).toBe(true);
    }
  });
});

describe('IAM, whatever key the code asks for,', () => {
  const policies = inject('policies');
  const iam = policiesOf(policies);
  const inside = (
    ['tenant-api', 'access-api', 'archive-api', 'inbox', 'relay', 'deliver', 'clock', 'lifecycle'] as const
  ).map((name) => ({ name }));

  it('has a tenant role for each function that works inside municipalities, and for no other', () => {
    const roles = Object.keys(policies.roles).filter((role) => role.endsWith('tenantrole'));
    expect(roles.toSorted()).toEqual(inside.map(({ name }) => `${name.replace('-', '')}tenantrole`).toSorted());
  });

  const put = (pk: string) => new PutCommand({ TableName: livline.store.tableName, Item: { pk, sk: 'A' } });
  const DENIED = { name: 'AccessDeniedException' };

  it.each(inside)('lets $name touch no municipality under its own role', async ({ name }) => {
    const { client } = livline.storeOf(name);
    const denials = await denialsOf(() => expect(client.send(put(`T#${here.code}#E#1`))).rejects.toMatchObject(DENIED));
    expect(denials).toHaveLength(1);
  });

  it.each(inside)('lets a session of $name in one municipality reach no other municipality', async ({ name }) => {
    const client = livline.storeOf(name).tenantClient(here.code);
    // Of the record, the relay puts deliveries alone.
    const kind = name === 'relay' ? 'D' : 'E';
    await client.send(put(`T#${here.code}#${kind}#1`));
    const denials = await denialsOf(async () => {
      await expect(client.send(put(`T#${there.code}#${kind}#1`))).rejects.toMatchObject(DENIED);
      await expect(client.send(put(`M#${there.code}`))).rejects.toMatchObject(DENIED);
    });
    expect(denials).toHaveLength(2);
  });

  it('refuses a batch, a transaction and a list of an index that touch another municipality too', async () => {
    const client = livline.storeOf('tenant-api').tenantClient(here.code);
    const TableName = livline.store.tableName;
    const [own, foreign] = [here, there].map(({ code }) => ({ pk: `T#${code}#R#1`, sk: 'A' }));
    const batch = new BatchGetCommand({ RequestItems: { [TableName]: { Keys: [own, foreign] as never } } });
    const change = (Item: object | undefined) => ({ Put: { TableName, Item: { ...Item } } });
    const mixed = new TransactWriteCommand({ TransactItems: [change(own), change(foreign)] });
    const list = new QueryCommand({
      TableName,
      IndexName: 'list',
      KeyConditionExpression: 'listPk = :pk',
      ExpressionAttributeValues: { ':pk': `T#${there.code}#L#families` },
    });
    const denials = await denialsOf(async () => {
      await expect(client.send(batch)).rejects.toMatchObject(DENIED);
      await expect(client.send(mixed)).rejects.toMatchObject(DENIED);
      await expect(client.send(list)).rejects.toMatchObject(DENIED);
    });
    expect(denials).toHaveLength(3);
  });

  it('refuses what names no key, were such an action ever granted', async () => {
    const scanning = Object.entries(policies.roles).map(([name, { identity, ...role }]) => {
      const Statement = identity.Statement.map((each) =>
        each.Condition?.['ForAllValues:StringLike'] ? { ...each, Action: 'dynamodb:Scan' } : each,
      );
      return [name, { ...role, identity: { ...identity, Statement } }] as const;
    });
    const generous = policiesOf({ ...policies, roles: Object.fromEntries(scanning) });
    const names: readonly FunctionName[] = ['admin-api', ...inside.map(({ name }) => name)];
    for (const name of names)
      await expect(generous.requireAllowed({ function: name }, 'Scan', {})).rejects.toThrow(/may not Scan/);
    for (const { name } of inside) {
      const by = { function: name, municipality: here.code };
      await expect(generous.requireAllowed(by, 'Scan', {})).rejects.toThrow(/may not Scan/);
    }
  });

  it.each(inside)(
    'lets a session of $name in one municipality unwrap by no other’s key, and for the purposes of its work alone',
    async ({ name }) => {
      const { code } = here;
      const unwraps = (owner: string, bound: string, municipality?: string, purpose = 'integrity') =>
        iam.decide(
          { function: name, municipality },
          {
            action: 'kms:Decrypt',
            resource: 'arn:aws:kms:eu-central-1:111122223333:key/municipality',
            context: {
              'aws:ResourceTag/livline:municipality': owner,
              'aws:ResourceTag/livline:stage': 'prod',
              'kms:EncryptionContext:municipality': bound,
              'kms:EncryptionContext:purpose': purpose,
            },
          },
        );
      // The relay moves what is sealed and opens none of it.
      expect(await unwraps(code, code, code)).toBe(name !== 'relay');
      expect(await unwraps(there.code, code, code)).toBe(false);
      expect(await unwraps(code, there.code, code)).toBe(false);
      expect(await unwraps(there.code, there.code, code)).toBe(false);
      expect(await unwraps(code, code)).toBe(false);
      // Deliver opens what it signs with and nothing of the record; the clock opens no secret.
      const opens = await Promise.all(
        ['fields', 'secrets', 'lookup'].map((purpose) => unwraps(code, code, code, purpose)),
      );
      const withheld: Readonly<Record<string, readonly boolean[]>> = {
        'access-api': [false, false, true],
        'archive-api': [true, false, false],
        relay: [false, false, false],
        deliver: [false, true, false],
        clock: [true, false, true],
      };
      expect(opens, 'purposes of keys').toEqual(withheld[name] ?? [true, true, true]);
    },
  );

  it.each(inside)('opens a session of $name for a municipality, tagged with nothing else', async ({ name }) => {
    await iam.requireSession(name, { municipality: here.code });
    for (const municipality of ['', '9999', '*', `${here.code.slice(0, 2)}??`, `${here.code} `]) {
      await expect(iam.requireSession(name, { municipality }), municipality).rejects.toMatchObject(DENIED);
    }
    await expect(iam.requireSession(name, {})).rejects.toMatchObject(DENIED);
    await expect(iam.requireSession(name, { municipality: here.code, role: 'x' })).rejects.toMatchObject(DENIED);
  });

  it('opens a session of a tenant role for no function but its own', async () => {
    const context = { 'aws:TagKeys': ['municipality'], 'aws:RequestTag/municipality': here.code };
    for (const name of ['admin-api', 'public-api', ...inside.map((each) => each.name)] as FunctionName[]) {
      for (const { name: other } of inside.filter((each) => each.name !== name)) {
        const resource = policies.roles[`${other.replace('-', '')}tenantrole`]?.arn as string;
        expect(await iam.decide({ function: name }, { action: 'sts:AssumeRole', resource, context })).toBe(false);
      }
    }
  });
});

describe('an execution environment of one municipality', () => {
  it('serves no other, and reads nothing for it', async () => {
    const store = livline.storeOf('tenant-api');
    const quotaPerMinute = PLENTY;
    const api = tenantApi({ ...WEBHOOKS_UNUSED, store, now: livline.now, quotaPerMinute, perTenant: true });
    const claims = { client_id: here.clientId, scope: 'livline/families:read', token_use: 'access' };
    const event = proxyEvent({ method: 'GET', path: `/v1/municipalities/${here.code}/families`, claims });
    const requests = await livline.requestsOf(async () => {
      for (const tenantId of [there.code, undefined]) expect((await api(event, { tenantId })).statusCode).toBe(500);
    });
    expect(requests).toEqual([]);
    expect((await api(event, { tenantId: here.code })).statusCode).toBe(200);
  });
});
