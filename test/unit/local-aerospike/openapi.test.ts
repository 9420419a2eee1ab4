/** What the local API answers, and what the provider sends, against the vendor's own OpenAPI, where a copy of it lies beside the project. */
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { clusterCreateSchema, CLUSTER_STATUSES, ERROR_TYPES, PEERING_STATUSES } from "../../../providers/aerospike-cloud/api/schemas";
import { CREATE, World } from "./world";

const FILE = path.join(__dirname, "..", "..", "..", "..", "shared", "reference", "aerospike-cloud", "openapi.yaml");
const CLUSTERS = "/v1/database/clusters";

interface Document { readonly components: { readonly schemas: Readonly<Record<string, { readonly enum?: readonly string[] }>> } }

describe.skipIf(!existsSync(FILE))("the vendor's OpenAPI 1.0.0", () => {
  const document = existsSync(FILE) ? (parse(readFileSync(FILE, "utf8")) as Document) : { components: { schemas: {} } };
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(document, "openapi");
  const schema = (name: string): ValidateFunction => ajv.compile({ $ref: `openapi#/components/schemas/${name}` });
  const expectValid = (name: string, value: unknown): void => {
    const validate = schema(name);
    validate(value);
    expect(validate.errors ?? []).toEqual([]);
  };

  let world: World;
  beforeEach(async () => {
    world = new World();
    await world.login();
  });
  afterEach(() => world.close());

  it("has the statuses and the error types that are known here", () => {
    const { ClusterStatus, VPCPeeringStatus, ErrorType } = document.components.schemas;
    expect([ClusterStatus?.enum, VPCPeeringStatus?.enum, ErrorType?.enum]).toEqual([[...CLUSTER_STATUSES], [...PEERING_STATUSES], [...ERROR_TYPES]]);
  });

  it("accepts the create that the provider sends, and its own example is accepted here", () => {
    expectValid("ClusterCreate", clusterCreateSchema.parse(CREATE));
    expect(clusterCreateSchema.safeParse({
      name: "a-simple-cluster", infrastructure: { provider: "aws", instanceType: "i4i.large", region: "us-east-1", availabilityZoneCount: 2 },
      aerospikeCloud: { clusterSize: 2, dataStorage: "memory" }, aerospikeServer: { namespaces: [{ name: "test" }] },
      logging: { authorizedRoles: ["arn:aws:iam::123456789012:role/ASLogReader"] },
    }).success).toBe(true);
  });

  it("describes every answer of the local API", async () => {
    const made = await world.send("POST", CLUSTERS, CREATE);
    expectValid("ClusterExisting", made.body);
    const url = `${CLUSTERS}/${String(made.body["id"])}`;
    const active = await world.until(url, (body) => (body["health"] as { status?: string } | undefined)?.status === "active");
    expectValid("ClusterExisting", active.body);
    expectValid("ClusterCollectionSchema", (await world.send("GET", CLUSTERS)).body);
    const id = `vpc-${world.cloud.context.ids.hex(17)}`;
    world.cloud.context.register({ type: "aws:ec2/vpc:Vpc", id, region: "us-east-1", account: "123456789012", outputs: { cidrBlock: "10.0.0.0/16" } });
    const request = { vpcId: id, cidrBlock: "10.0.0.0/16", accountId: "123456789012", region: "us-east-1", isSecureConnection: true };
    expectValid("VPCPeeringCreateSchema", request);
    expectValid("VPCPeeringSchema", (await world.send("POST", `${url}/vpc-peerings`, request)).body);
    expectValid("VpcPeeringCollectionSchema", (await world.send("GET", `${url}/vpc-peerings`)).body);
    expectValid("CloudProviderInfoResultSet", (await world.send("GET", "/v1/database/cloud-providers")).body);
    expectValid("InstanceTypeSpecsResult", (await world.send("GET", "/v1/database/cloud-providers/aws/instance-types/i4i.large")).body);
    for (const refused of [await world.send("POST", CLUSTERS, { ...CREATE, colour: "red" }), await world.send("GET", `${CLUSTERS}/00000000-0000-4000-8000-000000000000`)]) {
      expectValid("APIError", refused.body);
    }
  });
});
