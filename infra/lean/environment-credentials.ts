/**
 * Stands in for `@aws-sdk/credential-provider-node` in the bundles. Lambda keeps the role's credentials in these three
 * variables for as long as the execution environment lives; the SDK's own chain (profiles, SSO, web identity, instance
 * metadata) is two fifths of its bytes and never gets a turn there.
 */
export function defaultProvider() {
  return async () => {
    const accessKeyId = process.env['AWS_ACCESS_KEY_ID'];
    const secretAccessKey = process.env['AWS_SECRET_ACCESS_KEY'];
    const sessionToken = process.env['AWS_SESSION_TOKEN'];
    if (!accessKeyId || !secretAccessKey) {
      throw new Error('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set');
    }
    return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  };
}
