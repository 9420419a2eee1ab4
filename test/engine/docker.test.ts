/** The docker package under the real engine: a network, a volume, an image and two containers, from up to destroy. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DockerEngine } from "../../drills/engine/client";
import { balance } from "../../local/balance";
import { TestFleet } from "../support/fleet";

/** Two chunkservers; `image` is what triggers name, `note` a label of the second container. */
const program = (image: string, note: string): string => `
const path = require("node:path");
const pulumi = require("@pulumi/pulumi");
const docker = require("@pulumi/docker");
exports.program = async () => {
  const network = new docker.Network("mesh", { name: "engine-test", driver: "overlay", attachable: true });
  const volume = new docker.Volume("data", {});
  const image = new docker.RemoteImage("image", { name: "stackfleet/chunkstore:test", build: { context: path.join(__dirname, "context") }, triggers: { source: "${image}" }, keepLocally: true });
  const key = pulumi.secret("staple battery horse correct, and correct");
  const containers = ["one", "two"].map((name) => new docker.Container(name, {
    name: "engine-test-" + name, image: image.imageId, command: ["chunkserver"], hostname: name, networksAdvanced: [{ name: network.name, aliases: ["chunkserver"] }],
    volumes: [{ volumeName: volume.name, containerPath: "/data/" + name }, { containerPath: "/data" }],
    uploads: [{ file: "/run/secrets/cluster-key", content: key, permissions: "0400" }],
    healthcheck: { tests: ["CMD", "node", "healthcheck.js"], interval: "5s", retries: 3 }, wait: true, restart: "unless-stopped",
    labels: [{ label: "note", value: name === "two" ? "${note}" : "none" }],
  }));
  return { addresses: containers.map(({ networkDatas }) => networkDatas.apply(([data]) => data && data.ipAddress)), image: image.imageId };
};
`;

const fleet = new TestFleet({
  files: {
    "fleet.config.ts": `import { defineFleet } from "stackfleet";\nexport default defineFleet({ stacks: { box: { program: "./box.cjs" } } });\n`,
    "box.cjs": program("1", "a"), "context/Dockerfile": "FROM node:24-slim\n",
  },
});
let docker: DockerEngine;
beforeAll(async () => {
  await fleet.start();
  const { sockets } = JSON.parse(readFileSync(fleet.state("local", "cloud", "daemon.json"), "utf8")) as { sockets: { docker: string } };
  docker = new DockerEngine({ kind: "unix", socketPath: sockets.docker });
});
afterAll(async () => {
  await docker.close();
  await fleet.remove();
});

/** Counts of what a run did; fails with the stacks' errors when it failed. */
async function changes(operation: string): Promise<object> {
  const { code, report } = await fleet.report(operation);
  expect({ code, errors: report.stacks.flatMap(({ error }) => error ?? []) }).toEqual({ code: 0, errors: [] });
  const [{ created, updated, same, deleted } = expect.unreachable("no stack")] = report.stacks;
  return { created, updated, same, deleted };
}

const status = async (name: string): Promise<string> => {
  const { State: { Status, Health } } = await docker.inspect(name);
  return Health ? `${Status} ${Health.Status}` : Status;
};

describe("a stack of Docker's types", () => {
  it("comes up healthy, and stays the same", async () => {
    expect(await changes("up")).toMatchObject({ created: 6, updated: 0, deleted: 0 });
    expect([await status("engine-test-one"), await status("engine-test-two")]).toEqual(["running healthy", "running healthy"]);
    expect(await changes("up")).toEqual({ created: 0, updated: 0, same: 6, deleted: 0 });
    const inspected = await docker.inspect("engine-test-one");
    expect(inspected.Config.Hostname).toBe("one");
    expect(inspected.NetworkSettings.Networks["engine-test"]?.Aliases).toEqual(["chunkserver"]);
    expect(await docker.getFiles("engine-test-one", "/run/secrets/cluster-key")).toMatchObject([{ mode: 0o400 }]);
  });

  it("is refreshed when a container was stopped by hand, and the next up starts it", async () => {
    await docker.stop("engine-test-one");
    expect(await changes("up")).toMatchObject({ updated: 0, same: 6 }); // as with the real provider, nobody looks without a refresh
    expect(await changes("refresh")).toMatchObject({ updated: 1 });
    expect(await changes("up")).toMatchObject({ created: 0, updated: 1, deleted: 0 });
    await expect.poll(() => status("engine-test-one"), { timeout: 20_000 }).toBe("running healthy");
    expect(await changes("up")).toMatchObject({ updated: 0, same: 6 });
  });

  it("replaces one container, the old one first, and leaves the other alone", async () => {
    const before = [(await docker.inspect("engine-test-one")).Id, (await docker.inspect("engine-test-two")).Id];
    fleet.write("box.cjs", program("1", "b"));
    expect(await changes("up")).toMatchObject({ created: 1, deleted: 1 });
    const after = [(await docker.inspect("engine-test-one")).Id, (await docker.inspect("engine-test-two")).Id];
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
  });

  it("replaces the image and both containers when what is built changes", async () => {
    fleet.write("box.cjs", program("2", "b"));
    expect(await changes("up")).toMatchObject({ created: 3, deleted: 3 });
  });

  it("survives the death of the local cloud", async () => {
    const { pid } = JSON.parse(readFileSync(fleet.state("local", "cloud", "daemon.json"), "utf8")) as { pid: number };
    process.kill(pid, "SIGKILL");
    expect(await changes("up")).toMatchObject({ created: 0, updated: 0, same: 6 });
    expect(await status("engine-test-two")).toMatch(/^running /);
  });

  it("is found as it is when a container and the network's members were moved by hand", async () => {
    await docker.createNetwork({ name: "side", driver: "overlay", labels: {} });
    await docker.connect("side", "engine-test-one", ["chunkserver"]);
    await docker.disconnect("engine-test", "engine-test-one");
    await changes("refresh");
    expect(readFileSync(fleet.checkpointFile("box"), "utf8")).toContain('"networkName": "side"');
    await docker.connect("engine-test", "engine-test-one", ["chunkserver"]);
    await docker.disconnect("side", "engine-test-one");
    await docker.removeNetwork("side");
  });

  it("goes without a trace, and no secret was in the state", async () => {
    const state = readFileSync(fleet.checkpointFile("box"), "utf8");
    expect(state).not.toContain("staple battery");
    expect(await changes("destroy")).toMatchObject({ deleted: 6 });
    expect(balance(await fleet.ledger())).toEqual({ createdTwice: [], leftBehind: [] });
    expect(await docker.containers({})).toEqual([]);
    expect(JSON.stringify(await fleet.ledger())).not.toContain("staple battery");
  });
});
