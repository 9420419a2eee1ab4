/** A cluster on Docker: its network, the image and the volumes on each engine, and one container for each node. */
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { child } from "../arguments";
import { type CompleteArgs, DOCKER_DEFAULTS } from "./args";
import { createNode, publishedPort } from "./docker-node";
import { CLIENT_PORT, type NodeRole, type PlannedNode } from "./plan";
import { imageSources } from "./sources";

/** A node that has been placed. */
export interface PlacedNode {
  readonly name: string;
  readonly role: NodeRole;
  readonly containerId: string;
  readonly containerName: string;
  /** Of controllers: base URL of the clients' API. */
  readonly endpoint?: string;
}

export interface Placed {
  readonly networkName: pulumi.Output<string>;
  /** In the order of the plan. */
  readonly nodes: readonly pulumi.Output<PlacedNode>[];
}

/** One Docker Engine: its provider, which is undefined for the component's own, and what the nodes on it share. */
interface Engine { readonly provider: docker.Provider | undefined; readonly host: string | undefined; readonly imageId: pulumi.Output<string> }

/** Creates everything below the component. */
export function placeOnDocker(name: string, args: CompleteArgs, plan: readonly PlannedNode[], parent: pulumi.Resource): Placed {
  const engines = createEngines(name, args, parent);
  const network = createNetwork(name, args, engines[0]?.provider, parent);
  let before: docker.Container | undefined;
  const nodes = plan.map((node) => {
    // By role, so that another controller moves no chunkserver.
    const engine = engines[node.index % engines.length];
    if (engine === undefined) throw new RangeError("no engine to place nodes on");
    const { provider, imageId } = engine;
    const volume = args.persistent ? createVolume(node, args, provider, parent) : undefined;
    const container = createNode(node, { args, parent, network, imageId, provider, volume, after: args.rollingUpdates ? before : undefined });
    before = container;
    return placed(node, container, network.name, publishedEndpoint(node, args, engine));
  });
  return { networkName: network.name, nodes };
}

function createEngines(name: string, args: CompleteArgs, parent: pulumi.Resource): readonly Engine[] {
  const { providers = [undefined], publish } = args.platform;
  return providers.map((provider, index) => ({ provider, host: publish?.hosts?.[index], imageId: createImage(engineName(`${name}-image`, index), args, provider, parent).imageId }));
}

/** The first engine's has no number: a second engine leaves it as it is. */
function engineName(name: string, index: number): string {
  return index === 0 ? name : `${name}-${index + 1}`;
}

function createImage(logicalName: string, { image, platform, transform }: CompleteArgs, provider: docker.Provider | undefined, parent: pulumi.Resource): docker.RemoteImage {
  // Kept when it is not needed any more: another stack's containers may have been made from it.
  const opts = { parent, ...(provider && { provider }) };
  if (image !== undefined) return new docker.RemoteImage(logicalName, ...child(transform?.image, { name: image, keepLocally: true }, opts));
  const { context, dockerfile, digest } = imageSources();
  return new docker.RemoteImage(logicalName, ...child(transform?.image, {
    name: `stackfleet/chunkstore:${digest.slice(0, 12)}`, keepLocally: true,
    build: { context, dockerfile, buildArgs: { BASE: platform.baseImage ?? DOCKER_DEFAULTS.baseImage } },
    triggers: { sources: digest },
  }, {
    ...opts,
    // Another checkout of the same sources is no other image; the triggers tell. When they do, the engine takes this program's path.
    ignoreChanges: ["build.context"],
  }));
}

function createNetwork(name: string, { platform, transform }: CompleteArgs, provider: docker.Provider | undefined, parent: pulumi.Resource): docker.Network {
  return new docker.Network(`${name}-network`, ...child(transform?.network, {
    name: platform.networkName ?? DOCKER_DEFAULTS.networkName, driver: "overlay", attachable: true,
    ...(platform.encryptNetwork === true && { options: { encrypted: "true" } }),
  }, keepingLabels({ parent, ...(provider && { provider }) })));
}

function createVolume(node: PlannedNode, { transform }: CompleteArgs, provider: docker.Provider | undefined, parent: pulumi.Resource): docker.Volume {
  return new docker.Volume(`${node.name}-data`, ...child(transform?.volume, {}, keepingLabels({ parent, ...(provider && { provider }) })));
}

/** Docker can't change labels: the new ones of a renamed resource would replace it, and a volume's data would be gone. */
function keepingLabels(opts: pulumi.CustomResourceOptions): pulumi.CustomResourceOptions {
  return { ...opts, ignoreChanges: ["labels"] };
}

/** Where a controller is published, as clients reach it; undefined when it isn't. */
function publishedEndpoint(node: PlannedNode, { platform: { publish } }: CompleteArgs, engine: Engine): string | undefined {
  if (node.role !== "controller" || publish === undefined) return undefined;
  return `http://${inUrl(engine.host ?? reachable(publish.address ?? DOCKER_DEFAULTS.address))}:${publishedPort(node, publish)}`;
}

/** An address that stands for all of the machine's is reached by the loopback. */
function reachable(address: string): string {
  return address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
}

function inUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function placed({ name, role }: PlannedNode, container: docker.Container, networkName: pulumi.Output<string>, published: string | undefined): pulumi.Output<PlacedNode> {
  return pulumi.all([container.id, container.name, container.networkDatas, networkName]).apply(([containerId, containerName, networks, network]) => {
    const endpoint = published ?? (role === "controller" ? endpointOn(network, networks) : undefined);
    return { name, role, containerId, containerName, ...(endpoint !== undefined && { endpoint }) };
  });
}

type NetworkData = docker.types.output.ContainerNetworkData;

/** By the container's own address; a container that was stopped has none. */
function endpointOn(network: string, networks: readonly NetworkData[] | undefined): string | undefined {
  const address = networks?.find(({ networkName }) => networkName === network)?.ipAddress;
  return address === undefined || address === "" ? undefined : `http://${inUrl(address)}:${CLIENT_PORT}`;
}
