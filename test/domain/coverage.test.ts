import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MUNICIPALITY_EVENTS } from '#infra/openapi/event-types.ts';
import { eventNamesOf } from '#shared/record/event-names.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import { EVENTS_SHOWN, EVENTS_TO_COME, OTHERS_SHOWN, RESOURCES_SHOWN, RULES_SHOWN, type Shown } from './coverage.ts';

/** The first argument of `it(…)`, and of what `it.each(…)` gives, as it is written in the source. */
const TITLE = /(?:\bit|\))\(\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"),/g;

const root = new URL('../', import.meta.url);
const titles = new Set(
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) => {
      const source = readFileSync(new URL(file, root), 'utf8');
      const name = file.replaceAll('\\', '/').replace(/\.test\.ts$/, '');
      return [...source.matchAll(TITLE)].map(
        ([, single, double]) => `${name} > ${(single ?? double)?.replaceAll(/\\(.)/g, '$1')}`,
      );
    }),
);

const sections: readonly (readonly [string, Shown])[] = [
  ...Object.entries(RESOURCES_SHOWN),
  ['what is no collection of the record', OTHERS_SHOWN],
  ['the rules', RULES_SHOWN],
  ['the events', EVENTS_SHOWN],
];

describe('of the domain page', () => {
  it.each(sections)('each sentence on %s is shown by tests that exist', (_, shown) => {
    const untested = Object.entries(shown).filter(([, tests]) => tests.length === 0);
    expect(untested.map(([sentence]) => sentence)).toEqual([]);
    expect(
      Object.values(shown)
        .flat()
        .filter((test) => !titles.has(test)),
    ).toEqual([]);
  });

  it('every resource has its row, and every row its resource', () => {
    expect(Object.keys(RESOURCES_SHOWN).sort(), 'rows of test/domain/coverage.ts').toEqual(
      RESOURCES.map(({ path }) => path).sort(),
    );
  });

  it('every status machine has a test of its steps', () => {
    for (const { path, machine } of RESOURCES) {
      const [first = '', second = ''] = Object.keys(machine?.steps ?? {});
      if (!machine) continue;
      const facts = Object.keys(RESOURCES_SHOWN[path] ?? {});
      expect(
        facts.filter((fact) => fact.startsWith(`${first}→`) && fact.includes(second)),
        `test/domain/coverage.ts: ${path} needs a fact that starts with ${first}→`,
      ).not.toEqual([]);
    }
  });

  it('every event is given, and every event of a resource stands there', () => {
    const given = new Set([...MUNICIPALITY_EVENTS, ...RESOURCES.flatMap(eventNamesOf)]);
    const named = Object.keys(EVENTS_SHOWN);
    expect(named.filter((name) => !given.has(name))).toEqual([]);
    expect(EVENTS_TO_COME.filter((name) => given.has(name))).toEqual([]);
    const others = [...given].filter((name) => !named.includes(name));
    const own = others.filter(
      (name) => name !== 'municipality.offboarding' && !/\.(?:created|updated|deleted)$/.test(name),
    );
    expect(own, 'events that test/domain/coverage.ts does not name').toEqual([]);
  });
});
