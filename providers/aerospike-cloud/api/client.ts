/** The Aerospike Cloud API as typed calls. */
import * as schemas from "./schemas";
import { Transport, type Settings } from "./transport";

export interface ClientSettings extends Settings {
  /** Path of the clusters below the API's URL. */
  readonly clustersPath: string;
}

/** Most items of one page that the service hands out. */
const PAGE = 100;
const GONE: readonly schemas.ClusterStatus[] = ["decommissioned", "decommissioning"];

export class AerospikeCloudClient {
  readonly #transport: Transport;

  constructor(private readonly settings: ClientSettings) {
    this.#transport = new Transport(settings);
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  /** Living clusters of a name; the service keeps names no more unique than this. */
  async clustersNamed(name: string, signal?: AbortSignal): Promise<schemas.Cluster[]> {
    const found: schemas.Cluster[] = [];
    for await (const cluster of this.#pages("list clusters", `${this.settings.clustersPath}?status_ne=${GONE.join(",")}&`, schemas.clusterCollectionSchema, (page) => page.clusters, signal)) {
      // The filter is the service's; the guard is ours: a cluster that is going must never be taken over.
      if (cluster.name === name && !GONE.includes(cluster.health?.status ?? "unknown")) found.push(cluster);
    }
    return found;
  }

  cluster(id: string, signal?: AbortSignal): Promise<schemas.Cluster> {
    return this.#transport.call({ what: `read cluster ${id}`, method: "GET", path: this.#cluster(id), schema: schemas.clusterSchema, scope: "read:database", ...(signal && { signal }) });
  }

  /** Sent until the service takes it, and not again after that: there is no idempotency key, so whoever gets an error that may have worked looks the name up first. */
  createCluster(body: schemas.ClusterCreate, signal?: AbortSignal): Promise<schemas.Cluster> {
    return this.#transport.call({ what: `create cluster "${body.name}"`, method: "POST", path: this.settings.clustersPath, body, schema: schemas.clusterSchema, scope: "create:database", ...(signal && { signal }) });
  }

  updateCluster(id: string, body: schemas.ClusterPatch, signal?: AbortSignal): Promise<schemas.Cluster> {
    return this.#transport.call({
      what: `update cluster ${id}`, method: "PATCH", path: this.#cluster(id), body, contentType: "application/merge-patch+json",
      schema: schemas.clusterSchema, scope: "update:database", ...(signal && { signal }),
    });
  }

  async deleteCluster(id: string, signal?: AbortSignal): Promise<void> {
    await this.#transport.call({ what: `delete cluster ${id}`, method: "DELETE", path: this.#cluster(id), scope: "delete:database", ...(signal && { signal }) });
  }

  async peerings(clusterId: string, signal?: AbortSignal): Promise<schemas.Peering[]> {
    const found: schemas.Peering[] = [];
    for await (const peering of this.#pages(`list VPC peerings of cluster ${clusterId}`, `${this.#cluster(clusterId)}/vpc-peerings?`, schemas.peeringCollectionSchema, (page) => page.vpcPeerings, signal)) found.push(peering);
    return found;
  }

  /** Sent once, as {@link createCluster}. */
  createPeering(clusterId: string, body: schemas.PeeringCreate, signal?: AbortSignal): Promise<schemas.Peering> {
    return this.#transport.call({
      what: `request a peering of cluster ${clusterId} with ${body.vpcId}`, method: "POST", path: `${this.#cluster(clusterId)}/vpc-peerings`, body,
      schema: schemas.peeringSchema, scope: "update:database", ...(signal && { signal }),
    });
  }

  async deletePeering(clusterId: string, peeringId: string, signal?: AbortSignal): Promise<void> {
    await this.#transport.call({
      what: `delete VPC peering ${peeringId} of cluster ${clusterId}`, method: "DELETE", path: `${this.#cluster(clusterId)}/vpc-peerings/${encodeURIComponent(peeringId)}`,
      scope: "delete:database", ...(signal && { signal }),
    });
  }

  /**
   * @param filter in the service's own words
   * @param patienceMs limit of the call, its repetitions included
   */
  offerings(filter: Readonly<Record<string, string | number | undefined>> = {}, signal?: AbortSignal, patienceMs?: number): Promise<schemas.CloudProviders> {
    const given = Object.entries(filter).flatMap(([key, value]): [string, string][] => (value === undefined ? [] : [[`filter[${key}]`, String(value)]]));
    const query = given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`;
    // Below the same prefix as the clusters: `/database/clusters` → `/database/cloud-providers`.
    const path = `${this.settings.clustersPath.replace(/\/[^/]+$/, "")}/cloud-providers${query}`;
    return this.#transport.call({
      what: "list what the account may order", method: "GET", path, schema: schemas.cloudProvidersSchema, scope: "read:database",
      ...(signal && { signal }), ...(patienceMs !== undefined && { patienceMs }),
    });
  }

  #cluster(id: string): string {
    return `${this.settings.clustersPath}/${encodeURIComponent(id)}`;
  }

  /** All items of a list, page by page. @param path with its `?`, to which limit and offset are added */
  async *#pages<Page extends { readonly count: number; readonly meta?: { readonly total: number } | null | undefined }, Item>(
    what: string, path: string, schema: import("zod").ZodType<Page>, items: (page: Page) => readonly Item[], signal: AbortSignal | undefined,
  ): AsyncGenerator<Item> {
    for (let offset = 0; ;) {
      const page = await this.#transport.call({ what, method: "GET", path: `${path}limit=${PAGE}&offset=${offset}`, schema, scope: "read:database", ...(signal && { signal }) });
      const found = items(page);
      yield* found;
      offset += found.length;
      // Without a total, a short page is the last one; the service may cap pages below what was asked for.
      if (found.length === 0 || (page.meta ? offset >= page.meta.total : found.length < PAGE)) return;
    }
  }
}
