/**
 * The Docker look-ups of recovery: containers and networks by the label `stackfleet:urn-hash`, else by a name that Pulumi made;
 * volumes by name, because Docker's own create hands back the volume that has the name.
 */
import { FleetError } from "../errors";
import { DockerApi } from "./docker-api";
import { CantTell, stringInput, type Found, type Lookup, type Sought } from "./lookup";
import { isSecret } from "./secret";
import { URN_HASH_TAG, urnHash } from "./urn";

export interface DockerAccess {
  /** As in `DOCKER_HOST` @default Docker's own default */
  readonly host?: string;
  /** The one engine for whatever host a provider names: the local cloud's. */
  readonly only?: boolean;
}

const CONTAINER = "docker:index/container:Container";
const NETWORK = "docker:index/network:Network";
const VOLUME = "docker:index/volume:Volume";

/**
 * A container that its provider has created and not started within this time is half made: networks, files or the start are missing,
 * and nobody adds them any more.
 */
const START_PATIENCE_MS = 10_000;
const POLL_MS = 200;
/** Default of a container's `waitTimeout`. */
const HEALTH_SECONDS = 60;

const REAL_CLOCK = { now: () => performance.now(), wait: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)) };

/** Look-ups for the package `docker`. */
export function dockerLookup(access: DockerAccess, clock = REAL_CLOCK): Lookup {
  const apis = new Map<string | undefined, DockerApi>();
  const apiOf = (sought: Sought): DockerApi => {
    const named = sought.provider?.["host"];
    const host = access.only !== true && typeof named === "string" && named !== "" ? named : access.host;
    const api = apis.get(host) ?? new DockerApi(host);
    apis.set(host, api);
    return api;
  };
  return {
    handles: ({ type }) => FINDS.has(type),
    find: async (sought) => {
      const found = await FINDS.get(sought.type)?.(apiOf(sought), sought) ?? [];
      return sought.type === CONTAINER ? withoutHalfMade(apiOf(sought), sought, found, clock) : found;
    },
    settled: async (sought, found) => {
      if (sought.type === CONTAINER && sought.inputs["wait"] === true) await untilHealthy(apiOf(sought), sought, found, clock);
    },
  };
}

type Find = (api: DockerApi, sought: Sought) => Promise<readonly Found[]>;

const FINDS: ReadonlyMap<string, Find> = new Map<string, Find>([
  [CONTAINER, async (api, sought) => {
    if (carriesHash(sought)) return (await api.containers({ label: hashLabel(sought) })).map(({ id }) => ({ id }));
    const name = stringInput(sought, "name");
    return proven(sought, name, (await api.containers({})).filter(({ names }) => names.includes(name)).map(({ id }) => ({ id })));
  }],
  [NETWORK, async (api, sought) => {
    if (carriesHash(sought)) return (await api.networks({ label: hashLabel(sought) })).map(({ id }) => ({ id }));
    const name = stringInput(sought, "name");
    return proven(sought, name, (await api.networks({})).filter((network) => network.name === name).map(({ id }) => ({ id })));
  }],
  [VOLUME, async (api, sought) => {
    const name = stringInput(sought, "name");
    return (await api.hasVolume(name)) ? [{ id: name }] : [];
  }],
]);

function hashLabel(sought: Sought): string {
  return `${URN_HASH_TAG}=${urnHash(sought.urn)}`;
}

/** True when the create was sent with the label to search for. */
function carriesHash({ inputs, urn }: Sought): boolean {
  const { labels } = inputs;
  // What can't be read is taken to carry it, as all containers and networks of a fleet do.
  if (isSecret(labels)) return true;
  return Array.isArray(labels) && labels.some((item: unknown) => {
    const { label, value } = item as { label?: unknown; value?: unknown };
    return label === URN_HASH_TAG && value === urnHash(urn);
  });
}

/** A name with Pulumi's random digits is nobody else's; one that the program gave may be. */
function proven(sought: Sought, name: string, found: readonly Found[]): readonly Found[] {
  const defaults = sought.inputs["__defaults"];
  if (found.length === 0 || (Array.isArray(defaults) && defaults.includes("name"))) return found;
  throw new CantTell(`Docker has one of the name ${name}, but no label says whose it is`);
}

/** Takes away what was created and never started: it has no data, and the update makes it again, whole. */
async function withoutHalfMade(api: DockerApi, sought: Sought, found: readonly Found[], clock: typeof REAL_CLOCK): Promise<readonly Found[]> {
  const known = new Set(sought.known.map(({ id }) => id));
  if (sought.inputs["start"] === false) return found;
  const whole: Found[] = [];
  for (const candidate of found) {
    if (known.has(candidate.id) || (await started(api, candidate.id, clock))) whole.push(candidate);
    else await api.removeContainer(candidate.id);
  }
  return whole;
}

/** False when the container is still not started after the time that its creator may take, or is gone. */
async function started(api: DockerApi, id: string, clock: typeof REAL_CLOCK): Promise<boolean> {
  const deadline = clock.now() + START_PATIENCE_MS;
  for (;;) {
    const status = (await api.container(id))?.State.Status;
    if (status === undefined) return false;
    if (status !== "created") return true;
    if (clock.now() >= deadline) return false;
    await clock.wait(POLL_MS);
  }
}

/** As the provider's own create would have waited. @throws FleetError `pending-unsettled` */
async function untilHealthy(api: DockerApi, sought: Sought, found: Found, clock: typeof REAL_CLOCK): Promise<void> {
  const { waitTimeout } = sought.inputs;
  const deadline = clock.now() + (typeof waitTimeout === "number" ? waitTimeout : HEALTH_SECONDS) * 1_000;
  for (;;) {
    const state = (await api.container(found.id))?.State;
    // One that ended is the update's to start again.
    if (state === undefined || state.Health?.Status === "healthy" || state.Status === "exited") return;
    if (clock.now() >= deadline) {
      throw new FleetError("pending-unsettled", `${sought.urn}: ${found.id} exists but is still not healthy`, { source: "engine", fix: `look at it with \`docker logs ${found.id.slice(0, 12)}\`, then run the command again` });
    }
    await clock.wait(POLL_MS);
  }
}
