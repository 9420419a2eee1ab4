/** What a provider instance was configured with: region, account, default tags. Settings that would change behaviour are refused. */
import { accountOfKey, DEFAULT_ACCOUNT } from "../aws/credentials";
import type { CheckFault, Properties, ProviderConfiguration, ProviderSettings } from "../model";

/** Read here, or without effect on what the cloud does: credentials, retries, and checks that the local cloud has no use for. */
const ACCEPTED = new Set([
  "region", "accessKey", "secretKey", "token", "profile", "assumeRoles", "defaultTags", "allowedAccountIds", "maxRetries", "retryMode", "endpoints",
  "s3UsePathStyle", "skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation", "skipRequestingAccountId", "version", "pluginDownloadURL",
]);

/** AWS's settings. Resources stay where they were made: another region means another provider, and new resources. */
export const awsSettings: ProviderSettings = { replaceOn: ["region"], faults: configurationFaults, read: readConfiguration };

/** Faults of a configuration; values that are not known yet are missing from it. */
export function configurationFaults(config: Properties, isUnknown: (key: string) => boolean): CheckFault[] {
  const parsed = parseValues(config);
  const faults = Object.keys(parsed).filter((key) => !ACCEPTED.has(key))
    .map((key) => ({ property: key, reason: `provider setting "${key}" is not modelled by the local cloud; extend local/provider/configuration.ts` }));
  if (text(parsed["region"]) === undefined && !isUnknown("region")) {
    faults.push({ property: "region", reason: "missing region; give the stack a region (`region` in the fleet config), or the provider" });
  }
  const allowed = parsed["allowedAccountIds"];
  const account = accountOf(parsed);
  if (Array.isArray(allowed) && !allowed.includes(account)) {
    faults.push({ property: "allowedAccountIds", reason: `account is not allowed; got ${account}; expected one of ${allowed.join(", ")}` });
  }
  return faults;
}

/** @throws {Error} when the region is missing */
export function readConfiguration(config: Properties): ProviderConfiguration {
  const parsed = parseValues(config);
  const region = text(parsed["region"]);
  if (region === undefined) throw new Error("missing region; give the stack a region (`region` in the fleet config), or the provider");
  const tags = object(object(parsed["defaultTags"])["tags"]);
  return {
    region,
    account: accountOf(parsed),
    defaultTags: Object.fromEntries(Object.entries(tags).filter((entry): entry is [string, string] => typeof entry[1] === "string")),
  };
}

/** The account of the assumed role, else of the access key, else the default one. */
function accountOf(config: Properties): string {
  const [role] = Array.isArray(config["assumeRoles"]) ? config["assumeRoles"] : [];
  const roleArn = text(object(role)["roleArn"]);
  const assumed = roleArn && /^arn:[^:]*:iam::(\d{12}):/.exec(roleArn)?.[1];
  const accessKey = text(config["accessKey"]);
  return assumed ?? (accessKey === undefined ? DEFAULT_ACCOUNT : accountOfKey(accessKey));
}

/** Provider inputs that are not strings arrive as JSON text. */
function parseValues(config: Properties): Properties {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, typeof value === "string" && /^[[{]|^(true|false)$/.test(value) ? parseOr(value) : value]));
}

function parseOr(value: string): Properties[string] {
  try {
    return JSON.parse(value) as Properties[string];
  } catch {
    return value; // a text that only looks like JSON
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function object(value: unknown): Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Properties) : {};
}
