import type { TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import type { Captured } from './captured-table.ts';

interface TextKey {
  readonly pk: string;
  readonly sk?: string;
}

/**
 * A captured request in one line: its command, a Query's index, and the partitions it reaches, a sort key behind a slash
 * where it is another than `A`. The prefix of municipality `code` is left out, and ids are called by their `names`.
 */
export function requestLine(
  { command, input }: Captured,
  code: string,
  names: Readonly<Record<string, string>>,
): string {
  const called = new Map(Object.entries(names).map(([name, value]) => [value, name]));

  function word({ pk, sk = 'A' }: TextKey): string {
    return `${pk.replace(`T#${code}#`, '')}${sk === 'A' ? '' : `/${sk}`}`
      .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, (id) => called.get(id) ?? 'new')
      .replaceAll(/client-\d+/g, (id) => called.get(id) ?? 'client-new')
      .replaceAll(/\bevt_[0-9a-f]{32}\b/g, 'event')
      .replaceAll(/\barn:aws:kms:[\w:-]+\/[0-9a-f]{32}\b/g, 'key')
      .replaceAll(/\b[0-9a-f]{64}\b/g, 'hash')
      .replaceAll(new RegExp(`#${code}(?=#|/|$)`, 'g'), '#code');
  }

  switch (command) {
    case 'Query':
      return ['Query', input.IndexName, word({ pk: input.ExpressionAttributeValues[':pk'] })].filter(Boolean).join(' ');
    case 'BatchGetItem': {
      const [{ Keys }] = Object.values(input.RequestItems) as [{ Keys: readonly TextKey[] }];
      return `BatchGetItem ${Keys.map(word).join(', ')}`;
    }
    case 'TransactWriteItems': {
      const operations = (input as TransactWriteCommandInput).TransactItems ?? [];
      const lines = operations.map(({ Put, Update, Delete, ConditionCheck }) => {
        const verb = (Put && 'put') ?? (Update && 'update') ?? (Delete && 'delete') ?? 'check';
        return `${verb} ${word((Put?.Item ?? (Update ?? Delete ?? ConditionCheck)?.Key) as unknown as TextKey)}`;
      });
      return `TransactWriteItems ${lines.join(', ')}`;
    }
    default:
      return `${command} ${word(input.Key ?? input.Item)}`;
  }
}
