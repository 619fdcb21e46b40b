/** What a data key is for; IAM grants each function the purposes that it needs (infra/key-access.ts). */
export const KEY_PURPOSES = ['fields', 'secrets', 'lookup', 'integrity'] as const;
export type KeyPurpose = (typeof KEY_PURPOSES)[number];
