/** Reads the named variables of the environment once. A missing one ends the start with a sentence that names it. */
export function readEnv<Name extends string>(...names: readonly Name[]): Readonly<Record<Name, string>> {
  const values = {} as Record<Name, string>;
  for (const name of names) {
    const value = process.env[name];
    if (value === undefined || value === '') throw new Error(`The environment variable ${name} is not set`);
    values[name] = value;
  }
  return values;
}
