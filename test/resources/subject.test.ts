import { describe, expect, it } from 'vitest';
import { RESOURCES } from '#shared/resources/registry.ts';
import { SUBJECTS } from '#shared/resources/subject.ts';

describe('what a record can be about', () => {
  it.each(Object.entries(SUBJECTS))('is a %s in %s, as events call it', (type, path) => {
    expect(RESOURCES.find((resource) => resource.name === type)?.path).toBe(path);
  });
});
