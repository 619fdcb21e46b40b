import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  randomUUID,
  sign,
} from 'node:crypto';
import { join } from 'node:path';
import {
  type Answer,
  type AwsOperation,
  awsJsonService,
  isRefusal,
  type Refusal,
  refuse,
  type Service,
} from './aws-json.ts';
import type { Caller, Callers } from './callers.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';
import { ACCOUNT, REGION } from './lambda.ts';

/** A key as KMS knows it. */
interface Key {
  readonly id: string;
  readonly state: 'Enabled' | 'Disabled' | 'PendingDeletion';
  readonly description: string;
  readonly tags: unknown;
  readonly rotated: boolean;
  /** Epoch seconds. */
  readonly createdAt: number;
  /** Epoch seconds. */
  readonly deletedAt?: number;
  /** 32 bytes in base64, or where it signs a private key in PEM. */
  readonly secret: string;
  readonly signs: boolean;
}

interface Stored {
  readonly keys: readonly Key[];
  readonly aliases: Readonly<Record<string, string>>;
}

/** Keys and their aliases, each change of which is stored before it is answered. */
interface Keys {
  readonly byId: Map<string, Key>;
  readonly aliases: Map<string, string>;
  readonly save: () => void;
}

type Input = Readonly<Record<string, unknown>>;

export interface KeyServiceOptions {
  readonly callers: Callers;
  /** The alias of a key that signs (P-256), made unless it is there. */
  readonly signingAlias: string;
  /** Where the keys are kept; in memory when left out. */
  readonly folder?: string | undefined;
}

const ARN = `arn:aws:kms:${REGION}:${ACCOUNT}:`;
const NONCE = 12;
const TAG = 16;
const ID = 36;
const SIGNS = 'ECDSA_SHA_256';

/**
 * The part of KMS's API that Livline uses, in its own protocol, with the roles' rights: a session of a municipality
 * unwraps what was wrapped for that municipality and does nothing else; all else is for the functions' own roles.
 * @throws StartupProblem if what the folder holds cannot be read
 */
export function openKeyService({ callers, signingAlias, folder }: KeyServiceOptions): Service {
  const keys = openKeys(folder && join(folder, 'keys.json'));
  if (!keys.aliases.has(signingAlias)) {
    const key = newKey({ Description: 'Signs certificates' }, true);
    keys.aliases.set(signingAlias, key.id);
    put(keys, key);
  }
  return awsJsonService('TrentService', callers.of, {
    CreateKey: own((input) => create(keys, input)),
    DescribeKey: own((input) => withKey(keys, input['KeyId'], metadataOf)),
    EnableKeyRotation: own((input) => withUsable(keys, input, false, (key) => change(keys, key, { rotated: true }))),
    CreateAlias: own((input) => createAlias(keys, input)),
    DeleteAlias: own((input) => deleteAlias(keys, input)),
    GenerateDataKeyWithoutPlaintext: own((input) => withUsable(keys, input, false, (key) => dataKey(key, input))),
    Decrypt: (input, caller) => decrypt(keys, input, caller),
    DisableKey: own((input) => withLasting(keys, input, (key) => change(keys, key, { state: 'Disabled' }))),
    ScheduleKeyDeletion: own((input) => withLasting(keys, input, (key) => scheduleDeletion(keys, key, input))),
    Sign: own((input) => withUsable(keys, input, true, (key) => signed(key, input))),
    GetPublicKey: own((input) => withUsable(keys, input, true, publicKey)),
  });
}

function openKeys(path: string | undefined): Keys {
  const { keys = [], aliases = {} } = ((path && readJsonFile(path)) ?? {}) as Partial<Stored>;
  const kept = keys.filter(({ deletedAt = Number.POSITIVE_INFINITY }) => deletedAt > nowInSeconds());
  const byId = new Map(kept.map((key) => [key.id, key]));
  const byAlias = new Map(Object.entries(aliases).filter(([, id]) => byId.has(id)));
  const save = () => {
    const stored: Stored = { keys: [...byId.values()], aliases: Object.fromEntries(byAlias) };
    if (path) writeJsonFile(path, stored);
  };
  return { byId, aliases: byAlias, save };
}

const nowInSeconds = () => Math.floor(Date.now() / 1000);

const own =
  (operation: (input: Input) => Answer): AwsOperation<Caller> =>
  (input, { municipality }) =>
    municipality === undefined
      ? operation(input)
      : refuse('AccessDeniedException', `A session of municipality ${municipality} may not do this.`);

function newKey({ Description: description = '', Tags: tags = [] }: Input, signs: boolean): Key {
  const secret = signs
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
    : randomBytes(32).toString('base64');
  const createdAt = nowInSeconds();
  return {
    id: randomUUID(),
    state: 'Enabled',
    description: `${description}`,
    tags,
    rotated: false,
    createdAt,
    secret,
    signs,
  };
}

function put(keys: Keys, key: Key): void {
  keys.byId.set(key.id, key);
  keys.save();
}

function change(keys: Keys, key: Key, to: Partial<Key>): object {
  put(keys, { ...key, ...to });
  return {};
}

/** Finds a key by its id or its alias, each alone or as an ARN. */
function withKey(keys: Keys, name: unknown, act: (key: Key) => Answer): Answer {
  const local = `${name}`.replace(ARN, '').replace(/^key\//, '');
  const key = keys.byId.get(keys.aliases.get(local) ?? local);
  return key ? act(key) : refuse('NotFoundException', `Key ${name} does not exist.`);
}

/** Finds a key that is not on its way out. */
const withLasting = (keys: Keys, { KeyId }: Input, act: (key: Key) => Answer): Answer =>
  withKey(keys, KeyId, (key) =>
    key.state === 'PendingDeletion'
      ? refuse('KMSInvalidStateException', `${arnOf(key)} is pending deletion.`)
      : act(key),
  );

/** Finds a key that may be used, for signing or for wrapping. */
const withUsable = (keys: Keys, input: Input, toSign: boolean, act: (key: Key) => Answer): Answer =>
  withLasting(keys, input, (key) => {
    if (key.state === 'Disabled') return refuse('DisabledException', `${arnOf(key)} is disabled.`);
    if (key.signs !== toSign) return refuse('InvalidKeyUsageException', `${arnOf(key)} is not for that.`);
    return act(key);
  });

const arnOf = ({ id }: Key) => `${ARN}key/${id}`;

const metadataOf = (key: Key) => ({
  KeyMetadata: {
    AWSAccountId: ACCOUNT,
    KeyId: key.id,
    Arn: arnOf(key),
    CreationDate: key.createdAt,
    Enabled: key.state === 'Enabled',
    Description: key.description,
    KeyUsage: key.signs ? 'SIGN_VERIFY' : 'ENCRYPT_DECRYPT',
    KeyState: key.state,
    KeySpec: key.signs ? 'ECC_NIST_P256' : 'SYMMETRIC_DEFAULT',
    DeletionDate: key.deletedAt,
    KeyManager: 'CUSTOMER',
    Origin: 'AWS_KMS',
    MultiRegion: false,
  },
});

function create(keys: Keys, input: Input): Answer {
  const { KeySpec = 'SYMMETRIC_DEFAULT' } = input;
  if (KeySpec !== 'SYMMETRIC_DEFAULT') return refuse('ValidationException', `${KeySpec} keys are not made here.`);
  const key = newKey(input, false);
  put(keys, key);
  return metadataOf(key);
}

function createAlias(keys: Keys, { AliasName: name, TargetKeyId }: Input): Answer {
  if (typeof name !== 'string' || !/^alias\/[\w/-]{1,250}$/.test(name)) {
    return refuse('InvalidAliasNameException', `${name} is no name of an alias.`);
  }
  if (keys.aliases.has(name)) return refuse('AlreadyExistsException', `${name} already exists.`);
  return withLasting(keys, { KeyId: TargetKeyId }, ({ id }) => {
    keys.aliases.set(name, id);
    keys.save();
    return {};
  });
}

function deleteAlias(keys: Keys, { AliasName: name }: Input): Answer {
  if (!keys.aliases.delete(`${name}`)) return refuse('NotFoundException', `${name} does not exist.`);
  keys.save();
  return {};
}

function scheduleDeletion(keys: Keys, key: Key, { PendingWindowInDays: days = 30 }: Input): Answer {
  if (typeof days !== 'number' || days < 7 || days > 30) {
    return refuse('ValidationException', 'PendingWindowInDays must be 7 to 30.');
  }
  const deletedAt = nowInSeconds() + days * 86_400;
  change(keys, key, { state: 'PendingDeletion', deletedAt });
  return { KeyId: arnOf(key), DeletionDate: deletedAt, KeyState: 'PendingDeletion', PendingWindowInDays: days };
}

/** The encryption context in the one spelling that is authenticated. */
const contextOf = ({ EncryptionContext: context = {} }: Input): Buffer =>
  Buffer.from(JSON.stringify(Object.entries(context as object).toSorted(([a], [b]) => (a < b ? -1 : 1))));

/** A new data key, wrapped: the key's id, nonce, tag and the bytes under AES-256-GCM. */
function dataKey(key: Key, input: Input): Answer {
  if (input['KeySpec'] !== 'AES_256') return refuse('ValidationException', 'KeySpec must be AES_256.');
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(key.secret, 'base64'), nonce).setAAD(contextOf(input));
  const bytes = Buffer.concat([cipher.update(randomBytes(32)), cipher.final()]);
  const wrapped = Buffer.concat([Buffer.from(key.id), nonce, cipher.getAuthTag(), bytes]);
  return { CiphertextBlob: wrapped.toString('base64'), KeyId: arnOf(key) };
}

function decrypt(keys: Keys, input: Input, { municipality }: Caller): Answer {
  const { municipality: wrappedFor } = (input['EncryptionContext'] ?? {}) as { municipality?: unknown };
  if (municipality === undefined || municipality !== wrappedFor) {
    return refuse(
      'AccessDeniedException',
      'Only a session of the municipality that a key was wrapped for may unwrap it.',
    );
  }
  const wrapped = Buffer.from(`${input['CiphertextBlob']}`, 'base64');
  const id = wrapped.subarray(0, ID).toString();
  if (!keys.byId.has(id)) return notWrapped();
  const { KeyId = id } = input;
  return withUsable(keys, { KeyId }, false, (key) => {
    if (key.id !== id) return refuse('IncorrectKeyException', `It was not wrapped by ${arnOf(key)}.`);
    const bytes = unwrapped(key, wrapped.subarray(ID), contextOf(input));
    return isRefusal(bytes) ? bytes : { Plaintext: bytes.toString('base64'), KeyId: arnOf(key) };
  });
}

function unwrapped(key: Key, wrapped: Buffer, context: Buffer): Buffer | Refusal {
  try {
    const secret = Buffer.from(key.secret, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', secret, wrapped.subarray(0, NONCE), { authTagLength: TAG })
      .setAAD(context)
      .setAuthTag(wrapped.subarray(NONCE, NONCE + TAG));
    return Buffer.concat([decipher.update(wrapped.subarray(NONCE + TAG)), decipher.final()]);
  } catch {
    return notWrapped();
  }
}

const notWrapped = () => refuse('InvalidCiphertextException', 'It was not wrapped here, or in another context.');

function signed(key: Key, { Message, MessageType = 'RAW', SigningAlgorithm }: Input): Answer {
  const message = Buffer.from(`${Message}`, 'base64');
  if (MessageType !== 'RAW' || SigningAlgorithm !== SIGNS || message.length > 4096) {
    return refuse('ValidationException', `Only ${SIGNS} over a raw message of at most 4096 bytes is known here.`);
  }
  const signature = sign('sha256', message, key.secret);
  return { KeyId: arnOf(key), Signature: signature.toString('base64'), SigningAlgorithm: SIGNS };
}

function publicKey(key: Key): Answer {
  const spki = createPublicKey(createPrivateKey(key.secret)).export({ format: 'der', type: 'spki' });
  return {
    KeyId: arnOf(key),
    PublicKey: spki.toString('base64'),
    KeySpec: 'ECC_NIST_P256',
    KeyUsage: 'SIGN_VERIFY',
    SigningAlgorithms: [SIGNS],
  };
}
