import { ECSClient } from "@aws-sdk/client-ecs";
import { describe, expect, it } from "vitest";
import { scaleToZero } from "../../../workloads/loadtest/services";

const CLUSTER = "arn:aws:ecs:us-east-2:123456789012:cluster/c";
const service = (name: string): string => `arn:aws:ecs:us-east-2:123456789012:service/c/${name}`;

/** An ECS client that answers from two pages of services and records what it is asked, below the SDK's own layers. */
function fakeEcs(fails: readonly string[] = []): { client: ECSClient; calls: [string, Record<string, unknown>][] } {
  const calls: [string, Record<string, unknown>][] = [];
  const client = new ECSClient({ region: "us-east-2", credentials: { accessKeyId: "x", secretAccessKey: "x" } });
  client.middlewareStack.add((_next, context) => async ({ input }) => {
    const asked = input as Record<string, unknown>;
    const command = String(context["commandName"]);
    calls.push([command, asked]);
    if (fails.includes(String(asked["service"]))) throw new Error(`ServiceNotActiveException on ${String(asked["service"])}`);
    const page = asked["nextToken"] === undefined ? { serviceArns: [service("aggregator")], nextToken: "2" } : { serviceArns: [service("generators-1"), service("generators-2")] };
    return { output: { ...(command === "ListServicesCommand" ? page : {}), $metadata: {} }, response: {} };
  }, { step: "initialize", priority: "high" });
  return { client, calls };
}

describe("scaleToZero", () => {
  it("scales every service of the cluster, over all pages, and the named one", async () => {
    const { client, calls } = fakeEcs();
    const scaled = await scaleToZero({ region: "us-east-2", clusterArn: CLUSTER, serviceArn: service("named") }, client);
    expect(scaled.sort()).toEqual(["aggregator", "generators-1", "generators-2", "named"].map(service));
    const updates = calls.filter(([command]) => command === "UpdateServiceCommand").map(([, input]) => input);
    expect(updates).toHaveLength(4);
    for (const update of updates) expect(update).toMatchObject({ cluster: CLUSTER, desiredCount: 0 });
  });

  it("tries all of them before it fails, and names the failures", async () => {
    const { client, calls } = fakeEcs([service("aggregator")]);
    await expect(scaleToZero({ region: "us-east-2", clusterArn: CLUSTER }, client)).rejects.toThrow(/1 of 3 services .* could not be scaled to 0: .*ServiceNotActiveException on .*aggregator/);
    expect(calls.filter(([command]) => command === "UpdateServiceCommand")).toHaveLength(3);
  });
});
