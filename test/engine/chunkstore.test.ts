/** The chunk store's stack as a user runs it: secrets that are made up, growth and shrinkage, renames, policies, what is left behind. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { balance } from "../../local/balance";
import type { RunReport } from "../../automation/events";
import { TestFleet } from "../support/fleet";

const PASSWORD = "correct horse battery";
const config = (settings: Readonly<Record<string, unknown>>): string => `
  import { defineFleet } from "stackfleet";
  export default defineFleet({ stacks: { chunkstore: { program: "chunkstore", config: {
    ...${JSON.stringify(settings)},
    clusterKey: { secretFromEnv: "CHUNKSTORE_CLUSTER_KEY", generateLocally: true },
    adminPassword: { secretFromEnv: "CHUNKSTORE_ADMIN_PASSWORD", generateLocally: true },
  } } } });
`;
const fleet = new TestFleet({ files: { "fleet.config.ts": config({}), "hello.txt": "hello\n" } });
beforeAll(() => fleet.start());
afterAll(() => fleet.remove());

type Changes = Pick<RunReport["stacks"][number], "created" | "updated" | "same" | "deleted">;

/** Counts of what a run did; fails with the stack's error when it failed. */
async function changes(operation: string): Promise<Changes> {
  const { code, report } = await fleet.report(operation);
  expect({ code, errors: report.stacks.flatMap(({ error }) => error ?? []) }).toEqual({ code: 0, errors: [] });
  const [{ created, updated, same, deleted } = expect.unreachable("no stack")] = report.stacks;
  return { created, updated, same, deleted };
}

/** Names of the resources of a type that were created or deleted since an entry of the ledger. */
async function since(seq: number, operation: "create" | "delete", type: string): Promise<string[]> {
  const entries = (await fleet.ledger()).filter((entry) => entry.seq > seq && entry.operation === operation && entry.type.endsWith(type) && entry.result === "ok");
  return entries.map(({ urn }) => urn.split("::").at(-1) ?? "").sort();
}
const latest = async (): Promise<number> => (await fleet.ledger()).at(-1)?.seq ?? 0;

interface Outputs { readonly endpoints: string[]; readonly nodes: readonly { readonly name: string; readonly containerId: string }[]; readonly adminPassword: string; readonly networkName: string }
const outputs = async (...flags: string[]): Promise<Outputs> => JSON.parse((await fleet.run("outputs", "chunkstore", "--output", "json", ...flags)).stdout) as Outputs;
const chunks = (...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> => fleet.run("chunks", ...args);

// stack ─ chunkstore ─┬─ network, image
//                     ├─ 3 × controller, 5 × chunkserver
//                     └─ 8 × data
describe("the chunk store's stack", () => {
  it("comes up healthy without a variable, passes the policies, and is unchanged the second time", async () => {
    expect(await changes("up")).toEqual({ created: 20, updated: 0, same: 0, deleted: 0 });
    const healths = await Promise.all((await outputs()).endpoints.map(async (endpoint) => (await fetch(`${endpoint}/health`)).status));
    expect(healths).toEqual([200, 200, 200]);
    const preview = await fleet.run("preview", "--output", "plain");
    expect(preview.code, preview.stdout + preview.stderr).toBe(0);
    expect(await changes("up")).toEqual({ created: 0, updated: 0, same: 20, deleted: 0 });
  });

  it("hands its secrets to nobody but who asks for them", async () => {
    const { adminPassword } = await outputs("--show-secrets");
    expect((await outputs()).adminPassword).toBe("[secret]");
    expect(adminPassword).toBe(readFileSync(fleet.state("local", "secrets", "CHUNKSTORE_ADMIN_PASSWORD"), "utf8").trim());
    const key = readFileSync(fleet.state("local", "secrets", "CHUNKSTORE_CLUSTER_KEY"), "utf8").trim();
    const checkpoint = readFileSync(fleet.checkpointFile("chunkstore"), "utf8");
    const ledger = JSON.stringify(await fleet.ledger());
    for (const secret of [adminPassword, key]) for (const text of [checkpoint, ledger]) expect(text).not.toContain(secret);
  });

  it("stores a file, which growth and shrinkage leave alone", async () => {
    expect(await chunks("login", "admin", (await outputs("--show-secrets")).adminPassword)).toMatchObject({ code: 0 });
    expect(await chunks("upload", "hello.txt")).toMatchObject({ code: 0 });
  });

  it("grows from 3 and 5 nodes to 5 and 7 without a replacement", async () => {
    const before = await outputs();
    const seq = await latest();
    fleet.write("fleet.config.ts", config({ controllers: 5, chunkservers: 7 }));
    expect(await changes("up")).toEqual({ created: 8, updated: 0, same: 20, deleted: 0 });
    expect(await since(seq, "create", ":Container")).toEqual(["chunkstore-chunkserver-6", "chunkstore-chunkserver-7", "chunkstore-controller-4", "chunkstore-controller-5"]);
    expect(await since(seq, "delete", "")).toEqual([]);
    expect((await outputs()).nodes).toEqual(expect.arrayContaining([...before.nodes]));
  });

  it("shrinks by the nodes that are too many, and keeps the file", async () => {
    const seq = await latest();
    fleet.write("fleet.config.ts", config({ controllers: 3, chunkservers: 6 }));
    expect(await changes("up")).toMatchObject({ created: 0, updated: 0, deleted: 6 });
    expect(await since(seq, "delete", ":Container")).toEqual(["chunkstore-chunkserver-7", "chunkstore-controller-4", "chunkstore-controller-5"]);
    expect(await chunks("download", "hello.txt", "-")).toMatchObject({ code: 0, stdout: "hello\n" });
  });

  it("replaces the controllers alone for another password, which holds at once", async () => {
    const seq = await latest();
    const { code } = await fleet.runWith({ CHUNKSTORE_ADMIN_PASSWORD: PASSWORD }, "up", "--yes", "--output", "plain");
    expect(code).toBe(0);
    expect(await since(seq, "create", ":Container")).toEqual([1, 2, 3].map((number) => `chunkstore-controller-${number}`));
    expect(await since(seq, "delete", ":Volume")).toEqual([]);
    expect(await chunks("login", "admin", PASSWORD)).toMatchObject({ code: 0 });
    expect(await chunks("download", "hello.txt", "-")).toMatchObject({ code: 0, stdout: "hello\n" });
  });

  it("is gone after a destroy, with nothing made twice and nothing left", async () => {
    await changes("destroy");
    const { createdTwice, leftBehind } = balance(await fleet.ledger());
    expect({ createdTwice, leftBehind }).toEqual({ createdTwice: [], leftBehind: [] });
  });

  it("reports wrong configuration in one error that shows no secret", async () => {
    fleet.write("fleet.config.ts", config({ chunkservers: 2, replicationFactor: 3 }));
    const { code, stdout, stderr } = await fleet.runWith({ CHUNKSTORE_ADMIN_PASSWORD: PASSWORD }, "up", "--yes", "--output", "plain");
    expect(code).toBe(1);
    expect(stdout + stderr).toContain('replicationFactor: not a number of chunkservers; got 3; expected "all", or a whole number from 1 to the 2 chunkservers there are');
    expect(stdout + stderr).not.toContain(PASSWORD);
  });

  it("asks for the variables in the cloud target", async () => {
    const { code, stdout, stderr } = await fleet.runWith({ PULUMI_CONFIG_PASSPHRASE: "x" }, "up", "--target", "cloud", "--yes", "--output", "plain");
    expect(code).toBe(2);
    for (const name of ["CHUNKSTORE_CLUSTER_KEY", "CHUNKSTORE_ADMIN_PASSWORD"]) expect(stdout + stderr).toContain(`expected a secret in ${name}`);
  });
});

/** A program with a cluster of its own. */
const program = (name: string, args: Readonly<Record<string, unknown>>, options: Readonly<Record<string, unknown>> = {}): string => `
const { ChunkStoreCluster } = require(${JSON.stringify(path.resolve(__dirname, "../../dist/components/chunk-store-cluster/index.js"))});
exports.program = async () => {
  const args = { clusterKey: "k".repeat(32), accounts: { admin: "${PASSWORD}" }, ...${JSON.stringify(args)} };
  const store = new ChunkStoreCluster("${name}", args, ${JSON.stringify(options)});
  return { endpoints: store.endpoints };
};
`;
/** A small cluster of this name, which had another one before. */
const named = (name: string, before: string): string => program(name, { controllers: 1, chunkservers: 1 }, { aliases: [{ name: before }] });

describe("a chunk store with rolling updates", () => {
  it("has one node replaced at a time, the next when that one is healthy, and keeps what it stores", async () => {
    const args = { controllers: 2, chunkservers: 2, rollingUpdates: true };
    fleet.write("fleet.config.ts", 'import { defineFleet } from "stackfleet";\nexport default defineFleet({ stacks: { rolling: { program: "./rolling.cjs" } } });\n');
    fleet.write("rolling.cjs", program("store", args));
    await changes("up");
    const client = (...words: string[]): ReturnType<typeof chunks> => chunks(...words, "--stack", "rolling");
    expect(await client("login", "admin", PASSWORD)).toMatchObject({ code: 0 });
    expect(await client("upload", "hello.txt")).toMatchObject({ code: 0 });
    const seq = await latest();
    fleet.write("rolling.cjs", program("store", { ...args, logLevel: "debug" }));
    await changes("up");
    const steps = (await fleet.ledger()).filter(({ seq: at, operation, type }) => at > seq && operation !== "read" && type.endsWith(":Container"));
    expect(steps.map(({ operation, urn, result }) => `${operation} ${urn.split("::").at(-1)} ${result}`)).toEqual(
      ["controller-1", "controller-2", "chunkserver-1", "chunkserver-2"].flatMap((node) => [`delete store-${node} ok`, `create store-${node} ok`]));
    expect(await client("login", "admin", PASSWORD)).toMatchObject({ code: 0 });
    expect(await client("download", "hello.txt", "-")).toMatchObject({ code: 0, stdout: "hello\n" });
    await changes("destroy");
  });
});

describe("a chunk store that gets another name", () => {
  it("keeps its network and its data", async () => {
    fleet.write("fleet.config.ts", 'import { defineFleet } from "stackfleet";\nexport default defineFleet({ stacks: { small: { program: "./small.cjs" } } });\n');
    fleet.write("small.cjs", named("old", "oldest"));
    expect(await changes("up")).toMatchObject({ created: 8 });
    const seq = await latest();
    fleet.write("small.cjs", named("new", "old"));
    expect(await changes("up")).toMatchObject({ created: 2 });
    expect(await since(seq, "delete", "")).toEqual(["old-chunkserver-1", "old-controller-1"]);
    await changes("destroy");
  });
});
