import {
  AlreadyExistsException,
  CreateAliasCommand,
  CreateKeyCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyRotationCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  type KeyMetadata,
  type KMSClient,
  NotFoundException,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';

import type { KeyBinding } from './key-opener.ts';

/** Makes and ends the keys of municipalities, and sees none of them in clear. */
export interface KeyMaker {
  /**
   * Returns the ARN of the municipality's own key, which is made unless it is there. However often it is asked, and by
   * however many at once, all are given the same one. `note` is given each key that is made before it is used: one that
   * another request was quicker to make stays in vain until {@link discardKey} ends it.
   */
  createKey(code: string, note: (keyId: string) => Promise<void>): Promise<string>;
  /** Ends a key that was made in vain. Returns false, and leaves it, if it is the one behind the municipality's alias. */
  discardKey(code: string, keyId: string): Promise<boolean>;
  /** A new data key of 256 bits, wrapped by the municipality's key, in base64. */
  newDataKey(keyId: string, binding: KeyBinding): Promise<string>;
  /**
   * Ends the municipality's key: from now on it unwraps nothing, and after 7 days it does not exist, so that all that was
   * sealed under it is unreadable for ever, in backups too. May be done again and goes on where it stopped.
   */
  destroyKey(code: string, keyId: string): Promise<void>;
}

export interface KmsMakerOptions {
  /** Works under the function's own role. */
  readonly client: KMSClient;
  /** Part of each key's alias, `alias/livline/<stage>/<code>`: stages in one account share no key. */
  readonly stage: string;
}

/** The least that AWS lets a key wait for its deletion. */
const DAYS_TO_DELETION = 7;

/** Keys in AWS KMS: one symmetric key for each municipality, rotated yearly by KMS itself. */
export function kmsKeyMaker({ client, stage }: KmsMakerOptions): KeyMaker {
  const aliasOf = (code: string) => `alias/livline/${stage}/${code}`;

  async function keyOf(keyId: string): Promise<KeyMetadata | undefined> {
    const found = await unless(NotFoundException, () => client.send(new DescribeKeyCommand({ KeyId: keyId })));
    return found?.KeyMetadata;
  }

  /** The key behind the alias. One that is on its way out is no key: whoever destroys it takes the alias off first. */
  async function aliased(code: string): Promise<string | undefined> {
    const key = await keyOf(aliasOf(code));
    if (key && key.KeyState !== 'Enabled') throw new Error(`The key of municipality ${code} is ${key.KeyState}`);
    return key?.Arn;
  }

  const scheduleDeletion = (keyId: string) =>
    client.send(new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: DAYS_TO_DELETION }));

  return {
    async createKey(code, note) {
      const known = await aliased(code);
      if (known !== undefined) return known;
      const { KeyMetadata } = await client.send(
        new CreateKeyCommand({
          Description: `Livline ${stage}: data keys of municipality ${code}`,
          KeySpec: 'SYMMETRIC_DEFAULT',
          KeyUsage: 'ENCRYPT_DECRYPT',
          Tags: [
            { TagKey: 'livline:municipality', TagValue: code },
            { TagKey: 'livline:stage', TagValue: stage },
          ],
        }),
      );
      const { Arn: arn } = KeyMetadata ?? {};
      if (arn === undefined) throw new Error('KMS made no key');
      await note(arn);
      await client.send(new EnableKeyRotationCommand({ KeyId: arn }));
      // The alias makes it the municipality's key. Whatever ends this before leaves a key that has wrapped nothing.
      const alias = new CreateAliasCommand({ AliasName: aliasOf(code), TargetKeyId: arn });
      if (await unless(AlreadyExistsException, () => client.send(alias))) return arn;
      // Another was quicker, or the SDK asked twice because the first answer was lost.
      const quicker = await aliased(code);
      if (quicker === undefined) throw new Error(`The key of municipality ${code} came and went`);
      return quicker;
    },

    async discardKey(code, keyId) {
      if ((await keyOf(aliasOf(code)))?.Arn === keyId) return false;
      const key = await keyOf(keyId);
      if (key && key.KeyState !== 'PendingDeletion') await scheduleDeletion(keyId);
      return true;
    },

    async newDataKey(keyId, { municipality, purpose }) {
      const { CiphertextBlob } = await client.send(
        new GenerateDataKeyWithoutPlaintextCommand({
          KeyId: keyId,
          KeySpec: 'AES_256',
          EncryptionContext: { municipality, purpose },
        }),
      );
      if (CiphertextBlob === undefined) throw new Error('KMS made no data key');
      return Buffer.from(CiphertextBlob).toString('base64');
    },

    async destroyKey(code, keyId) {
      const key = await keyOf(keyId);
      if (key && key.KeyState !== 'PendingDeletion') {
        if (key.KeyState !== 'Disabled') await client.send(new DisableKeyCommand({ KeyId: keyId }));
        await scheduleDeletion(keyId);
      }
      // A municipality that came back has a key of its own under the same alias.
      const named = await keyOf(aliasOf(code));
      if (named?.Arn !== keyId) return;
      await unless(NotFoundException, () => client.send(new DeleteAliasCommand({ AliasName: aliasOf(code) })));
    },
  };
}

/** What `ask` gives; `undefined` where it fails in this one way. */
async function unless<Result>(
  failure: typeof NotFoundException | typeof AlreadyExistsException,
  ask: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof failure) return undefined;
    throw error;
  }
}
