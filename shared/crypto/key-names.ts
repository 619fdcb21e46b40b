/**
 * A key as the header of what is sealed with it names it: `3` is version 3 of the municipality's key, `s3` that of its
 * secrets; `p:<id>` is the key of a person, `a:<id>` that of a person's archive (person-key.ts).
 */
export type KeyName = string;

/** Whether a text has the form of a key's name. */
export const isKeyName = (text: string): boolean => /^(?:s?[1-9]\d{0,8}|[pa]:[\da-f-]{36})$/.test(text);

/** The key of what the record says of a person. */
export const nameOfPerson = (personId: string): KeyName => `p:${personId}`;
/** The key of what is archived of a person. */
export const nameOfArchive = (personId: string): KeyName => `a:${personId}`;

/** Whether a key is one of a person, and lies wrapped in the table of keys. */
export const isPersonal = (name: KeyName): boolean => /^[pa]:/.test(name);
