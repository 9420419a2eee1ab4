import { describe, expect, it } from "vitest";
import { FleetError } from "../../../automation/errors";
import { partTargets, SHIPPED_PARTS, stackOfPart } from "../../../automation/topology/parts";
import type { StackNode } from "../../../automation/topology/types";

const node = (name: string, parts?: StackNode["parts"]): StackNode => ({ name, ...(parts && { parts }) }) as StackNode;
const aerospike = SHIPPED_PARTS["aerospike"] ?? {};
function refused(work: () => unknown): FleetError {
  try {
    work();
  } catch (error) {
    if (error instanceof FleetError) return error;
  }
  throw new Error("it was not refused");
}

describe("the stack of a part", () => {
  it("is the one that is selected and has it", () => {
    expect(stackOfPart("client", [node("db", aerospike)]).name).toBe("db");
  });

  it("is not guessed for a part that isn't there; the nearest name is shown", () => {
    const { code, message, options: { fix } } = refused(() => stackOfPart("clinet", [node("db", aerospike)]));
    expect([code, message, fix]).toEqual(["part-unknown", '--only: no selected stack has such a part; got "clinet"; expected one of client, cluster, peering', expect.stringContaining("client")]);
    expect(refused(() => stackOfPart("client", [node("db")])).message).toContain("no selected stack has parts");
    expect(refused(() => stackOfPart("constructor", [node("db", aerospike)])).code).toBe("part-unknown");
  });

  it("is not guessed among several stacks", () => {
    const { code, options: { fix } } = refused(() => stackOfPart("client", [node("a", aerospike), node("b", aerospike), node("c")]));
    expect([code, fix]).toEqual(["part-ambiguous", "name the stack: a --only client, or b --only client"]);
  });
});

it("the targets of a part are its component, what is below it, and those above it alone", () => {
  const { client } = aerospike;
  if (client === undefined) throw new Error("no such part");
  const matches = (urn: string): boolean => partTargets("s", "p", client).some((glob) => new RegExp(`^${glob.split("**").map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`).test(urn));
  const urn = (types: string, stack = "s"): string => `urn:pulumi:${stack}::p::stackfleet:aerospike:AerospikeClusterPeering${types}::db`;
  expect([urn(""), urn("$stackfleet:aerospike:ClientFleet"), urn("$stackfleet:aerospike:ClientFleet$aws:ec2/vpc:Vpc")].map(matches)).toEqual([true, true, true]);
  expect([urn("$stackfleet:aerospike:ManagedCluster"), urn("$stackfleet:aerospike:Peering$aws:ec2/route:Route"), urn("", "other")].map(matches)).toEqual([false, false, false]);
});
