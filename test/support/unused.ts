import type { WebhookDeps } from '#shared/webhooks/operations.ts';

/** What webhook operations need where a test looks at them and runs none that posts or sends. */
export const WEBHOOKS_UNUSED: WebhookDeps = {
  allowLocal: false,
  post: () => Promise.reject(new Error('Nothing is posted from here')),
  sendHints: () => Promise.reject(new Error('No hint is sent from here')),
};
