/** Settings of the docker provider. One engine stands for every host that a program names. */
import { DEFAULT_ACCOUNT } from "../aws/credentials";
import type { ProviderSettings } from "../model";

/** Place of what was made through a provider without a host of its own. */
const LOCAL_ENGINE = "local";

/** Accepted: where an engine is and how it is reached has no effect on what the local one does. */
const ACCEPTED = new Set([
  "host", "context", "sshOpts", "caMaterial", "certMaterial", "keyMaterial", "certPath", "registryAuth", "disableDockerDaemonCheck", "version", "pluginDownloadURL",
]);

export const dockerSettings: ProviderSettings = {
  // As in the real provider, another host replaces nothing: its resources are looked for there.
  replaceOn: [],
  faults: (config) => Object.keys(config).filter((key) => !ACCEPTED.has(key))
    .map((key) => ({ property: key, reason: `provider setting "${key}" is not modelled by the local cloud; extend local/docker/settings.ts` })),
  // The ledger shows the host where it shows AWS's region.
  read: ({ host }) => ({ region: typeof host === "string" && host !== "" ? host : LOCAL_ENGINE, account: DEFAULT_ACCOUNT, defaultTags: {} }),
};
