import type { AttributeValue, _Record as StreamsRecord } from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord, StreamRecord, AttributeValue as WrittenValue } from 'aws-lambda';
import { REGION } from './lambda.ts';

/** A record as Lambda writes it: as the SDK reads it, but times in epoch seconds and bytes in base64. */
export function streamRecord({ dynamodb = {}, ...record }: StreamsRecord, streamArn: string): DynamoDBRecord {
  const { ApproximateCreationDateTime: at, Keys: keys, NewImage: newImage, OldImage: oldImage, ...rest } = dynamodb;
  const written: StreamRecord = {
    ...rest,
    ...(at && { ApproximateCreationDateTime: at.getTime() / 1000 }),
    ...(keys && { Keys: imageOf(keys) }),
    ...(newImage && { NewImage: imageOf(newImage) }),
    ...(oldImage && { OldImage: imageOf(oldImage) }),
  };
  return { ...record, awsRegion: REGION, eventSourceARN: streamArn, dynamodb: written };
}

function imageOf(image: Readonly<Record<string, AttributeValue>>): Record<string, WrittenValue> {
  return Object.fromEntries(Object.entries(image).map(([name, value]) => [name, valueIn(value)]));
}

function valueIn(value: AttributeValue): WrittenValue {
  if (value.B !== undefined) return { B: base64(value.B) };
  if (value.BS !== undefined) return { BS: value.BS.map(base64) };
  if (value.L !== undefined) return { L: value.L.map(valueIn) };
  if (value.M !== undefined) return { M: imageOf(value.M) };
  return value as WrittenValue;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
