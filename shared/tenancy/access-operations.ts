import type { Context } from '../auth/context.ts';
import type { Operation } from '../operation.ts';
import type { Store } from '../table/store.ts';
import { clientFinder } from './client-row.ts';
import { controlTable } from './control.ts';
import type { Directory } from './credentials.ts';
import { grantOperations, type WakeClock } from './grant-operations.ts';
import type { IdentityProvider } from './identity.ts';
import { ownClientOperations } from './own-client-operations.ts';
import { ownRecoveryOperations } from './recovery-operations.ts';
import { settingsOperations } from './settings.ts';

/** What a municipality's own access control needs from outside. */
export interface AccessDeps {
  readonly store: Store;
  readonly identity: IdentityProvider;
  readonly now: () => Date;
  /** Where clients get their tokens. */
  readonly tokenUrl: string;
  /** Lets the clock look at a municipality before its next round. */
  readonly wakeClock: WakeClock;
}

/** Every operation by which a municipality says itself who may do what. */
export function accessOperations({ store, identity, now, tokenUrl, wakeClock }: AccessDeps): Operation<Context>[] {
  const control = controlTable(store);
  const directory: Directory = { control, identity, clock: now, tokenUrl };
  return [
    ...grantOperations(clientFinder(control), wakeClock),
    ...ownClientOperations(directory),
    ...settingsOperations(),
    ...ownRecoveryOperations(),
  ];
}
