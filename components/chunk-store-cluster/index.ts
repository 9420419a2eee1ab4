/** A distributed chunk store: controllers that clients talk to, chunkservers that hold the chunks, and the network between them. */
import * as pulumi from "@pulumi/pulumi";
import { refuseFaults } from "../arguments";
import { type ChunkStoreClusterArgs, withDefaults } from "./args";
import { type PlacedNode, placeOnDocker } from "./docker";
import { faultsOf } from "./faults";
import { planNodes } from "./plan";

export {
  DEFAULTS, type ChunkStoreClusterArgs, type ChunkStoreClusterTransforms, type DockerPlatform, type LogLevel, type NodeSize, type PublishedPorts,
} from "./args";
export type { PlacedNode } from "./docker";
export type { NodeRole } from "./plan";
export type { Timings } from "./timings";

const TYPE = "stackfleet:chunkstore:ChunkStoreCluster";

/**
 * A chunk store whose nodes find each other by name and configure themselves.
 *
 * Any controller serves any client; a file is acknowledged once two chunkservers have all of it on disk, or as many as the replication
 * factor asks for when that is one. Another number of nodes adds or removes only the nodes concerned.
 *
 * @throws {pulumi.RunError} with every fault of the arguments
 * @example
 * const store = new ChunkStoreCluster("store", {
 *   clusterKey: config.requireSecret("clusterKey"), accounts: { admin: config.requireSecret("adminPassword") },
 *   platform: { kind: "docker", publish: { firstPort: 8000 } },
 * });
 * export const endpoints = store.endpoints;
 */
export class ChunkStoreCluster extends pulumi.ComponentResource {
  /** Base URLs of the clients' API, one a controller; any of them will do. Published ports, else the containers' own addresses. */
  readonly endpoints: pulumi.Output<string[]>;
  /** Other containers reach the store on this network, by the name `controller`. */
  readonly networkName: pulumi.Output<string>;
  /** Controllers first. */
  readonly nodes: pulumi.Output<PlacedNode[]>;
  readonly replicationFactor: pulumi.Output<"all" | number>;
  /** Users who may log in, sorted. */
  readonly accountNames: pulumi.Output<string[]>;

  constructor(name: string, args: ChunkStoreClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super(TYPE, name, {}, opts);
    const complete = withDefaults(args);
    refuseFaults("ChunkStoreCluster", name, faultsOf(name, complete));
    const { networkName, nodes } = placeOnDocker(name, complete, planNodes(name, complete), this);

    this.nodes = pulumi.all([...nodes]);
    this.endpoints = this.nodes.apply((all) => all.flatMap(({ endpoint }) => endpoint ?? []));
    this.networkName = networkName;
    this.replicationFactor = pulumi.output(complete.replicationFactor);
    this.accountNames = pulumi.output(Object.keys(complete.accounts).sort());
    this.registerOutputs({
      endpoints: this.endpoints, networkName: this.networkName, nodes: this.nodes, replicationFactor: this.replicationFactor, accountNames: this.accountNames,
    });
  }
}
