import type { Resource } from '../record/resource.ts';
import { connections } from './connections.ts';
import type { EgressOptions } from './egress.ts';
import { webhookEndpoints } from './endpoints.ts';
import { inboxMessages } from './inbox-messages.ts';

/** What a municipality keeps of its integrations, stored as its records are. */
export const webhookResources = (egress: EgressOptions): Resource[] => [
  connections,
  webhookEndpoints(egress),
  inboxMessages,
];
