/**
 * Stands in for `@smithy/core/event-streams`. No service the functions call streams events, yet the SDK refers to this
 * module from every client, and with it come checksums, `node:zlib` and modules that can no longer be tree-shaken.
 */
export class EventStreamSerde {
  constructor() {
    throw new Error('Event streams are left out of the bundles: see infra/bundle.ts');
  }
}

/** What S3's client asks for when it is made, for the one operation with a stream of events (SelectObjectContent). */
export const eventStreamSerdeProvider = (): undefined => undefined;
export const resolveEventStreamSerdeConfig = <Config>(config: Config): Config => config;
