/** The credentials that workloads of the local cloud get: they carry the account and open nothing. */
import type { Place } from "./arn";

/** Account of calls whose key names none. */
export const DEFAULT_ACCOUNT = "000000000000";

/** Environment of a workload that calls AWS. Signatures are never checked; the account is read from the key. */
export function localCredentials(place: Pick<Place, "account">): Readonly<Record<"AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY", string>> {
  return { AWS_ACCESS_KEY_ID: `LKIA${place.account}`, AWS_SECRET_ACCESS_KEY: "local-cloud" };
}

/** The account in an access key: its first twelve digits in a row. @default {@link DEFAULT_ACCOUNT} */
export function accountOfKey(accessKey: string): string {
  return /\d{12}/.exec(accessKey)?.[0] ?? DEFAULT_ACCOUNT;
}
