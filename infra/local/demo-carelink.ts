import { localDateOf, plusDays } from '#shared/time.ts';
import { type Call, type Credentials, callerOf, fetchToken } from './calls.ts';
import type { LocalProduct } from './product.ts';
import { create, expect, expectStatus, type Municipality, make, show, step, tell } from './storytelling.ts';

const today = (): string => localDateOf(new Date().toISOString());
const hoursAgo = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();

/** The operator registers Carelink with a client, and the municipality gives that client access. */
async function welcome(product: LocalProduct, operator: Call, hedensted: Municipality): Promise<Municipality> {
  const { code, at } = hedensted;
  expectStatus(await operator('POST', '/v1/admin/partners', { id: 'carelink', name: 'Carelink' }), 201, 'a partner');
  const made = await operator('POST', '/v1/admin/partners/carelink/clients', { name: 'Carelink platform' });
  expectStatus(made, 201, "the partner's client");
  const credentials = made.body['client'] as Credentials;
  const refused = await operator('PUT', `/v1/admin/clients/${credentials.clientId}/grants/${code}`, {
    preset: 'partner',
  });
  expectStatus(refused, 405, 'a grant by the operator');
  const grant = await hedensted.call('PUT', `${at}/grants/${credentials.clientId}`, { preset: 'partner' });
  expectStatus(grant, 200, 'a grant by the municipality');
  const call = callerOf(product.apiUrl, await fetchToken(product.tokenUrl, credentials));
  show(`Hedensted, not the operator, lets Carelink write families, consultants and support there, and nowhere else.`);
  return { code, call, at };
}

/** Carelink's family and its named consultant, pushed under Carelink's own ids. */
async function pushFamily(carelink: Municipality): Promise<{ familyId: string; consultantId: string }> {
  const family = {
    alias: 'Carelinks plejefamilie',
    kind: 'almen',
    careForms: ['doegn', 'stoetteophold'],
    capacity: 2,
    skills: ['adhd'],
    approval: {
      authority: 'Socialtilsyn Midt',
      from: '2022-01-01',
      places: 2,
      ageMin: 0,
      ageMax: 17,
      careForms: ['doegn', 'stoetteophold'],
    },
    status: 'active',
  };
  const path = `${carelink.at}/families/external/carelink/F-17`;
  const first = await carelink.call('PUT', path, family);
  expectStatus(first, 201, 'pushing a family');
  const again = await carelink.call('PUT', path, family);
  expect(again.status === 200 && again.body['version'] === 1, 'the same push again changes nothing');
  const familyId = String(first.body['id']);
  const consultantId = await create(carelink, 'consultants', {
    name: 'Carelinks konsulent',
    kind: 'plejefamiliekonsulent',
    employer: 'Carelink',
  });
  await create(carelink, 'assignments', { familyId, consultantId, from: plusDays(today(), -200) });
  show('An approved family with two places and its named consultant, pushed twice: there is one of it.');
  return { familyId, consultantId };
}

/** A support stay becomes a full placement: the relation keeps its first day. */
async function becomeHome(hedensted: Municipality, familyId: string): Promise<string> {
  const childId = await create(hedensted, 'children', { alias: 'Barn A', birthYear: new Date().getFullYear() - 9 });
  const startsOn = plusDays(today(), -180);
  const stay = await make(hedensted, 'placements', {
    familyId,
    childId,
    type: 'stoetteophold',
    legalBasis: 'BL §90',
    startsOn,
    status: 'active',
  });
  await step(hedensted, `placements/${String(stay['id'])}`, 1, { status: 'ended', reason: 'planned' });
  const full = await make(hedensted, 'placements', {
    familyId,
    childId,
    type: 'doegn',
    legalBasis: 'BL §46',
    startsOn: today(),
    previousId: stay['id'],
    status: 'active',
  });
  expect(full['relationSince'] === startsOn, 'the relation keeps its first day');
  show(`Weekends since ${startsOn}, at home since ${today()}: the relation counts from ${startsOn}.`);
  return String(full['id']);
}

/** A second child takes the last place, and a third is refused. */
async function fillUp(hedensted: Municipality, familyId: string): Promise<void> {
  const child = (alias: string) =>
    create(hedensted, 'children', { alias, birthYear: new Date().getFullYear() - 7, needs: ['ADHD'] });
  const placement = { type: 'doegn', legalBasis: 'BL §46', startsOn: today(), status: 'active' };
  const [second, third] = [await child('Barn B'), await child('Barn C')];
  const found = await hedensted.call('GET', `${hedensted.at}/children/${second}/matches`);
  const [best] = found.body['items'] as { familyId: string; for: { code: string }[] }[];
  expect(best?.familyId === familyId, 'the family with the skill and a free place is found first');
  show(`A match for Barn B: ${best.for.map(({ code }) => code).join(', ')}.`);
  await create(hedensted, 'placements', { ...placement, familyId, childId: second });
  const refused = await hedensted.call('POST', `${hedensted.at}/placements`, {
    ...placement,
    familyId,
    childId: third,
  });
  expectStatus(refused, 409, 'a third child in two places');
  expect(String(refused.body['type']).endsWith('no_capacity'), 'it says why');
  show(`Barn B has the second place. Barn C is refused: ${String(refused.body['detail'])}`);
}

/** The consultant talks with the family once a week; the overview has it, and what happened meanwhile. */
async function talkWeekly(
  carelink: Municipality,
  hedensted: Municipality,
  { familyId, consultantId }: { familyId: string; consultantId: string },
): Promise<void> {
  const contact = { familyId, consultantId, channel: 'phone', purpose: 'follow_up', minutes: 30 };
  for (const week of [3, 2, 1]) {
    await create(carelink, 'contacts', { ...contact, at: hoursAgo(week * 7 * 24), note: 'Ugens samtale.' });
  }
  const flag = { familyId, reasons: ['conflict', 'sleep'], level: 'high' };
  const riskId = await create(carelink, 'risk-flags', flag);
  await create(carelink, 'actions', {
    title: 'Ekstra aflastning i weekenden',
    ownerId: consultantId,
    dueOn: plusDays(today(), 2),
    about: { type: 'risk-flag', id: riskId },
  });
  const mine = await hedensted.call('GET', `${hedensted.at}/family-overviews?consultantId=${consultantId}`);
  const [overview] = mine.body['items'] as Readonly<Record<string, unknown>>[];
  expect(overview?.['riskLevel'] === 'high' && overview['openActions'] === 1, 'the overview has risk and action');
  show(
    `Three weekly talks, then a risk flag. My families: last contact ${String(overview['lastContactAt'])}, ` +
      `risk ${String(overview['riskLevel'])}, open actions ${String(overview['openActions'])}.`,
  );
}

/** It breaks down; the child moves acutely and keeps its relations. */
async function moveAcutely(hedensted: Municipality, placementId: string): Promise<void> {
  const { body: left } = await hedensted.call('GET', `${hedensted.at}/placements/${placementId}`);
  const ended = await step(hedensted, `placements/${placementId}`, Number(left['version']), {
    status: 'ended',
    reason: 'place_gave_up',
  });
  expect(ended['endReason'] === 'place_gave_up', 'a breakdown is called one');
  const approval = { authority: 'Socialtilsyn Midt', from: '2020-01-01', places: 1, ageMin: 0, ageMax: 17 };
  const next = await create(hedensted, 'families', {
    alias: 'Familien på bakken',
    kind: 'forstaerket',
    careForms: ['doegn'],
    approval: { ...approval, careForms: ['doegn'] },
    status: 'active',
  });
  const move = await make(hedensted, 'placements', {
    familyId: next,
    childId: left['childId'],
    type: 'akut',
    legalBasis: 'BL §12, stk. 3',
    startsOn: today(),
    previousId: placementId,
    acute: true,
    noticeHours: 4,
    keptRelations: ['Weekend hos den første plejefamilie hver anden uge', 'Skolen'],
    status: 'active',
  });
  // Warnings tell of what is sensitive, so a read with the scope shows them and an answer to a write does not.
  const read = await hedensted.call('GET', `${hedensted.at}/placements/${String(move['id'])}`);
  expect(read.body['warnings'] === undefined, 'a move with kept relations carries no warning');
  const history = await hedensted.call('GET', `${hedensted.at}/children/${String(left['childId'])}/history`);
  expectStatus(history, 200, "the child's history");
  show('The family gave up; four hours later Barn A moved. Two relations are kept, so the move carries no warning.');
}

/** The story of Carelink's family, told in the municipality that granted it access. Gives the placement that broke down. */
export async function tellCarelink(
  product: LocalProduct,
  operator: Call,
  hedensted: Municipality,
): Promise<{ familyId: string; placementId: string }> {
  tell('Carelink brings an approved family and its consultant');
  const carelink = await welcome(product, operator, hedensted);
  const pushed = await pushFamily(carelink);
  tell('A support stay becomes a home');
  const placementId = await becomeHome(hedensted, pushed.familyId);
  tell('A second child fills the family');
  await fillUp(hedensted, pushed.familyId);
  tell('The consultant talks with the family every week');
  await talkWeekly(carelink, hedensted, pushed);
  tell('It breaks down, and the child moves at once');
  await moveAcutely(hedensted, placementId);
  return { familyId: pushed.familyId, placementId };
}
