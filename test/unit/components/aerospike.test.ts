import { AerospikeClusterPeering, type AerospikeClusterPeeringArgs } from "#dist/components/aerospike-cluster-peering/index";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { noPublicIngress } from "../../../policy/no-public-ingress";
import { noWildcardIam } from "../../../policy/no-wildcard-iam";
import { runMocked, settled, type MockOptions, type Ran } from "./mocks";

const REGION = "us-east-1";
function create(changes: Partial<AerospikeClusterPeeringArgs> = {}, options: MockOptions = {}): Promise<Ran> {
  return runMocked(() => {
    const { host, port, peeringId, phases, clusterId, vpcId, clientInstanceIds } = new AerospikeClusterPeering("db", { region: REGION, ...changes });
    return { host, port, peeringId, phases, clusterId, vpcId, clientInstanceIds };
  }, { region: REGION, ...options });
}

/** Names of the resources that one was told to wait for. */
async function waitsFor(ran: Ran, name: string): Promise<string[]> {
  const { dependsOn = [] } = ran.named(name).options;
  const resources = [await settled(pulumi.output(dependsOn as pulumi.Resource[]) as unknown as pulumi.Output<pulumi.Resource[]>)].flat();
  return Promise.all(resources.map(async (resource) => (await settled(resource.urn)).split("::").at(-1) ?? ""));
}

describe("AerospikeClusterPeering", () => {
  it("creates the cluster, the clients and the peering", async () => {
    const ran = await create({ clientCount: 2 });
    expect(ran.created.map(({ name }) => name).sort()).toEqual([
      "db-client-1", "db-client-2", "db-client-profile", "db-client-role", "db-client-security-group", "db-client-ssm", "db-client-tools", "db-cluster", "db-cluster-ready", "db-internet-gateway", "db-internet-route",
      "db-peering", "db-peering-accepter", "db-peering-ready", "db-peering-route", "db-peering-zone", "db-route-table", "db-subnet-1", "db-subnet-1-routes", "db-subnet-2", "db-subnet-2-routes", "db-vpc",
    ]);
    expect(ran.outputs).toEqual({
      host: "db.asdb.io", port: 4000, peeringId: "pcx-1", clusterId: "db-cluster-id", vpcId: "db-vpc-id", clientInstanceIds: ["db-client-1-id", "db-client-2-id"],
      phases: { cluster: "complete", client: "complete", peering: "complete" },
    });
  });

  it("starts the clients when the cluster is registered, and asks for the peering when it is active", async () => {
    const ran = await create();
    for (const name of ["db-vpc", "db-client-role", "db-client-1"]) expect(await waitsFor(ran, name)).toContain("db-cluster");
    for (const { name } of ran.created) expect(await waitsFor(ran, name)).not.toContain("db-cluster-ready");
    // The mocks give each resource an ID of its own name: the peering's cluster is the one that is ready.
    expect(ran.named("db-cluster-ready").inputs["clusterId"]).toBe("db-cluster-id");
    expect(ran.named("db-peering").inputs).toMatchObject({ clusterId: "db-cluster-id", vpcId: "db-vpc-id", cidrBlock: "10.0.0.0/16", accountId: "123456789012", region: REGION, isSecureConnection: true });
    expect(await waitsFor(ran, "db-peering-ready")).toEqual(["db-peering-accepter"]);
    expect(ran.named("db-peering-route").inputs).toMatchObject({ destinationCidrBlock: "10.128.0.0/19", vpcPeeringConnectionId: "db-peering-accepter-id" });
    expect(ran.named("db-peering-zone").inputs).toMatchObject({ zoneId: "Z1", vpcId: "db-vpc-id", vpcRegion: REGION });
  });

  it("gives the clients' VPC what a peering needs", async () => {
    expect((await create()).named("db-vpc").inputs).toMatchObject({ enableDnsHostnames: true, enableDnsSupport: true, cidrBlock: "10.0.0.0/16" });
  });

  it("reports every fault at once, before anything is created", async () => {
    await expect(create({ availabilityZoneCount: 4, clusterCidrBlock: "10.0.0.0/16", clientCount: 1.5 })).rejects.toThrow(/availabilityZoneCount: .*\n.*clientCount: .*\n.*clusterCidrBlock: /);
  });

  it("leaves the peering and the clients out on request", async () => {
    const ran = await create({ peering: false, clientCount: 0 });
    expect(ran.created.filter(({ name }) => /peering|client-(1|role|tools)/.test(name))).toEqual([]);
    expect(ran.outputs).toMatchObject({ peeringId: "", phases: { cluster: "complete", client: "none", peering: "none" } });
  });

  it("opens nothing to anybody, and lets clients out to the cluster and to HTTPS only", async () => {
    const { inputs } = (await create()).named("db-client-security-group");
    expect(inputs["ingress"]).toBeUndefined();
    expect((inputs["egress"] as { fromPort: number; cidrBlocks: string[] }[]).map(({ fromPort, cidrBlocks }) => [fromPort, cidrBlocks])).toEqual([[4000, ["10.128.0.0/19"]], [9145, ["10.128.0.0/19"]], [443, ["0.0.0.0/0"]]]);
  });

  it("passes the project's policies", async () => {
    for (const { type, name, inputs } of (await create()).created) {
      const resource = { type, urn: `urn:pulumi:dev::fleet::${type}::${name}`, props: inputs };
      expect([...noPublicIngress.check(resource), ...noWildcardIam.check(resource)]).toEqual([]);
    }
  });

  it("starts clients that only Systems Manager reaches, with encrypted disks", async () => {
    const { inputs, options } = (await create()).named("db-client-1");
    expect(inputs).toMatchObject({ ami: "ami-1", metadataOptions: { httpTokens: "required" }, rootBlockDevice: { encrypted: true } });
    expect(inputs).not.toHaveProperty("keyName");
    expect(options.ignoreChanges).toEqual(["ami"]);
  });

  it("applies transforms last", async () => {
    const ran = await create({ transform: { cluster: (args, opts) => { Object.assign(args, { dataPlaneVersion: "1.3.0" }); opts.protect = true; } } });
    expect([ran.named("db-cluster").inputs["dataPlaneVersion"], ran.named("db-cluster").options.protect]).toEqual(["1.3.0", true]);
  });
});
