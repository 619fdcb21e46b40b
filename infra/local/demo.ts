import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { localDateOf, quarterOf } from '#shared/time.ts';
import { type Call, type Credentials, callerOf, fetchToken, waitFor } from './calls.ts';
import { type CaseSystem, libraryAccepts, sendSigned, startCaseSystem } from './case-system.ts';
import { tellCarelink } from './demo-carelink.ts';
import { type LocalProduct, startProduct } from './product.ts';
import { create, expect, expectStatus, type Municipality, make, show, step, tell } from './storytelling.ts';

/** A municipality that an operator has just provisioned, with the credentials that it has seen. */
interface Provisioned extends Municipality {
  readonly seen: Credentials;
}

async function provision({ apiUrl, tokenUrl }: LocalProduct, operator: Call, code: string): Promise<Provisioned> {
  const reply = await operator('POST', '/v1/admin/municipalities', { code });
  expectStatus(reply, 201, `provisioning ${code}`);
  const { name, cvr, regionName } = reply.body['municipality'] as Record<string, string>;
  const call = callerOf(apiUrl, await fetchToken(tokenUrl, reply.body['client'] as Credentials));
  show(`${name} (${code}), CVR ${cvr}, ${regionName}: its administrator's client works at once.`);
  const again = await operator('POST', '/v1/admin/municipalities', { code });
  expectStatus(again, 409, 'provisioning it twice');
  return { code, call, at: `/v1/municipalities/${code}`, seen: reply.body['client'] as Credentials };
}

/** The hand-over: what the operator has seen works in test alone, and ends when the municipality goes live. */
async function handOver({ apiUrl, tokenUrl }: LocalProduct, operator: Call, { code, call, at, seen }: Provisioned) {
  expectStatus(await call('GET', `${at}/families`), 200, 'asking with the operator’s credentials in test');
  const status = `/v1/admin/municipalities/${code}/status`;
  const refused = await operator('POST', status, { status: 'live' });
  expectStatus(refused, 409, 'going live with credentials that the operator has seen');
  expect(refused.body['type'] === '/problems/credentials_seen', 'the refusal says why');
  show('The operator has seen the secret. It works in test, with test data; going live with it is refused: 409.');
  const added = await call('POST', `${at}/clients/${seen.clientId}/credentials`);
  expectStatus(added, 201, 'making a credential from inside');
  const own = added.body['credential'] as Credentials;
  expectStatus(await operator('POST', status, { status: 'live' }), 200, 'going live');
  const left = await fetchToken(tokenUrl, seen).catch(() => undefined);
  expect(left === undefined, 'the operator’s credential gets no token any more');
  expectStatus(
    await operator('POST', `/v1/admin/clients/${seen.clientId}/credentials`),
    409,
    'another credential for a live municipality by its operator',
  );
  show('Hedensted made one of its own and went live: the operator’s is refused, and it can make no other.');
  // Tokens of the second in which a credential ended are refused too.
  await pause(1_000);
  return { code, at, call: callerOf(apiUrl, await fetchToken(tokenUrl, own)) };
}

/** The history of the hand-over, which the lifecycle tells of what the operator did. */
async function showHandOver({ call, at }: Municipality): Promise<void> {
  const wanted = [
    'municipality.provisioned',
    'access.credential_added',
    'municipality.activated',
    'access.credential_ended',
  ];
  for (let waited = 0; ; waited += 1) {
    const { body } = await call('GET', `${at}/events?limit=50`);
    const told = (body['items'] as { type: string }[]).map(({ type }) => type.replace('dk.livline.', ''));
    if (wanted.every((name) => told.includes(name))) break;
    expect(waited < 100, 'the history tells the hand-over');
    await pause(200);
  }
  show(`Its history tells it, whoever did it: ${wanted.join(', ')}.`);
}

async function connectCaseSystem({ call, at }: Municipality, caseSystem: CaseSystem): Promise<string> {
  const reply = await call('POST', `${at}/webhook-endpoints`, { url: caseSystem.url, description: 'The case system' });
  expectStatus(reply, 201, 'registering a webhook endpoint');
  const secret = String(reply.body['secret']);
  caseSystem.trust(secret);
  show(`${caseSystem.url} is registered; its secret was shown once (whsec_… of ${secret.length} characters).`);
  const ping = await call('POST', `${at}/webhook-endpoints/${String(reply.body['id'])}/test`);
  expect(ping.body['delivered'] === true, 'the ping event arrives');
  show(`A ping event was posted and verified in ${String(ping.body['durationMs'])} ms.`);
  return secret;
}

async function createFamily({ call, at }: Municipality): Promise<string> {
  const family = { alias: 'Familien ved åen', kind: 'almen', careForms: ['doegn'], capacity: 2, status: 'active' };
  const key = { 'idempotency-key': randomUUID() };
  const first = await call('POST', `${at}/families`, family, key);
  expectStatus(first, 201, 'creating a family');
  show(
    `${String(first.body['alias'])} stands in the record as ${String(first.body['id'])}, version ${first.headers.get('etag')}.`,
  );
  const second = await call('POST', `${at}/families`, family, key);
  expect(second.headers.get('idempotency-replayed') === 'true', 'the same request is known again');
  expect(JSON.stringify(second.body) === JSON.stringify(first.body), 'the duplicate gets the first answer');
  show('The same request sent again (the answer had been lost, say) got the same answer; there is one family.');
  return String(first.body['id']);
}

async function showWebhook(caseSystem: CaseSystem, secret: string, type: string, subject: string): Promise<void> {
  const arrival = await waitFor(`the webhook ${type}`, 15, () =>
    caseSystem.arrivals.find(({ event }) => event.type === `dk.livline.${type}` && event.subject === subject),
  );
  expect(libraryAccepts(secret, arrival.body, arrival.headers), 'the standardwebhooks library agrees');
  show(
    `${type} arrived as ${arrival.id}, number ${Number(arrival.event.sequence)}; its signature was good, and the standardwebhooks library agrees.`,
  );
  expect(
    !libraryAccepts(secret, arrival.body.replace(subject, randomUUID()), arrival.headers),
    'a changed message is not genuine',
  );
}

async function logCall(hedensted: Municipality, familyId: string): Promise<string> {
  const helplineId = await create(hedensted, 'helplines', {
    name: 'Akuttelefonen',
    phone: '+45 75 00 00 00',
    openFrom: '2026-01-01',
    promisedHours: '24/7',
  });
  const receivedAt = new Date(Date.now() - 30 * 60_000);
  const id = await create(hedensted, 'calls', {
    helplineId,
    familyId,
    receivedAt: receivedAt.toISOString(),
    callerKind: 'foster_family',
    topic: 'conflict',
    severity: 2,
    note: 'A quarrel about the telephone at bedtime.',
  });
  const at = new Date(receivedAt.getTime() + 20_000).toISOString();
  await step(hedensted, `calls/${id}`, 1, { status: 'answered', at });
  const closed = await step(hedensted, `calls/${id}`, 2, { status: 'closed' });
  expect(!('note' in closed), 'what was said is not shown in passing');
  show(
    'A call was received, answered after 20 seconds and closed; what was said is shown to nobody without the right.',
  );
  return id;
}

async function linkCase({ apiUrl }: LocalProduct, { call, at }: Municipality, familyId: string): Promise<void> {
  const connection = await call('POST', `${at}/connections`, {
    name: 'The case system',
    system: 'DUBU',
    kinds: ['case.linked', 'case.closed'],
  });
  expectStatus(connection, 201, 'making a connection');
  const { id, secret } = connection.body as { id: string; secret: string };
  const caseRef = { system: 'DUBU', caseNumber: '27.03.00-G01-12-26' };
  const linking = { type: 'case.linked', data: { objectId: familyId, caseRef } };
  const inbox = `${apiUrl}${at}/inbox/${id}`;
  expect((await sendSigned(inbox, secret, linking)) === 202, 'a signed message is taken');
  const forger = `whsec_${Buffer.alloc(32).toString('base64')}`;
  expect((await sendSigned(inbox, forger, linking)) === 401, 'a message of another is not');
  const family = await call('GET', `${at}/families/${familyId}`);
  expect(JSON.stringify(family.body['caseRefs']) === JSON.stringify([caseRef]), 'the family has its case');
  await sendSigned(inbox, secret, { type: 'case.closed', data: { caseRef: { system: 'DUBU', caseNumber: '1' } } });
  const waiting = await call('GET', `${at}/inbox?status=unresolved`);
  const [first] = waiting.body['items'] as { id: string }[];
  const message = await call('GET', `${at}/inbox/${first?.id}`);
  show('It signed a call that its case is about this family, without a token; with another secret it got 401.');
  show(`A case that nobody knows was closed: that waits for a person. ${message.body['statusReason']}`);
}

async function recordSession(hedensted: Municipality, familyId: string): Promise<string> {
  const consultantIds: string[] = [];
  for (const kind of ['plejefamiliekonsulent', 'familiekonsulent']) {
    consultantIds.push(
      await create(hedensted, 'consultants', { name: `En ${kind}`, kind, employer: 'Hedensted Kommune' }),
    );
  }
  const yesterday = new Date(Date.now() - 86_400_000);
  const groupId = await create(hedensted, 'supervision-groups', {
    name: 'Hold 1',
    familyIds: [familyId],
    consultantIds,
    from: '2026-01-01',
  });
  const quarter = quarterOf(localDateOf(yesterday.toISOString()));
  const theme = { ...quarter, code: 'mentalisation', titleDa: 'Mentalisering' };
  const themeId = await create(hedensted, 'themes', theme);
  const session = await make(hedensted, 'supervision-sessions', {
    form: 'group',
    groupId,
    at: yesterday.toISOString(),
    minutes: 120,
    facilitatorIds: consultantIds,
    attendance: [{ familyId, present: true, rating: 5 }],
    status: 'held',
  });
  expect(session['themeId'] === themeId, "the session takes the quarter's theme");
  show("Hold 1 met yesterday, led by both kinds of consultant, on the quarter's theme, Mentalisering.");
  return String(session['id']);
}

async function refuseStrangers(hedensted: Municipality, vejle: Municipality, familyId: string): Promise<void> {
  const foreignPath = await hedensted.call('GET', `${vejle.at}/families`);
  expectStatus(foreignPath, 404, "asking for another municipality's families");
  const foreignId = await vejle.call('GET', `${vejle.at}/families/${familyId}`);
  const noId = await vejle.call('GET', `${vejle.at}/families/${randomUUID()}`);
  expectStatus(foreignId, 404, "another municipality's id");
  expect(foreignId.body['detail'] === noId.body['detail'], 'a foreign id looks like one that does not exist');
  show(
    "Hedensted asked for Vejle's families: 404. Vejle asked for Hedensted's family: 404, as for one that does not exist.",
  );
}

async function showTimeline({ call, at }: Municipality, familyId: string, expected: readonly string[]): Promise<void> {
  const timeline = await call('GET', `${at}/families/${familyId}/timeline`);
  expectStatus(timeline, 200, 'reading a timeline');
  const types = (timeline.body['items'] as { type: string }[]).map(({ type }) => type);
  expect(
    expected.every((type) => types.includes(type)),
    "the family's timeline has all of it",
  );
  show(`The family's timeline, newest first: ${types.join(', ')}.`);
}

async function story(product: LocalProduct, caseSystem: CaseSystem): Promise<void> {
  const operator = callerOf(product.apiUrl, await fetchToken(product.tokenUrl, product.operator));
  tell('An operator provisions Hedensted');
  const provisioned = await provision(product, operator, '0766');
  tell('The municipality takes its keys over');
  const hedensted = await handOver(product, operator, provisioned);
  await showHandOver(hedensted);
  tell('Hedensted connects its case system');
  const secret = await connectCaseSystem(hedensted, caseSystem);
  tell('A foster family enters the record');
  const familyId = await createFamily(hedensted);
  tell('The case system hears of it');
  await showWebhook(caseSystem, secret, 'family.created', familyId);
  tell('The case system links its case');
  await linkCase(product, hedensted, familyId);
  tell('The family calls the helpline');
  const callId = await logCall(hedensted, familyId);
  await showWebhook(caseSystem, secret, 'call.closed', callId);
  tell('The family meets its team');
  const sessionId = await recordSession(hedensted, familyId);
  await showWebhook(caseSystem, secret, 'session.held', sessionId);
  const { familyId: carelinkFamily, placementId } = await tellCarelink(product, operator, hedensted);
  await showWebhook(caseSystem, secret, 'placement.broken_down', placementId);
  tell('Another municipality sees none of it');
  await refuseStrangers(hedensted, await provision(product, operator, '0630'), familyId);
  tell('Nothing was lost');
  await showTimeline(hedensted, familyId, ['calls', 'supervision-sessions', 'supervision-groups']);
  await showTimeline(hedensted, carelinkFamily, ['placements', 'contacts', 'risk-flags', 'actions', 'assignments']);
  const history = await hedensted.call('GET', `${hedensted.at}/placements/${placementId}/history`);
  const versions = (history.body['items'] as { version: number; event: string }[]).map(({ event }) => event);
  expect(versions.join() === 'placement.broken_down,placement.started', 'the history has each version');
  show(`The placement's history, newest first: ${versions.join(', ')}.`);
  const feed = await hedensted.call('GET', `${hedensted.at}/events?limit=200`);
  const numbers = (feed.body['items'] as { sequence: string }[]).map(({ sequence }) => Number(sequence));
  expect(numbers.length > 0 && numbers.every((number, at) => number === at + 1), 'the feed has no hole');
  expect(caseSystem.refused === 0, 'every webhook was signed well');
  show(
    `The feed holds ${numbers.length} events, numbered 1 to ${numbers.length} without a gap; every webhook's signature was good.`,
  );
}

console.log('Livline: a story in fifteen chapters, on an instance of its own in memory.');
let status = 1;
const caseSystem = await startCaseSystem();
let product: LocalProduct | undefined;
try {
  product = await startProduct({ port: 0, allowLocalWebhooks: true, clockIntervalMs: 1_000 });
  await story(product, caseSystem);
  console.log('\nThe end: every step held.');
  status = 0;
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`);
} finally {
  await product?.stop();
  await caseSystem.stop();
}
process.exit(status);
