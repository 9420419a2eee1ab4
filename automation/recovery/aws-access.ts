/** How recovery reaches the AWS APIs, the real ones or the local cloud's. */

/** Undefined members mean the SDK's own defaults. */
export interface AwsAccess {
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Simulated seconds a real second; scales the waits. 1 in the cloud. */
  readonly timeScale: number;
}

/** Client settings for one region. */
export function clientSettings(access: AwsAccess, region: string): { region: string; endpoint?: string; credentials?: { accessKeyId: string; secretAccessKey: string }; maxAttempts: number } {
  return { region, maxAttempts: 5, ...(access.endpoint && { endpoint: access.endpoint }), ...(access.credentials && { credentials: access.credentials }) };
}
