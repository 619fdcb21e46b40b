import { createHash, randomUUID, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DecryptCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  GetPublicKeyCommand,
  KMSClient,
  ListKeysCommand,
  SignCommand,
} from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Callers, callersOf } from '#infra/local/callers.ts';
import { openKeyService } from '#infra/local/key-service.ts';
import { type KeyMaker, kmsKeyMaker } from '#shared/crypto/key-maker.ts';
import { type KeyOpener, kmsKeyOpener } from '#shared/crypto/key-opener.ts';
import { keyrings } from '#shared/crypto/keyring.ts';
import { open, seal } from '#shared/crypto/seal.ts';
import { type Served, served } from '../support/served.ts';

const accessKeyId = randomUUID();
const signingAlias = 'alias/livline/test/certificates';
const binding = { municipality: '0630', purpose: 'fields' } as const;

let folder: string;
let callers: Callers;
let server: Served;
let client: KMSClient;
let maker: KeyMaker;
let opener: KeyOpener;
/** The names of the operations that were sent, in order. */
let sent: string[];
/** The keys that were noted. */
let noted: string[];

function clientWith(credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }): KMSClient {
  const kms = new KMSClient({ endpoint: `${server.url}/kms`, region: 'eu-central-1', credentials });
  kms.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        sent.push(String(commandName).replace('Command', ''));
        return next(args);
      },
    { step: 'initialize', name: 'names' },
  );
  return kms;
}

const sessionOf = (code: string) => clientWith(callers.startSession(code, 900));

async function start(): Promise<void> {
  callers = callersOf(accessKeyId);
  server = await served({ '/kms': openKeyService({ callers, signingAlias, folder }) });
  client = clientWith({ accessKeyId, secretAccessKey: 'any' });
  maker = kmsKeyMaker({ client, stage: 'test' });
  opener = kmsKeyOpener(sessionOf);
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'livline-keys-'));
  sent = [];
  noted = [];
  await start();
});

afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** Takes down each key that is made before it is used. */
const note = async (keyId: string) => void noted.push(keyId);

const describeKey = async (KeyId: string) => (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
const keysKept = () => JSON.parse(readFileSync(join(folder, 'keys.json'), 'utf8')).keys as Record<string, unknown>[];

describe('the key of a municipality', () => {
  it('is made once, rotates, and is known by its alias and tags', async () => {
    const keyId = await maker.createKey('0630', note);
    expect(await maker.createKey('0630', note)).toBe(keyId);
    expect(sent).toEqual(['DescribeKey', 'CreateKey', 'EnableKeyRotation', 'CreateAlias', 'DescribeKey']);
    expect(await describeKey('alias/livline/test/0630')).toMatchObject({ Arn: keyId, KeySpec: 'SYMMETRIC_DEFAULT' });
    expect(keysKept().find(({ id }) => keyId.endsWith(`${id}`))).toMatchObject({
      rotated: true,
      tags: [
        { TagKey: 'livline:municipality', TagValue: '0630' },
        { TagKey: 'livline:stage', TagValue: 'test' },
      ],
    });
  });

  it('is one, however many make it at once, and what they made in vain is noted and can be discarded', async () => {
    const made = await Promise.all(Array.from({ length: 4 }, () => maker.createKey('0630', note)));
    expect(new Set(made)).toEqual(new Set([(await describeKey('alias/livline/test/0630'))?.Arn]));
    expect(sent.filter((name) => name === 'CreateKey')).toHaveLength(4);
    const states = keysKept().flatMap(({ signs, state }) => (signs ? [] : [state]));
    expect(states).toEqual(['Enabled', 'Enabled', 'Enabled', 'Enabled']);
    expect(new Set(noted).size).toBe(4);
    expect(await Promise.all(noted.map((keyId) => maker.discardKey('0630', keyId)))).toEqual(
      noted.map((keyId) => keyId !== made[0]),
    );
    const left = keysKept().flatMap(({ signs, state }) => (signs ? [] : [state]));
    expect(left.toSorted()).toEqual(['Enabled', 'PendingDeletion', 'PendingDeletion', 'PendingDeletion']);
    for (const keyId of noted) await maker.discardKey('0630', keyId);
    expect((await describeKey(made[0] ?? ''))?.KeyState).toBe('Enabled');
  });

  it('is noted before anything can end the process between its making and its alias', async () => {
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          if (commandName === 'EnableKeyRotationCommand') throw new Error('The process ended');
          return next(args);
        },
      { step: 'initialize', name: 'end' },
    );
    await expect(maker.createKey('0630', note)).rejects.toThrow('ended');
    client.middlewareStack.remove('end');
    const [lost = ''] = noted;
    expect(await maker.createKey('0630', note)).not.toBe(lost);
    expect(await maker.discardKey('0630', lost)).toBe(true);
    expect((await describeKey(lost))?.KeyState).toBe('PendingDeletion');
  });

  it('stays when the SDK asks for its alias twice because the first answer was lost', async () => {
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          if (commandName === 'CreateAliasCommand') await next(args);
          return next(args);
        },
      { step: 'initialize', name: 'twice' },
    );
    const keyId = await maker.createKey('0630', note);
    expect(await describeKey('alias/livline/test/0630')).toMatchObject({ Arn: keyId, KeyState: 'Enabled' });
  });

  it('is another for another municipality', async () => {
    expect(await maker.createKey('0766', note)).not.toBe(await maker.createKey('0630', note));
  });
});

describe('a data key', () => {
  it('is never seen by who makes it, and unwrapped only in a session of its municipality', async () => {
    const keyId = await maker.createKey('0630', note);
    sent = [];
    const wrapped = await maker.newDataKey(keyId, binding);
    expect(sent).toEqual(['GenerateDataKeyWithoutPlaintext']);
    const bytes = await opener.unwrap(keyId, wrapped, binding);
    expect(bytes).toHaveLength(32);
    expect(await opener.unwrap(keyId, wrapped, binding)).toEqual(bytes);
    const denied = { name: 'AccessDeniedException' };
    await expect(kmsKeyOpener(() => client).unwrap(keyId, wrapped, binding)).rejects.toMatchObject(denied);
    const foreign = kmsKeyOpener(() => sessionOf('0766'));
    await expect(foreign.unwrap(keyId, wrapped, binding)).rejects.toMatchObject(denied);
  });

  it('is bound to municipality, purpose and key', async () => {
    const [keyId, other] = await Promise.all(['0630', '0766'].map((code) => maker.createKey(code, note)));
    const [mine = '', foreign = ''] = [keyId, other];
    const wrapped = await maker.newDataKey(mine, binding);
    const invalid = { name: 'InvalidCiphertextException' };
    await expect(opener.unwrap(mine, wrapped, { ...binding, municipality: '0766' })).rejects.toMatchObject(invalid);
    await expect(opener.unwrap(mine, wrapped, { ...binding, purpose: 'lookup' })).rejects.toMatchObject(invalid);
    await expect(opener.unwrap(foreign, wrapped, binding)).rejects.toMatchObject({ name: 'IncorrectKeyException' });
    const cut = Buffer.from(wrapped, 'base64').subarray(0, -1).toString('base64');
    await expect(opener.unwrap(mine, cut, binding)).rejects.toMatchObject(invalid);
  });

  it('seals and opens fields, also after a restart', async () => {
    const keyId = await maker.createKey('0630', note);
    const [fields, lookup] = await Promise.all(
      (['fields', 'lookup'] as const).map((purpose) => maker.newDataKey(keyId, { municipality: '0630', purpose })),
    );
    const sealing = {
      keyId,
      current: 1,
      wrapped: { 1: fields ?? '' },
      secrets: {},
      lookup: lookup ?? '',
      integrity: '',
    };
    const place = { municipality: '0630', recordId: randomUUID(), field: 'phone' };
    const sealed = await seal(keyrings(opener)('0630', sealing), place, '+45 12 34 56 78');
    await server.stop();
    await start();
    const keyring = keyrings(opener)('0630', sealing);
    expect(await open(keyring, place, sealed)).toBe('+45 12 34 56 78');
    expect((await keyring.lookupKey()).symmetricKeySize).toBe(32);
  });
});

describe('destroying a key', () => {
  it('makes all it wrapped unreadable at once, and may be done again', async () => {
    const keyId = await maker.createKey('0630', note);
    const wrapped = await maker.newDataKey(keyId, binding);
    await maker.destroyKey('0630', keyId);
    await expect(opener.unwrap(keyId, wrapped, binding)).rejects.toMatchObject({ name: 'KMSInvalidStateException' });
    await expect(maker.newDataKey(keyId, binding)).rejects.toMatchObject({ name: 'KMSInvalidStateException' });
    const { KeyState, DeletionDate } = (await describeKey(keyId)) ?? {};
    expect(KeyState).toBe('PendingDeletion');
    expect(Number(DeletionDate)).toBeGreaterThan(Date.now() + 6 * 86_400_000);
    sent = [];
    await maker.destroyKey('0630', keyId);
    expect(sent).toEqual(['DescribeKey', 'DescribeKey']);
  });

  it('goes on where it stopped', async () => {
    const keyId = await maker.createKey('0630', note);
    const stops = { DisableKey: 'Enabled', ScheduleKeyDeletion: 'Disabled', DeleteAlias: 'PendingDeletion' };
    for (const [command, state] of Object.entries(stops)) {
      client.middlewareStack.add(
        (next, { commandName }) =>
          async (args) => {
            if (commandName === `${command}Command`) throw new Error('The process ended');
            return next(args);
          },
        { step: 'initialize', name: 'end' },
      );
      await expect(maker.destroyKey('0630', keyId)).rejects.toThrow('ended');
      client.middlewareStack.remove('end');
      expect((await describeKey(keyId))?.KeyState).toBe(state);
    }
    await expect(maker.createKey('0630', note)).rejects.toThrow('The key of municipality 0630 is PendingDeletion');
    await maker.destroyKey('0630', keyId);
    expect(await maker.createKey('0630', note)).not.toBe(keyId);
  });

  it('leaves the key of a municipality that came back, and takes one that is gone for destroyed', async () => {
    const before = await maker.createKey('0630', note);
    await maker.destroyKey('0630', before);
    const after = await maker.createKey('0630', note);
    await maker.destroyKey('0630', before);
    expect(await maker.createKey('0630', note)).toBe(after);
    await client.send(new DeleteAliasCommand({ AliasName: 'alias/livline/test/0630' }));
    await maker.destroyKey('0630', before.replace(/[^/]+$/, randomUUID()));
  });
});

describe('the key service of this machine', () => {
  it('signs with the key that certificates are signed with, and keeps it', async () => {
    const Message = Buffer.from('Municipality 0630 is erased');
    const how = { KeyId: signingAlias, SigningAlgorithm: 'ECDSA_SHA_256' } as const;
    const { Signature = new Uint8Array() } = await client.send(new SignCommand({ ...how, Message }));
    await server.stop();
    await start();
    const { PublicKey = new Uint8Array() } = await client.send(new GetPublicKeyCommand({ KeyId: signingAlias }));
    const key = { key: Buffer.from(PublicKey), format: 'der', type: 'spki' } as const;
    expect(verify('sha256', Message, key, Signature)).toBe(true);
    expect(verify('sha256', createHash('sha256').update(Message).digest(), key, Signature)).toBe(false);
    await expect(maker.newDataKey(signingAlias, binding)).rejects.toMatchObject({ name: 'InvalidKeyUsageException' });
  });

  it('lets a session unwrap and nothing else, and hears no stranger', async () => {
    const session = sessionOf('0630');
    const keyId = await maker.createKey('0630', note);
    const asSession = kmsKeyMaker({ client: session, stage: 'test' });
    const denied = { name: 'AccessDeniedException' };
    await expect(asSession.createKey('0766', note)).rejects.toMatchObject(denied);
    await expect(asSession.newDataKey(keyId, binding)).rejects.toMatchObject(denied);
    await expect(asSession.destroyKey('0630', keyId)).rejects.toMatchObject(denied);
    const sign = new SignCommand({ KeyId: signingAlias, SigningAlgorithm: 'ECDSA_SHA_256', Message: Buffer.from('a') });
    await expect(session.send(sign)).rejects.toMatchObject(denied);
    const stranger = clientWith({ accessKeyId: 'somebodyelse', secretAccessKey: 'any' });
    await expect(kmsKeyMaker({ client: stranger, stage: 'test' }).createKey('0630', note)).rejects.toThrow(
      'security token',
    );
    await expect(client.send(new ListKeysCommand())).rejects.toThrow('not part of this service');
    const nothing = new DecryptCommand({ CiphertextBlob: Buffer.from('nothing'), EncryptionContext: { ...binding } });
    await expect(session.send(nothing)).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
  });
});
