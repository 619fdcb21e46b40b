import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KeyOpener } from '#shared/crypto/key-opener.ts';

/** One request that came. */
export interface Taken {
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** A server on the loopback interface that stands in for somebody else's. */
export interface StandIn {
  readonly url: string;
  readonly taken: readonly Taken[];
  readonly stop: () => Promise<void>;
}

/** Starts a server that answers each request with 200 and what `answer` gives: text as it is, else as JSON. */
export async function standIn(answer: (request: Taken) => unknown | Promise<unknown>): Promise<StandIn> {
  const taken: Taken[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const seen = { headers: request.headers, text: Buffer.concat(chunks).toString() };
    taken.push(seen);
    const given = (await answer(seen)) ?? {};
    if (typeof given === 'string') response.setHeader('content-type', 'text/xml').end(given);
    else response.setHeader('content-type', 'application/x-amz-json-1.0').end(JSON.stringify(given));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

interface Batch {
  readonly Entries: readonly { readonly Id: string; readonly MessageBody: string }[];
}

/** SQS as far as SendMessageBatch goes, in its JSON protocol; the SDK checks the digest of each body. */
export const standInQueue = (): Promise<StandIn> =>
  standIn(({ text }) => ({
    Successful: (JSON.parse(text) as Batch).Entries.map(({ Id, MessageBody }) => ({
      Id,
      MessageId: Id,
      MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex'),
    })),
  }));

/** Cognito as far as CreateUserPoolClient goes. */
export const standInUserPool = (client: { ClientId: string; ClientSecret: string }): Promise<StandIn> =>
  standIn(() => ({ UserPoolClient: client }));

/** STS as far as AssumeRole goes: sessions with this access key, by which the emulator finds its database. */
export const standInTokens = (accessKeyId: string): Promise<StandIn> =>
  standIn(
    () =>
      `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>test</SecretAccessKey><SessionToken>session</SessionToken><Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
  );

/** KMS as far as a municipality's key and data keys go: a wrapped key is the key itself. */
export const standInKms = (): Promise<StandIn> => {
  const arn = 'arn:aws:kms:eu-central-1:000000000000:key/municipality';
  const key = Buffer.alloc(32, 7).toString('base64');
  const answers: Readonly<Record<string, object>> = {
    DescribeKey: { KeyMetadata: { KeyId: arn, Arn: arn, KeyState: 'Enabled' } },
    GenerateDataKeyWithoutPlaintext: { KeyId: arn, CiphertextBlob: key },
    Decrypt: { KeyId: arn, Plaintext: key },
  };
  return standIn(({ headers }) => answers[String(headers['x-amz-target']).replace('TrentService.', '')]);
};

/** KMS as far as unwrapping goes, with the keys of a test. */
export const standInUnwrapping = (keys: KeyOpener): Promise<StandIn> =>
  standIn(async ({ text }) => {
    const { KeyId, CiphertextBlob, EncryptionContext } = JSON.parse(text);
    const key = await keys.unwrap(KeyId, CiphertextBlob, EncryptionContext);
    return { KeyId, Plaintext: Buffer.from(key).toString('base64') };
  });
