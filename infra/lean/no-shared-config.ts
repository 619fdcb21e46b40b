/**
 * Stands in for the SDK's reader of `~/.aws/config` and `~/.aws/credentials`, which a function has none of. Every
 * setting still comes from the environment (`AWS_REGION`, `AWS_ENDPOINT_URL_…`) or its default; spared are two reads of
 * missing files before the first request, and `node:fs/promises`.
 */
export const CONFIG_PREFIX_SEPARATOR = '.';

export async function loadSharedConfigFiles() {
  return { configFile: {}, credentialsFile: {} };
}
