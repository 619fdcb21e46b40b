import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  type DynamoDBClient,
  DynamoDBServiceException,
  ResourceInUseException,
  type StreamViewType,
  type TableDescription,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { CACHE } from './database.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';
import { StartupProblem } from './startup-problem.ts';

/** The part of a CloudFormation template that describes tables. */
export interface Template {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties?: object }>>;
}

/** Properties of AWS::DynamoDB::Table which the emulator can follow; their names are those of its API. */
interface TableProperties
  extends Pick<
    CreateTableCommandInput,
    'KeySchema' | 'AttributeDefinitions' | 'GlobalSecondaryIndexes' | 'BillingMode'
  > {
  readonly StreamSpecification?: { readonly StreamViewType: StreamViewType };
  readonly TimeToLiveSpecification?: { readonly AttributeName: string; readonly Enabled: boolean };
}

/**
 * The template of the data stack, synthesised as for a deployment. Kept under a name made of all it follows from,
 * since loading CDK takes longer than all else here.
 */
export async function tableTemplate(): Promise<Template> {
  const sources = ['../stacks/data.ts', '../stages.ts', '../../cdk.json'].map((file) =>
    readFileSync(new URL(file, import.meta.url)),
  );
  const { version } = createRequire(import.meta.url)('aws-cdk-lib/package.json') as { version: string };
  const hash = createHash('sha256').update(version);
  for (const source of sources) hash.update(source);
  const path = join(CACHE, `data-stack-${hash.digest('hex').slice(0, 16)}.json`);

  const kept = readKept(path);
  if (kept !== undefined) return kept;
  const [{ App }, { dataStack }, { stageNamed }, cdkJson] = await Promise.all([
    import('aws-cdk-lib'),
    import('../stacks/data.ts'),
    import('../stages.ts'),
    import('../../cdk.json', { with: { type: 'json' } }),
  ]);
  const app = new App({ analyticsReporting: false, context: cdkJson.default.context });
  const { stack } = dataStack(app, stageNamed('dev'));
  const template = app.synth().getStackArtifact(stack.artifactId).template as Template;
  mkdirSync(CACHE, { recursive: true });
  writeJsonFile(path, template);
  return template;
}

function readKept(path: string): Template | undefined {
  try {
    return readJsonFile(path) as Template | undefined;
  } catch {
    return undefined;
  }
}

/** The name of the table with the keys of persons, beside the table of the record with this name. */
export const keysTableOf = (name: string): string => `${name}-keys`;

/**
 * Creates the tables of a template: that of the record, and beside it that of persons' keys.
 * @returns the ARN of the record's stream
 * @throws StartupProblem as {@link createTable} does
 */
export async function createTables(client: DynamoDBClient, name: string, template: Template): Promise<string> {
  const [streamArn] = await Promise.all([
    createTable(client, name, template),
    createTable(client, keysTableOf(name), template, 'keys'),
  ]);
  return streamArn;
}

/**
 * Creates the table of a template under a name of its own, with its indexes, stream and time to live.
 * One that is already there is left as it is.
 * @returns the ARN of its stream
 * @throws StartupProblem if the one that is there cannot be read, or has other keys or indexes
 */
export async function createTable(
  client: DynamoDBClient,
  name: string,
  template: Template,
  id: 'table' | 'keys' = 'table',
): Promise<string> {
  const table = tableOf(template, id);
  const { StreamSpecification: stream, TimeToLiveSpecification: timeToLive } = table;
  const input: CreateTableCommandInput = {
    TableName: name,
    KeySchema: table.KeySchema,
    AttributeDefinitions: table.AttributeDefinitions,
    GlobalSecondaryIndexes: table.GlobalSecondaryIndexes,
    BillingMode: table.BillingMode,
    ...(stream && { StreamSpecification: { StreamEnabled: true, StreamViewType: stream.StreamViewType } }),
  };
  try {
    const { TableDescription: created } = await client.send(new CreateTableCommand(input));
    if (timeToLive) {
      await client.send(new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification: timeToLive }));
    }
    return created?.LatestStreamArn ?? '';
  } catch (error) {
    if (error instanceof DynamoDBServiceException && error.$fault === 'server') {
      throw new StartupProblem(
        'The database cannot read the data kept here: `npm start -- --fresh` empties it, or put back a good copy.',
        { cause: error },
      );
    }
    if (!(error instanceof ResourceInUseException)) throw error;
    const { Table: existing } = await client.send(new DescribeTableCommand({ TableName: name }));
    if (existing === undefined || shapeOf(existing) !== shapeOf(input)) {
      throw new StartupProblem(
        'The data kept here is of another version, whose table has other indexes: `npm start -- --fresh` empties it.',
      );
    }
    return existing.LatestStreamArn ?? '';
  }
}

/** The table that CDK knows by this id: a resource's logical id is it and a hash of eight digits. */
function tableOf(template: Template, id: string): TableProperties {
  const table = Object.entries(template.Resources).find(
    ([name, { Type }]) => Type === 'AWS::DynamoDB::Table' && name.slice(0, -8) === id,
  );
  if (table === undefined) throw new Error(`The template has no table ${id}`);
  return table[1].Properties as TableProperties;
}

/** Keys and indexes in one comparable text, whatever the order they are told in. */
function shapeOf(table: CreateTableCommandInput | TableDescription): string {
  const indexes = (table.GlobalSecondaryIndexes ?? []).map(({ IndexName, KeySchema, Projection }) => ({
    IndexName,
    KeySchema,
    type: Projection?.ProjectionType,
    attributes: Projection?.NonKeyAttributes?.toSorted(),
  }));
  const byName = indexes.toSorted((a, b) => (a.IndexName ?? '').localeCompare(b.IndexName ?? ''));
  return JSON.stringify([table.KeySchema, byName]);
}
