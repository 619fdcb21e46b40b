import type { Context } from '../auth/context.ts';
import type { Answer } from '../operation.ts';
import { type Preconditions, requireMatch } from '../preconditions.ts';
import { eventName } from './event-names.ts';
import { once } from './once.ts';
import { hrefOf, type Place } from './place.ts';
import { loadToChange } from './read.ts';
import { remainsOf } from './redact.ts';
import type { Resource } from './resource.ts';
import { save } from './save.ts';

/** Takes a record out of the lists and answers 404 for it from then on. Its id and its history stay, and none of its fields. */
export const deleteRecord = (
  ctx: Context,
  resource: Resource,
  place: Place,
  preconditions: Preconditions,
): Promise<Answer> =>
  once(ctx, undefined, async () => {
    const before = await loadToChange(ctx, resource, place);
    requireMatch(preconditions, before.whole.version);
    return save(ctx, resource, {
      before,
      after: {
        ...remainsOf(resource, before.whole),
        version: before.whole.version + 1,
        updatedAt: ctx.now,
        updatedBy: ctx.actor.id,
      },
      writtenBy: {},
      event: { name: eventName(resource, 'deleted'), action: 'deleted', changed: [] },
      href: hrefOf(ctx, resource, before.whole),
      answerStatus: 204,
    });
  });
