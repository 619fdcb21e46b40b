import type { TenantScope } from '../auth/scopes.ts';

/** The kinds of message that an inbox applies. */
export const MESSAGE_KIND_NAMES = ['case.linked', 'case.closed', 'child.responsibility_changed'] as const;
export type MessageKindName = (typeof MESSAGE_KIND_NAMES)[number];

/**
 * The scopes without which no message of a kind can be applied. What `case.*` touches is known only when one comes: it is
 * judged then, by the write scope of each record.
 */
export const KIND_SCOPES: Readonly<Record<MessageKindName, readonly TenantScope[]>> = {
  'case.linked': [],
  'case.closed': [],
  'child.responsibility_changed': ['children:write'],
};

export const isMessageKind = (type: unknown): type is MessageKindName =>
  (MESSAGE_KIND_NAMES as readonly unknown[]).includes(type);
