import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withDefaults, type AerospikeClusterPeeringArgs } from "../../../components/aerospike-cluster-peering/args";
import { clusterPorts, faultsOf, planClients, RESERVED_CIDR } from "../../../components/aerospike-cluster-peering/plan";
import { toolsCommands } from "../../../components/aerospike-cluster-peering/tools";
import { contains, overlap, parseCidr } from "../../../components/cidr";

const faults = (args: Partial<AerospikeClusterPeeringArgs> & Record<string, unknown>): string[] => faultsOf(withDefaults("db", { region: "us-east-1", ...args })).map(({ path }) => path);
const text = (address: number, prefix: number): string => `${[24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".")}/${prefix}`;
/** A well-formed block in 10.0.0.0/8. */
const block = (prefix: fc.Arbitrary<number>): fc.Arbitrary<string> => fc.tuple(prefix, fc.nat(2 ** 24 - 1)).map(([size, offset]) => {
  const step = 2 ** (32 - size);
  return text(10 * 2 ** 24 + Math.floor(offset / step) * step, size);
});
/** Addresses of a block, by brute force. */
const addresses = (cidr: string): [number, number] => {
  const { address, prefix } = parseCidr(cidr) ?? { address: 0, prefix: 32 };
  return [address, address + 2 ** (32 - prefix) - 1];
};

describe("blocks", () => {
  it("overlap exactly when one address is in both", () => {
    fc.assert(fc.property(block(fc.integer({ min: 8, max: 32 })), block(fc.integer({ min: 8, max: 32 })), (a, b) => {
      const [[first, last], [from, to]] = [addresses(a), addresses(b)];
      expect(overlap(a, b)).toBe(Math.max(first, from) <= Math.min(last, to));
      expect(overlap(a, b)).toBe(overlap(b, a));
      expect(overlap(a, a)).toBe(true);
      if (contains(a, b)) expect(overlap(a, b)).toBe(true);
    }));
  });

  it("of a cluster and its clients are refused exactly when they overlap with each other or with the reserved one", () => {
    fc.assert(fc.property(block(fc.constant(19)), block(fc.integer({ min: 16, max: 24 })), (clusterCidrBlock, clientCidrBlock) => {
      const found = faults({ clusterCidrBlock, clientCidrBlock });
      expect(found.includes("clusterCidrBlock")).toBe(overlap(clusterCidrBlock, RESERVED_CIDR));
      expect(found.includes("clientCidrBlock")).toBe(overlap(clientCidrBlock, RESERVED_CIDR) || overlap(clientCidrBlock, clusterCidrBlock));
      // Without a peering nothing routes between the two.
      expect(faults({ clusterCidrBlock, clientCidrBlock, peering: false })).not.toContain("clientCidrBlock");
    }));
  });

  it("of a cluster are a /19 and nothing else", () => {
    fc.assert(fc.property(block(fc.integer({ min: 8, max: 32 })), (clusterCidrBlock) => {
      if (parseCidr(clusterCidrBlock)?.prefix !== 19) expect(faults({ clusterCidrBlock, peering: false })).toEqual(["clusterCidrBlock"]);
    }));
  });

  it.each(["", "10.0.0.0", "10.0.0.0/33", "10.0.0.1/16", "256.0.0.0/16", "10.0.0.0/8", "10.0.0.0/29", "8.8.0.0/16", "::/0", " 10.0.0.0/16"])("of the clients can't be %j", (clientCidrBlock) => {
    expect(faults({ clientCidrBlock })).toEqual(["clientCidrBlock"]);
  });
});

describe("clients", () => {
  it("are dealt out evenly to subnets that are apart and inside the block", () => {
    fc.assert(fc.property(block(fc.integer({ min: 16, max: 24 })), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 200 }), (clientCidrBlock, clientZoneCount, clientCount) => {
      const { subnets, subnetOfClient } = planClients({ clientCidrBlock, clientZoneCount, clientCount });
      expect([subnets.length, subnetOfClient.length]).toEqual([clientZoneCount, clientCount]);
      for (const [index, subnet] of subnets.entries()) {
        expect(contains(clientCidrBlock, subnet)).toBe(true);
        for (const other of subnets.slice(index + 1)) expect(overlap(subnet, other)).toBe(false);
      }
      const counts = subnets.map((_, index) => subnetOfClient.filter((subnet) => subnet === index).length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }));
  });

  it("that have no room are refused", () => {
    expect(faults({ clientCidrBlock: "10.0.0.0/28", clientZoneCount: 1, clientCount: 11 })).toEqual([]);
    expect(faults({ clientCidrBlock: "10.0.0.0/28", clientZoneCount: 1, clientCount: 12 })).toEqual(["clientCidrBlock"]);
    expect(faults({ clientCidrBlock: "10.0.0.0/28", clientZoneCount: 2, clientCount: 0 })).toEqual(["clientCidrBlock"]);
  });
});

describe("arguments", () => {
  it("are right as they come", () => expect(faults({})).toEqual([]));

  it("are all looked at", () => {
    expect(faults({
      region: "moon", clientRegion: "Mars", clusterSize: 0, availabilityZoneCount: 4, clientCount: -1, clientZoneCount: 7, clientDiskSizeGiB: 1.5, clusterName: " ", namespaces: [],
      zoneIds: ["a"], instanceType: "$(x)", clientInstanceType: "", dataResiliency: "network-storage", clusterCidrBlock: "10.0.0.0/16", clientCidrBlock: "nonsense", toolsVersion: "1; rm -rf /", toolsSha256: "x",
    }).sort()).toEqual([
      "availabilityZoneCount", "clientCidrBlock", "clientCount", "clientDiskSizeGiB", "clientInstanceType", "clientRegion", "clientZoneCount", "clusterCidrBlock", "clusterName", "clusterSize",
      "instanceType", "namespaces", "networkAttachedStorage", "region", "toolsSha256", "toolsVersion", "zoneIds",
    ]);
  });

  it.each([
    [{ availabilityZoneCount: 0 }, "availabilityZoneCount"], [{ zoneIds: ["a", "a"] }, "zoneIds"], [{ namespaces: ["a", "a"] }, "namespaces"], [{ namespaces: ["null"] }, "namespaces[0]"],
    [{ dataStorage: "network-storage" }, "networkAttachedStorage"], [{ networkAttachedStorage: { type: "gp2", sizeInGB: 1 } }, "networkAttachedStorage"],
    [{ dataStorage: "local-disk", dataResiliency: "local-disk" }, "dataResiliency"],
  ] as [Partial<AerospikeClusterPeeringArgs>, string][])("%j is refused", (args, path) => expect(faults(args)).toEqual([path]));
});

it("ports are the service's for TLS or for clear text, and its metrics", () => {
  expect([clusterPorts(true).map(({ port }) => port), clusterPorts(false).map(({ port }) => port)]).toEqual([[4000, 9145], [3000, 9145]]);
});

it("tools are checked against their hash when there is one", () => {
  expect(toolsCommands("11.2.2", "a".repeat(64))).toContain(`echo '${"a".repeat(64)}  aerospike-tools_11.2.2_amzn2023_x86_64.tgz' | sha256sum -c -`);
  expect(toolsCommands("11.2.2", undefined)).not.toContain("sha256sum");
});
