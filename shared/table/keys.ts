/**
 * The keys of the one table.
 *
 * A key is a list of segments until the last moment: {@link encodeKey} escapes each segment and joins them with `#`.
 * Because no escaped segment contains `#`, two different lists never give the same key, and no value that a caller
 * chooses can reach into another segment. Tenant rows all start with `T#<code>#`, a prefix that only a scoped table
 * (see scoped-table.ts) can add: the lists below name places inside a municipality and mean nothing without one.
 *
 * | row                 | pk                       | sk              | list                       | about                 | due            |
 * |---------------------|--------------------------|-----------------|----------------------------|-----------------------|----------------|
 * | record              | R#id                     | A               | L#type → natural order     | O#owner → time        | deadlines      |
 * | deleted record      | R#id                     | A               |                            | DELETED#owner → id    |                |
 * | edge to a record    | R#id                     | E#name#otherId  | L#type#name#otherId        | O#otherId → time      |                |
 * | partner's copy      | R#id                     | V#partner#…     | S#partner#L#type → …       | S#partner#O#owner → … |                |
 * | part of a long text  | R#id                     | P#part          |                            |                       |                |
 * | version that a hold keeps | R#holdId           | H#id#version    |                            | KEPT#id → hold        |                |
 * | unique lock         | K#name#…                 | A               |                            |                       |                |
 * | ledger              | B#name#…                 | A               |                            |                       |                |
 * | event               | E#eventId                | A               | EVENTS → sequence          | H#objectId → version  | until relayed  |
 * | answer to its request | E#eventId             | ANSWER          |                            |                       |                |
 * | sequence counter    | SEQUENCE                 | A               |                            |                       |                |
 * | checkpoint          | AUDIT                    | A               |                            |                       |                |
 * | delivery            | D#deliveryId             | A               | L#deliveries#endpoint → id |                       | until finished |
 * | endpoint's health   | W#endpointId             | A               |                            |                       |                |
 * | watch of a grant    | W#endpointId             | G               |                            |                       | while without  |
 * | line of a subject   | Q#endpointId#subject     | A               |                            |                       |                |
 * | attempt             | D#deliveryId             | N#attempt       |                            |                       |                |
 * | access entry        | A#recordId               | time#entryId    | ACCESS → time#id#recordId  | L#access#actor#day → time |                |
 * | link of the access log | LOG                   | number          | LOG → number               |                       |                |
 *
 * In a table of its own, which has no index and is in no backup of this one:
 *
 * | key of a person     | Y#personId               | A               |                            |                       |                |
 * | key of its archive  | Y#personId               | ARCHIVE         |                            |                       |                |
 *
 * A record stands besides in `filter1` to `filter3`, by the values its resource names, and in `changed`: L#type → when it
 * was last changed. By its case number it stands in `case`: CASE#number → type, by further ones through edges. A ledger
 * that is shown has its own lists, and edges beside it as a record has. A partner's copy of a row that lists show (record,
 * edge or shown ledger; record/visibility.ts) stands in the same indexes, in partitions that start with `S#<partner>`; an
 * event about what a partner wrote stands in `filter1`: S#partner#EVENTS → sequence. A checkpoint says where the chain of events begins
 * once older ones are purged (privacy/chain.ts).
 *
 * Outside any municipality: `M#<code>` municipality, `P#<id>` partner, `F#<id>` programme, `C#<clientId>` client, listed
 * under MUNICIPALITIES, PARTNERS, PROGRAMMES and CLIENTS#<owner>, and `U#<clientId>` the day of a client's last use. What
 * is kept about one municipality starts with its `M#<code>#`, and its context reaches it as `control`: `M#<code>#G` its
 * grants by client; `M#<code>#F` the programmes in which it takes part, as it sees them, listed there by name; `M#<code>#Q`
 * what its clients have leased of their quotas, by client and minute, and how many look-ups they made, by client
 * and day; `M#<code>#H` which of its clients hold grants:write;
 * `M#<code>#N` what operators did to its access and its history does not tell yet, by time. `OPERATORS` names the clients
 * that may operate Livline. `KEY#<code>` holds the keys that were made in KMS for a municipality and are not known to be
 * used yet, listed under KEYS by when they were made.
 */
export type Segments = readonly string[];

/** A row's key, or its place in an index, before it is encoded. */
export interface Key {
  readonly pk: Segments;
  readonly sk: Segments;
}

/** The indexes of the table, each over the attributes `<name>Pk` and `<name>Sk`; all are sparse. */
export const INDEXES = ['list', 'about', 'filter1', 'filter2', 'filter3', 'changed', 'case', 'due'] as const;
export type IndexName = (typeof INDEXES)[number];
export type IndexEntries = Partial<Record<IndexName, Key>>;

const UNSAFE = /[#%\p{Cc}\p{Cs}]/gu;
/** What most segments are: ids, names of ours, times. They need no look at what Unicode calls each character. */
const PLAIN = /^[\w.:-]*$/;

/** One segment with `#`, `%`, control characters and lone surrogates (which UTF-8 cannot carry) as `%` and four hex digits. */
export function encodeSegment(segment: string): string {
  if (PLAIN.test(segment)) return segment;
  return segment.replace(UNSAFE, (char) => `%${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The text of a key. Injective: different lists of segments give different texts. */
export const encodeKey = (segments: Segments): string => segments.map(encodeSegment).join('#');

const ROOT: Segments = ['A'];

export const recordKey = (id: string): Key => ({ pk: ['R', id], sk: ROOT });
export const edgeKey = (id: string, name: string, otherId: string): Key => ({
  pk: ['R', id],
  sk: ['E', name, otherId],
});
export const partKey = (id: string, part: number): Key => ({
  pk: ['R', id],
  sk: ['P', String(part).padStart(4, '0')],
});
/** Stands among the audiences of a record that every client may see: reference data. */
export const EVERYBODY = '*';
/** The partition of one partner's rows that stands for a partition of all rows. */
export const audiencePartition = (partner: string, partition: Segments): Segments => ['S', partner, ...partition];
/** The key of a partner's copy of a row: of the record itself or of one of its edges. */
export const audienceKey = ({ pk, sk }: Key, partner: string): Key => ({
  pk,
  sk: ['V', partner, ...(sk === ROOT ? [] : sk)],
});
/** A version of a record that a legal hold keeps (record/legal-hold.ts). */
export const keptKey = (holdId: string, recordId: string, version: number): Key => ({
  pk: ['R', holdId],
  sk: ['H', recordId, String(version).padStart(12, '0')],
});
/** Where the versions that one hold keeps lie, as a range. */
export const keptRange = (holdId: string) => ({ partition: ['R', holdId], from: 'H#', to: 'H$' });
/** Where the versions of one record that holds keep lie, in the index `about`. */
export const keptPartition = (recordId: string): Segments => ['KEPT', recordId];
export const lockKey = (...name: Segments): Key => ({ pk: ['K', ...name], sk: ROOT });
export const ledgerKey = (...name: Segments): Key => ({ pk: ['B', ...name], sk: ROOT });
export const ledgerEdgeKey = (name: Segments, value: string): Key => ({ pk: ['B', ...name], sk: ['E', value] });
export const eventKey = (eventId: string): Key => ({ pk: ['E', eventId], sk: ROOT });
/** What the request of an event was answered, where it had an Idempotency-Key (record/answers.ts). */
export const answerKey = (eventId: string): Key => ({ pk: ['E', eventId], sk: ['ANSWER'] });
export const sequenceKey: Key = { pk: ['SEQUENCE'], sk: ROOT };
/** `{type: 'checkpoint', sequence, hash}` of the last event that was purged, while there is one. */
export const checkpointKey: Key = { pk: ['AUDIT'], sk: ROOT };
export const deliveryKey = (deliveryId: string): Key => ({ pk: ['D', deliveryId], sk: ROOT });
export const endpointHealthKey = (endpointId: string): Key => ({ pk: ['W', endpointId], sk: ROOT });
/** Stands while deliveries of an endpoint are held for want of a live grant of its owner (webhooks/grant-watch.ts). */
export const grantWatchKey = (endpointId: string): Key => ({ pk: ['W', endpointId], sk: ['G'] });
export const orderKey = (endpointId: string, subject: string): Key => ({ pk: ['Q', endpointId, subject], sk: ROOT });
/** Where the attempts of a delivery lie, as a range. */
export const attemptPartition = (deliveryId: string) => ({ partition: ['D', deliveryId], from: 'N#', to: 'N$' });
export const attemptKey = (deliveryId: string, attempt: number): Key => ({
  pk: ['D', deliveryId],
  sk: ['N', String(attempt).padStart(4, '0')],
});
/** The access log of a record: who was shown what is sensitive about it, by time. */
export const accessPartition = (recordId: string): Segments => ['A', recordId];
export const accessKey = (recordId: string, at: string, entryId: string): Key => ({
  pk: accessPartition(recordId),
  sk: [at, entryId],
});

/** All entries of the access log in the order of their time, in the index `list`. */
export const accessFeedPartition: Segments = ['ACCESS'];
/** The links over the entries of the access log (privacy/access-chain.ts), in the order of their numbers. */
export const linkPlace = (number: number): string => String(number).padStart(12, '0');
const linksPartition: Segments = ['LOG'];
export const accessLinks = { index: 'list', partition: linksPartition } as const;
/** Key and place of a link. */
export const accessLinkKey = (number: number): { readonly key: Key; readonly index: IndexEntries } => {
  const key = { pk: linksPartition, sk: [linkPlace(number)] };
  return { key, index: { list: key } };
};

/** First segment of the keys of persons, which lie in a table of their own (scoped-table.ts). */
export const PERSON_KEYS = 'Y';
/** The wrapped key that seals what the record says of a person. */
export const personKey = (personId: string): Key => ({ pk: [PERSON_KEYS, personId], sk: ROOT });
/** The wrapped key that seals a person's archive. */
export const archiveKey = (personId: string): Key => ({ pk: [PERSON_KEYS, personId], sk: ['ARCHIVE'] });
/** Where an actor's accesses of one local day lie in the list: one entry of each, by time. */
export const accessByActor = (actorId: string, day: string): Segments => ['L', 'access', actorId, day];

/** Partition of an index: all records of a type, or those that one filter value selects. */
export const listPartition = (type: string, ...selection: Segments): Segments => ['L', type, ...selection];
export const casePartition = (caseNumber: string): Segments => ['CASE', caseNumber];
export const timelinePartition = (ownerId: string): Segments => ['O', ownerId];
/** The deleted records about somebody, in the index `about`: of each, the id, the version and a history are left. */
export const deletedPartition = (personId: string): Segments => ['DELETED', personId];
export const historyPartition = (objectId: string): Segments => ['H', objectId];
export const feedPartition: Segments = ['EVENTS'];
export const duePartition: Segments = ['DUE'];

export const municipalityKey = (code: string): Key => ({ pk: ['M', code], sk: ROOT });
/** A key that was made in KMS for a municipality (tenancy/made-keys.ts). */
export const madeKeyKey = (code: string, keyId: string): Key => ({ pk: ['KEY', code], sk: [keyId] });
export const madeKeysPartition: Segments = ['KEYS'];
export const partnerKey = (id: string): Key => ({ pk: ['P', id], sk: ROOT });
export const programmeKey = (id: string): Key => ({ pk: ['F', id], sk: ROOT });
export const clientKey = (clientId: string): Key => ({ pk: ['C', clientId], sk: ROOT });
/** When a client was last used, apart from the client, which only the operators' function may write. */
export const useKey = (clientId: string): Key => ({ pk: ['U', clientId], sk: ROOT });
/** Where a municipality's grants lie, and what it sees of the operator's programmes: `code` is left out inside its context. */
export const grantKey = (code: string, clientId: string): Key => ({ pk: ['M', code, 'G'], sk: [clientId] });
export const grantsPartition: Segments = ['G'];
/** Which of a municipality's clients hold `grants:write` (tenancy/holders.ts): `code` is left out inside its context. */
export const holdersKey = (code: string): Key => ({ pk: ['M', code, 'H'], sk: ROOT });
export const ownHoldersKey: Key = { pk: ['H'], sk: ROOT };
/** What an operator did that the municipality's history does not tell yet (tenancy/access-events.ts). */
export const noticeKey = (code: string, at: string, eventId: string): Key => ({
  pk: ['M', code, 'N'],
  sk: [at, eventId],
});
export const noticesPartition = (code: string): Segments => ['M', code, 'N'];
/** The municipality's own row, inside its context. */
export const ownMunicipalityKey: Key = { pk: [], sk: ROOT };
/** The clients that may operate Livline, in one row. */
export const operatorsKey: Key = { pk: ['OPERATORS'], sk: ROOT };
export const shareKey = (code: string, programmeId: string): Key => ({ pk: ['M', code, 'F'], sk: [programmeId] });
export const sharesPartition: Segments = ['F'];
/** What a client has leased of its quota in the minute that starts then (tenancy/quota.ts). */
export const quotaKey = (clientId: string, minute: string): Key => ({ pk: ['Q'], sk: [clientId, minute] });
/** How many look-ups by a sensitive value a client made on one local day, and how many of them found nothing. */
export const lookupCountKey = (clientId: string, day: string): Key => ({ pk: ['Q'], sk: [clientId, 'lookups', day] });
