/** The package's schema, from which Pulumi makes documentation and SDKs of other languages. A test holds it against SDK and checks. */
import { VERSION } from "./version";

type Property = { type: "string" | "integer" | "number" | "boolean"; description: string; enum?: string[]; secret?: boolean; replaceOnChanges?: boolean; defaultInfo?: { environment: string[] } }
  | { type: "array"; items: { type: "string" } | { $ref: string }; description: string; replaceOnChanges?: boolean }
  | { $ref: string; description: string; replaceOnChanges?: boolean };
type Properties = Record<string, Property>;

const string = (description: string): Property => ({ type: "string", description });
const fixed = (description: string): Property => ({ type: "string", description, replaceOnChanges: true });
const integer = (description: string): Property => ({ type: "integer", description });
const type = (name: string, description: string): Property => ({ $ref: `#/types/aerospikecloud:index:${name}`, description });

/** A type of the package: objects that nest in resources. Server settings are open: the service checks them. */
const object = (properties: Properties, required: string[]) => ({ type: "object", properties, required });

const clusterInputs: Properties = {
  name: string("Unique among the account's living clusters: an existing one of this name is taken over."),
  dataPlaneVersion: fixed("Default: the service's latest at the time of creation."),
  infrastructure: type("Infrastructure", "Where the nodes run."),
  aerospikeCloud: type("AerospikeCloud", "Size and storage."),
  aerospikeServer: { $ref: "pulumi.json#/Any", description: "Server configuration in its own words; needs `namespaces`." },
  logging: type("Logging", "Who may read the logs."),
};

const peeringInputs: Properties = {
  clusterId: fixed("An active cluster."),
  vpcId: fixed("The client's VPC, with DNS support and DNS host names."),
  cidrBlock: fixed("Block of the client's VPC; must not overlap with the cluster's."),
  accountId: fixed("Twelve digits: account of the client's VPC."),
  region: fixed("Region of the client's VPC."),
  isSecureConnection: { type: "boolean", description: "TLS. Default: true.", replaceOnChanges: true },
};

const providerInputs: Properties = {
  apiKeyId: { type: "string", description: "ID of the API key.", defaultInfo: { environment: ["AEROSPIKE_CLOUD_KEY"] } },
  apiKeySecret: { type: "string", description: "Secret of the API key.", secret: true, defaultInfo: { environment: ["AEROSPIKE_CLOUD_SECRET"] } },
  apiUrl: { type: "string", description: "Base address of the API.", defaultInfo: { environment: ["AEROSPIKE_CLOUD_API_URL"] } },
  clustersPath: { type: "string", description: "Path of the clusters below it.", defaultInfo: { environment: ["AEROSPIKE_CLOUD_CLUSTERS_PATH"] } },
  tokenUrl: { type: "string", description: "Address that hands out access tokens.", defaultInfo: { environment: ["AEROSPIKE_CLOUD_TOKEN_URL"] } },
};

/** JSON of `pulumi package get-schema`. */
export const schema = {
  name: "aerospikecloud",
  displayName: "Aerospike Cloud",
  version: VERSION,
  description: "Clusters of Aerospike Cloud and their VPC peerings.",
  keywords: ["category/database", "kind/native"],
  license: "Apache-2.0",
  config: { variables: providerInputs },
  provider: { description: "How the provider reaches the service.", inputProperties: providerInputs },
  types: {
    "aerospikecloud:index:Infrastructure": object({
      provider: { type: "string", description: "Cloud provider.", enum: ["aws", "gcp"], replaceOnChanges: true },
      instanceType: string("As getOfferings lists them; changes in place."),
      region: fixed("Region code."),
      availabilityZoneCount: { type: "integer", description: "1 to 3.", replaceOnChanges: true },
      zoneIds: { type: "array", items: { type: "string" }, description: "One a zone.", replaceOnChanges: true },
      cidrBlock: fixed("A /19 outside of 10.129.0.0/24. Default: 10.128.0.0/19."),
      networkAttachedStorage: type("NetworkStorage", "Volumes of the nodes."),
    }, ["provider", "instanceType", "region", "availabilityZoneCount"]),
    "aerospikecloud:index:NetworkStorage": object({
      type: { type: "string", description: "Kind of volume.", enum: ["gp2", "gp3", "io1", "io2"], replaceOnChanges: true },
      sizeInGB: integer("Gigabytes."),
      iops: integer("Needed by gp3, io1 and io2."),
    }, ["type", "sizeInGB"]),
    "aerospikecloud:index:AerospikeCloud": object({
      clusterSize: integer("Nodes; changes in place."),
      dataStorage: { type: "string", description: "Where data lives.", enum: ["memory", "local-disk", "network-storage"], replaceOnChanges: true },
      dataResiliency: { type: "string", description: "Where data is kept beside it.", enum: ["local-disk", "network-storage"], replaceOnChanges: true },
    }, ["clusterSize", "dataStorage"]),
    "aerospikecloud:index:Logging": object({
      authorizedRoles: { type: "array", items: { type: "string" }, description: "ARNs that may read the log bucket." },
    }, []),
  },
  resources: {
    "aerospikecloud:index:Cluster": {
      description: "A cluster; created, or found by its name, when its ID is registered.",
      inputProperties: clusterInputs,
      requiredInputs: ["name", "infrastructure", "aerospikeCloud", "aerospikeServer"],
      properties: {
        ...clusterInputs,
        cidrBlock: string("Block of the database's VPC."),
        createdAt: string("ISO 8601."),
        detected: { type: "boolean", description: "It was there already and was taken over." },
        status: string("Status at the last look."),
      },
      required: ["name", "dataPlaneVersion", "infrastructure", "aerospikeCloud", "aerospikeServer", "cidrBlock", "createdAt", "detected", "status"],
    },
    "aerospikecloud:index:ClusterReady": {
      description: "Waits until a cluster is active.",
      inputProperties: { clusterId: fixed("The cluster.") },
      requiredInputs: ["clusterId"],
      properties: {
        clusterId: fixed("The cluster."),
        host: string("Name that clients connect to."),
        tlsCertificate: string("PEM."),
        networkId: string("The database's VPC."),
        accountId: string("The database's account."),
        cidrBlock: string("Block of the database's VPC."),
        provisioningSeconds: integer("From its creation until it was active."),
      },
      required: ["clusterId", "host", "tlsCertificate", "networkId", "accountId", "cidrBlock", "provisioningSeconds"],
    },
    "aerospikecloud:index:VpcPeering": {
      description: "A peering request; created, or found by its VPC, when it waits for acceptance.",
      inputProperties: peeringInputs,
      requiredInputs: Object.keys(peeringInputs),
      properties: { ...peeringInputs, peeringId: string("pcx-…, to be accepted."), status: string("Status at the last look.") },
      required: [...Object.keys(peeringInputs), "peeringId", "status"],
    },
    "aerospikecloud:index:VpcPeeringReady": {
      description: "Waits until an accepted peering is active.",
      inputProperties: { clusterId: fixed("The cluster."), peering: fixed("ID of the peering.") },
      requiredInputs: ["clusterId", "peering"],
      properties: { clusterId: fixed("The cluster."), peering: fixed("ID of the peering."), privateHostedZoneId: string("Zone to associate with the client's VPC.") },
      required: ["clusterId", "peering", "privateHostedZoneId"],
    },
  },
  functions: {
    "aerospikecloud:index:getCluster": {
      description: "The living cluster of a name.",
      inputs: object({ name: string("Name of the cluster.") }, ["name"]),
      outputs: object({
        id: string("Its ID."), name: string("Its name."), status: string("Its status."), host: string("Once it is active."), tlsCertificate: string("PEM, once it is active."),
        infrastructure: type("Infrastructure", "Where it runs."), clusterSize: integer("Nodes."),
      }, ["id", "name", "status", "infrastructure", "clusterSize"]),
    },
    "aerospikecloud:index:getOfferings": {
      description: "What the account may order.",
      inputs: object({
        cloudProvider: string("aws, gcp or azure."), region: string("Region code."), minMemoryGib: integer("Least memory."),
        minLocalDisks: integer("Least number of local disks."), minLocalStorageGib: integer("Least local storage."),
      }, []),
      outputs: object({ providers: { type: "array", items: { $ref: "pulumi.json#/Any" }, description: "Cloud providers with their regions and instance types." } }, ["providers"]),
    },
  },
  language: { nodejs: { packageName: "@stackfleet/aerospikecloud" } },
} as const;
