/** The Aerospike set-up by the real CLI and engine, against the local cloud: changes, drift, parts, and what is refused. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { localKeys } from "../../local/aerospike/tokens";
import { connect } from "../../local/client";
import { TestFleet } from "../support/fleet";

const SDK = path.resolve(__dirname, "..", "..", "dist", "providers", "aerospike-cloud", "sdk", "index.js");
const COMPONENT = path.resolve(__dirname, "..", "..", "dist", "components", "aerospike-cluster-peering", "index.js");
const CLUSTER = "aerospikecloud:api:Cluster";
const INSTANCE = "aws:ec2/instance:Instance";

function config(stacks: Readonly<Record<string, object>>): string {
  return `import { defineFleet } from "stackfleet";\nexport default defineFleet({ stacks: ${JSON.stringify(stacks)} });\n`;
}
const aerospike = (values: object = {}, region = "us-east-1") => config({ aerospike: { program: "aerospike", region, config: values } });

const fleet = new TestFleet({ files: { "fleet.config.ts": aerospike() }, timeScale: 1000 });
beforeAll(() => fleet.start());
afterAll(() => fleet.remove());

interface Api { readonly key: string; readonly secret: string; send(method: string, path: string): Promise<{ status: number; body: { clusters?: { id: string; name: string; aerospikeCloud: { clusterSize: number } }[] } }> }

/** The local Aerospike Cloud, as someone with the key who knows nothing of the fleet. */
async function api(): Promise<Api> {
  const env = (await connect(fleet.state("local", "cloud")))?.env() ?? {};
  const [key = "", secret = "", url = "", tokenUrl = ""] = ["KEY", "SECRET", "API_URL", "TOKEN_URL"].map((name) => env[`AEROSPIKE_CLOUD_${name}`]);
  return {
    key, secret,
    send: async (method, below) => {
      const login = await fetch(tokenUrl, { method: "POST", body: new URLSearchParams({ grant_type: "client_credentials", client_id: key, client_secret: secret }) });
      const { access_token: token } = (await login.json()) as { access_token: string };
      const reply = await fetch(`${url}/database/clusters${below}`, { method, headers: { authorization: `Bearer ${token}` } });
      const text = await reply.text();
      return { status: reply.status, body: (text === "" ? {} : JSON.parse(text)) as object };
    },
  };
}

/** What the local account's keys are made from. */
function seedOfKeys(): string {
  const database = new DatabaseSync(fleet.state("local", "cloud", "cloud.db"), { readOnly: true });
  try {
    return String(database.prepare("SELECT value FROM settings WHERE name = 'secret'").get()?.["value"]);
  } finally {
    database.close();
  }
}

async function run(operation: string, ...args: readonly string[]): Promise<{ code: number | null; errors: string[]; changes: unknown }> {
  const { code, report } = await fleet.report(operation, ...args);
  const [{ created, updated, deleted } = { created: -1, updated: -1, deleted: -1 }] = report.stacks;
  return { code, errors: report.stacks.flatMap(({ error }) => (error ? [error.message] : [])), changes: { created, updated, deleted } };
}
const succeeded = { code: 0, errors: [] };
const made = async (type: string): Promise<number> => (await fleet.ledger()).filter((entry) => entry.type === type && entry.operation === "create").length;

describe("the set-up", () => {
  it("comes up, and changes nothing when it is up", async () => {
    expect(await run("up")).toMatchObject(succeeded);
    expect(await run("up")).toMatchObject({ ...succeeded, changes: { created: 0, updated: 0, deleted: 0 } });
  });

  it("resizes the cluster in place", async () => {
    fleet.write("fleet.config.ts", aerospike({ clusterSize: 3 }));
    expect(await run("up")).toMatchObject({ ...succeeded, changes: { created: 0, updated: 1, deleted: 0 } });
    expect((await (await api()).send("GET", "")).body.clusters?.map(({ aerospikeCloud }) => aerospikeCloud.clusterSize)).toEqual([3]);
  });

  it("makes the cluster again when it was deleted outside", async () => {
    const { send } = await api();
    const [cluster] = (await send("GET", "")).body.clusters ?? [];
    expect((await send("DELETE", `/${cluster?.id}`)).status).toBe(204);
    await expect.poll(async () => (await send("GET", `/${cluster?.id}`)).status, { timeout: 60_000 }).toBe(404);
    expect(await run("refresh")).toMatchObject(succeeded);
    expect(await run("up")).toMatchObject(succeeded);
    expect((await send("GET", "")).body.clusters?.map(({ name }) => name)).toEqual(["database"]);
    expect(await made(CLUSTER)).toBe(2);
  });

  it("keeps the API secret out of everything but the local cloud's own files", async () => {
    const { secret } = await api();
    expect(secret.length).toBeGreaterThan(20);
    const inside = (dir: string): string[] => readdirSync(dir).flatMap((name) => {
      const file = path.join(dir, name);
      const stats = statSync(file, { throwIfNoEntry: false });
      if (stats === undefined || file === fleet.state("local", "cloud")) return [];
      return stats.isDirectory() ? inside(file) : stats.isFile() && readFileSync(file).includes(secret) ? [file] : [];
    });
    expect(inside(fleet.state())).toEqual([]);
  });

  it("goes, and leaves nothing", async () => {
    expect(await run("destroy")).toMatchObject(succeeded);
    expect((await (await api()).send("GET", "")).body.clusters).toEqual([]);
  });
});

describe("a part", () => {
  it("needs the parts that it builds on, and says which", async () => {
    const { code, errors } = await run("up", "aerospike", "--only", "client");
    expect([code, errors]).toEqual([1, [expect.stringContaining("which is in another part and is not up")]]);
    expect((await fleet.verdict()).live).toEqual(new Set());
  });

  it("comes up alone, and the next one beside it", async () => {
    expect(await run("up", "aerospike", "--only", "cluster")).toMatchObject(succeeded);
    const [clusters, instances] = [await made(CLUSTER), await made(INSTANCE)];
    expect(await run("up", "aerospike", "--only", "client")).toMatchObject(succeeded);
    expect([await made(CLUSTER), await made(INSTANCE)]).toEqual([clusters, instances + 1]);
    expect(await run("destroy")).toMatchObject(succeeded);
  });
});

describe("what is refused", () => {
  /** A program with a provider of its own key, and a VPC that waits for its cluster. */
  const program = (provider: object): string => `
    const { Cluster, Provider } = require(${JSON.stringify(SDK)});
    exports.program = async () => {
      const provider = new Provider("own", ${JSON.stringify(provider)});
      new Cluster("db", {
        infrastructure: { instanceType: "i4i.large", region: "us-east-1", availabilityZoneCount: 2 }, aerospikeCloud: { clusterSize: 2, dataStorage: "memory" },
      }, { provider });
      return {};
    };`;

  it("a wrong key is one clear error, and nothing is created", async () => {
    const before = await made(CLUSTER);
    fleet.write("own.cjs", program({ apiKeySecret: "a wrong secret of a test" }));
    fleet.write("fleet.config.ts", config({ own: { program: "./own.cjs", region: "us-east-1" } }));
    const { code, errors } = await run("up");
    expect([code, errors]).toEqual([1, [expect.stringContaining("log in to Aerospike Cloud: the API key is refused (401); check AEROSPIKE_CLOUD_KEY and AEROSPIKE_CLOUD_SECRET")]]);
    expect(await made(CLUSTER)).toBe(before);
    expect(readFileSync(fleet.checkpointFile("own"), "utf8")).not.toContain("a wrong secret of a test");
  });

  it("a key that may only read is told which permission it lacks", async () => {
    const { readOnly } = localKeys(seedOfKeys());
    fleet.write("own.cjs", program({ apiKeyId: readOnly.id, apiKeySecret: readOnly.secret }));
    const { code, errors } = await run("up");
    expect([code, errors]).toEqual([1, [expect.stringContaining("give the API key the permission create:database, or use another key")]]);
  });

  it.each([
    ["clients in a region where their AWS provider is not", { clientRegion: "eu-west-1" }, "clientRegion: not the region of the aws provider; got eu-west-1; expected us-east-1; give the component a provider of eu-west-1, or change clientRegion"],
    ["an argument of another type", { clientCount: "two" }, "clientCount: "],
  ])("%s, before anything is created", async (_name, args, expected) => {
    const before = (await fleet.ledger()).length;
    fleet.write("mine.cjs", `
      const { AerospikeClusterPeering } = require(${JSON.stringify(COMPONENT)});
      exports.program = async () => { new AerospikeClusterPeering("db", ${JSON.stringify({ region: "us-east-1", ...args })}); return {}; };`);
    fleet.write("fleet.config.ts", config({ mine: { program: "./mine.cjs", region: "us-east-1" } }));
    const { code, errors } = await run("up");
    expect([code, errors]).toEqual([1, [expect.stringContaining(expected)]]);
    expect(errors[0]).not.toContain("serializing");
    expect((await fleet.ledger()).slice(before)).toEqual([]);
  });

  it.each([
    ["blocks that overlap, and four zones", { clusterCidrBlock: "10.0.0.0/19", availabilityZoneCount: 4 }, "availabilityZoneCount: out of range; got 4"],
    ["an instance type that isn't offered", { instanceType: "t9.huge" }, 'infrastructure.instanceType: got "t9.huge"; expected one that Aerospike Cloud offers'],
    ["a region that isn't offered", { clusterRegion: "eu-south-9" }, 'infrastructure.region: got "eu-south-9"'],
  ])("%s, before anything is created", async (_name, values, expected) => {
    const before = (await fleet.ledger()).length;
    fleet.write("fleet.config.ts", aerospike(values));
    const { code, errors } = await run("up", "aerospike");
    expect([code, errors]).toEqual([1, [expect.stringContaining(expected)]]);
    expect((await fleet.ledger()).slice(before)).toEqual([]);
  });
});
