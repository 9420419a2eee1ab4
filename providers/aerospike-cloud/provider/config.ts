/** The provider's configuration: what the program or the stack gives, then the environment, then the vendor's addresses. */
import type { CheckFault } from "./handler";
import type { ClientSettings } from "../api/client";
import type { Properties } from "../../wire/values";

/** Source of the addresses: the vendor's OpenAPI 1.0.0. */
export const DEFAULT_API_URL = "https://api.aerospike.com/v1";
export const DEFAULT_TOKEN_URL = "https://auth.control.aerospike.cloud/oauth/token";
export const DEFAULT_CLUSTERS_PATH = "/database/clusters";

/** Properties of a provider and the variable that stands in for each. */
export const CONFIG_VARIABLES = {
  apiKeyId: "AEROSPIKE_CLOUD_KEY",
  apiKeySecret: "AEROSPIKE_CLOUD_SECRET",
  apiUrl: "AEROSPIKE_CLOUD_API_URL",
  clustersPath: "AEROSPIKE_CLOUD_CLUSTERS_PATH",
  tokenUrl: "AEROSPIKE_CLOUD_TOKEN_URL",
} as const;
export type ConfigKey = keyof typeof CONFIG_VARIABLES;

export interface ProviderSettings extends ClientSettings {
  /** Simulated seconds a second; waits between polls are divided by it. 1 but in the local cloud. */
  readonly timeScale: number;
}

/** Every fault of a provider's properties. Those that are not known yet are not in `properties`. */
export function configFaults(properties: Properties): CheckFault[] {
  const faults: CheckFault[] = [];
  for (const [key, value] of Object.entries(properties)) {
    // The engine hands its own settings through as well.
    if (key === "version" || key === "pluginDownloadURL" || key.startsWith("__")) continue;
    if (!(key in CONFIG_VARIABLES)) faults.push({ property: key, reason: `unknown setting of the provider aerospikecloud; expected ${Object.keys(CONFIG_VARIABLES).join(", ")}` });
    else if (typeof value !== "string") faults.push({ property: key, reason: `got a ${typeof value}; expected a string` });
    else faults.push(...formFaults(key as ConfigKey, value));
  }
  return faults;
}

/** An address as messages may show it: what stands before its last `@` may be a password. */
function shownUrl(value: string): string {
  const shown = value.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1");
  return shown === value ? JSON.stringify(value) : `${JSON.stringify(shown)} with a user, which is not shown`;
}

function formFaults(key: ConfigKey, value: string): CheckFault[] {
  if ((key === "apiKeyId" || key === "apiKeySecret") && value === "") {
    return [{ property: key, reason: `got nothing; expected a part of an API key; set it, or leave it out for that of ${CONFIG_VARIABLES[key]}` }];
  }
  if ((key === "apiUrl" || key === "tokenUrl") && !isSafeUrl(value)) {
    return [{ property: key, reason: `got ${shownUrl(value)}; expected an https:// address, or an http:// one of this machine, without a user, a query or a fragment` }];
  }
  if (key === "clustersPath" && !/^(\/[A-Za-z0-9._~-]+)+$/.test(value)) return [{ property: key, reason: `got ${JSON.stringify(value)}; expected a path such as ${DEFAULT_CLUSTERS_PATH}` }];
  return [];
}

/** The key's secret goes there: never in the clear over a network. */
function isSafeUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(value);
  if (`${username}${password}${search}${hash}` !== "") return false;
  return protocol === "https:" || (protocol === "http:" && (/^127(\.\d{1,3}){3}$/.test(hostname) || hostname === "localhost" || hostname === "[::1]"));
}

/** @throws {Error} naming every value that is refused */
export function readSettings(properties: Properties, env: NodeJS.ProcessEnv): ProviderSettings {
  const value = (key: ConfigKey): string | undefined => {
    const given = properties[key];
    return typeof given === "string" ? given : env[CONFIG_VARIABLES[key]] || undefined;
  };
  const faults = (Object.keys(CONFIG_VARIABLES) as ConfigKey[]).flatMap((key) => {
    const given = value(key);
    return given === undefined ? [] : formFaults(key, given);
  });
  const timeScale = Number(env["AEROSPIKE_CLOUD_TIME_SCALE"] ?? 1);
  if (!(timeScale > 0)) faults.push({ property: "AEROSPIKE_CLOUD_TIME_SCALE", reason: `got ${JSON.stringify(env["AEROSPIKE_CLOUD_TIME_SCALE"])}; expected a number above 0` });
  if (faults.length > 0) throw new Error(faults.map(({ property, reason }) => `${property} (${CONFIG_VARIABLES[property as ConfigKey] ?? "environment"}): ${reason}`).join("; "));
  const keyId = value("apiKeyId");
  const secret = value("apiKeySecret");
  return {
    apiUrl: (value("apiUrl") ?? DEFAULT_API_URL).replace(/\/+$/, ""),
    tokenUrl: value("tokenUrl") ?? DEFAULT_TOKEN_URL,
    clustersPath: value("clustersPath") ?? DEFAULT_CLUSTERS_PATH,
    ...(keyId !== undefined && { keyId }), ...(secret !== undefined && { secret }),
    timeScale,
  };
}
