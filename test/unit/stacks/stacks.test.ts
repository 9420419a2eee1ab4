import { program as chunkstoreProgram } from "#dist/stacks/chunkstore";
import { chunkstoreOutputs } from "#dist/stacks/chunkstore-outputs";
import { program as homeProgram } from "#dist/stacks/constellation-home";
import { program as regionProgram } from "#dist/stacks/constellation-region";
import { loadProgram, PROGRAM_NAMES } from "#dist/stacks/programs";
import { stackOutputs } from "#dist/stacks/references";
import { runNode, runStack } from "#dist/stacks/run";
import type { StackNode, Topology } from "#dist/automation/topology/types";
import * as pulumi from "@pulumi/pulumi";
import { AsyncLocalStorage } from "node:async_hooks";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { runMocked, settled, type MockOptions } from "../components/mocks";

const HOME = {
  region: "eu-central-1", remoteRegions: ["eu-west-1"], orchestratorArn: "arn:orchestrator", executionRoleArn: "arn:execution",
  aggregatorRoleArn: "arn:aggregator", generatorRoleArn: "arn:generator", logGroupPrefix: "/stackfleet/fleet",
};
const REGION_CONFIG = { "fleet:virtualUsers": "5", "fleet:homeRegion": "eu-central-1", "fleet:homeStack": "home", "fleet:durationMs": "20000" };
const region = (changes: MockOptions = {}): MockOptions => ({ stack: "eu-west-1", region: "eu-west-1", config: REGION_CONFIG, stacks: { "organization/fleet/home": HOME }, ...changes });

const UPSTREAM = Symbol.for("stackfleet.upstream");
const holder = globalThis as { [UPSTREAM]?: AsyncLocalStorage<unknown> };
/** Runs as the preview of a fleet does: with the outputs of other stacks' previews at hand. */
function withUpstream<T>(upstream: unknown, run: () => T): T {
  holder[UPSTREAM] = new AsyncLocalStorage<unknown>();
  return holder[UPSTREAM].run(upstream, run);
}
afterEach(() => { delete holder[UPSTREAM]; });

describe("constellation-home", () => {
  it("creates the home from its configuration and hands out what regions read", async () => {
    const config = { "fleet:homeRegion": "eu-central-1", "fleet:remoteRegions": '["eu-west-1","us-east-2"]', "fleet:durationMs": "20000" };
    const ran = await runMocked(homeProgram, { stack: "home", region: "eu-central-1", config });
    expect(ran.outputs).toMatchObject({ region: "eu-central-1", remoteRegions: ["eu-west-1", "us-east-2"], durationMs: 20_000, logGroupPrefix: "/stackfleet/fleet" });
    expect(ran.named("home-results").inputs["forceDestroy"]).toBe(true);
  });

  it("reports every fault of its configuration at once", async () => {
    const faulty = runMocked(homeProgram, { stack: "home", config: { "fleet:remoteRegions": "eu-west-1", "fleet:durationMs": "-1" } });
    await expect(faulty).rejects.toThrow(/fleet:homeRegion: .*got nothing\n.*fleet:remoteRegions: not JSON\n.*fleet:durationMs: /);
  });
});

const SECRETS = { "fleet:clusterKey": "k".repeat(32), "fleet:adminPassword": "correct horse" };

describe("chunkstore", () => {
  it("creates the store from its configuration and hands out what its users need", async () => {
    const config = { ...SECRETS, "fleet:controllers": "2", "fleet:chunkservers": "4", "fleet:replicationFactor": "3", "fleet:publishFirstPort": "9000", "fleet:networkName": "files", "fleet:baseImage": "mine:1" };
    const ran = await runMocked(chunkstoreProgram, { stack: "chunkstore", config });
    expect(ran.outputs).toMatchObject({ endpoints: ["http://127.0.0.1:9000", "http://127.0.0.1:9001"], networkName: "files", replicationFactor: 3, accountNames: ["admin"], adminPassword: "correct horse" });
    expect(ran.of("docker:index/container:Container")).toHaveLength(6);
    expect(Object.keys(ran.outputs).toSorted()).toEqual(Object.keys(chunkstoreOutputs).toSorted());
    expect(z.object(chunkstoreOutputs).parse(ran.outputs)).toEqual(ran.outputs);
  });

  it("keeps the component's own numbers where nothing is configured", async () => {
    const ran = await runMocked(chunkstoreProgram, { config: { ...SECRETS, "fleet:replicationFactor": "all" } });
    expect(ran.of("docker:index/container:Container")).toHaveLength(8);
    expect(ran.outputs).toMatchObject({ replicationFactor: "all", networkName: "dfs-network" });
  });

  it("gives the password out as a secret", async () => {
    let secret: boolean | undefined;
    await runMocked(async () => {
      const { adminPassword } = await chunkstoreProgram();
      secret = await pulumi.isSecret(adminPassword as pulumi.Output<string>);
      return {};
    }, { config: SECRETS });
    expect(secret).toBe(true);
  });

  it("reports every fault of its configuration, and no secret", async () => {
    const faulty = runMocked(chunkstoreProgram, { config: { "fleet:clusterKey": "too short", "fleet:chunkservers": "0", "fleet:replicationFactor": "some" } });
    await expect(faulty).rejects.toThrow(/fleet:clusterKey: .*\n.*fleet:adminPassword: .*got nothing\n.*fleet:chunkservers: .*\n.*fleet:replicationFactor: /);
    await expect(faulty).rejects.not.toThrow(/too short/);
  });
});

describe("constellation-region", () => {
  it("creates a region from its configuration and the home's outputs", async () => {
    const ran = await runMocked(regionProgram, region());
    expect(ran.outputs).toMatchObject({ region: "eu-west-1", virtualUsers: 5, taskGroups: [{ tasks: 1, virtualUsers: 5 }] });
    expect(ran.named("load-aggregator-task").inputs["executionRoleArn"]).toBe("arn:execution");
  });

  it("refuses a home that doesn't serve the region", async () => {
    const elsewhere = region({ stacks: { "organization/fleet/home": { ...HOME, remoteRegions: ["us-east-2"] } } });
    await expect(runMocked(regionProgram, elsewhere)).rejects.toThrow(/stack "home" doesn't serve this region; got eu-west-1; expected one of us-east-2/);
  });

  it("refuses fractions of users", async () => {
    await expect(runMocked(regionProgram, region({ config: { ...REGION_CONFIG, "fleet:virtualUsers": "1.5" } }))).rejects.toThrow(/fleet:virtualUsers: /);
  });
});

describe("stackOutputs", () => {
  const shape = { name: z.string(), count: z.number() };
  const UP = "organization/fleet/up";
  const read = (outputs: Record<string, unknown>): Promise<unknown> =>
    runMocked(async () => (await stackOutputs("up", shape)).outputs, { stacks: { [UP]: outputs } }).then((ran) => ran.outputs);

  it("reads what the other stack's checkpoint has", async () => {
    expect(await read({ name: "a", count: 2, more: true })).toEqual({ name: "a", count: 2 });
  });

  it("names the stack and every output that is missing or of another form, and shows no value", async () => {
    await expect(read({ count: "hunter2" })).rejects.toThrow('outputs of stack "up" don\'t fit; bring "up" up with this version first:\n  name: no such output\n  count: expected number, received string');
  });

  it("says in one line that a stack was never up", async () => {
    await expect(read({})).rejects.toThrow('stack "up" has none of the outputs that are needed; got nothing; expected name, count; bring "up" up first');
  });

  it("prefers what a preview of the fleet hands down, secrets still secret", async () => {
    const ran = await withUpstream({ up: { name: { known: true, secret: true, value: "s" }, count: { known: true, secret: false, value: 1 } } }, () => runMocked(async () => {
      const { outputs: { name, count }, known } = await stackOutputs("up", shape);
      return { secrets: await Promise.all([pulumi.isSecret(name), pulumi.isSecret(count)]), name: await settled(name), count, known };
    }, { preview: true }));
    expect(ran.outputs).toEqual({ secrets: [true, false], name: "s", count: 1, known: { count: 1 } });
    expect(ran.created).toEqual([]);
  });

  it("keeps in a preview unknown what is unknown", async () => {
    const upstream = { up: { name: { known: false, secret: false }, count: { known: true, secret: false, value: 1 } } };
    const isKnown = (output: unknown): Promise<boolean> => (output as { isKnown: Promise<boolean> }).isKnown;
    const ran = await withUpstream(upstream, () => runMocked(async () => {
      const { outputs: { name, count } } = await stackOutputs("up", shape);
      return { known: await Promise.all([isKnown(name), isKnown(count)]) };
    }, { preview: true }));
    expect(ran.outputs).toEqual({ known: [false, true] });
  });

  it("refuses to deploy with an unknown value, which the engine would silently leave out", async () => {
    const upstream = { up: { name: { known: false, secret: false }, count: { known: true, secret: false, value: 1 } } };
    await expect(withUpstream(upstream, () => runMocked(() => stackOutputs("up", shape)))).rejects.toThrow(/name: not known; only a preview can go on/);
  });

  it("asks the checkpoint for stacks that were not previewed", async () => {
    const ran = await withUpstream({ other: {} }, () => runMocked(async () => (await stackOutputs("up", shape)).outputs, { stacks: { [UP]: { name: "a", count: 2 } } }));
    expect(ran.outputs).toEqual({ name: "a", count: 2 });
  });
});

const folder = mkdtempSync(path.join(os.tmpdir(), "stackfleet-stacks-"));
afterAll(() => rmSync(folder, { recursive: true }));
const topology = (...stacks: StackNode[]): Topology => ({ project: "fleet", configFile: path.join(folder, "fleet.config.ts"), policyPacks: [], stacks });
const node = (changes: Partial<StackNode>): StackNode => ({ name: "dev", program: () => ({}), dependsOn: [], tags: [], config: {}, ...changes });
const run = (stack: StackNode, options: MockOptions = {}): Promise<Record<string, unknown>> => runMocked(() => runNode(stack, topology(stack)), options).then((ran) => ran.outputs);

describe("runNode", () => {
  it("hands the declared configuration to the program, with secrets from the environment as secrets", async () => {
    process.env["STACKS_TEST_SECRET"] = "s3cret";
    const program = async (): Promise<Record<string, unknown>> => {
      const config = new pulumi.Config();
      return {
        text: config.require("text"), list: config.requireObject("list"), kept: config.require("kept"), other: new pulumi.Config("other").require("key"),
        secret: await pulumi.isSecret(config.requireSecret("secret")), value: config.requireSecret("secret"),
      };
    };
    const config = { text: "a", list: [1, 2], "other:key": true, secret: { secretFromEnv: "STACKS_TEST_SECRET" } };
    expect(await run(node({ program, config }), { config: { "fleet:kept": "k", "fleet:text": "old" } }))
      .toEqual({ text: "a", list: [1, 2], kept: "k", other: "true", secret: true, value: "s3cret" });
  });

  it("names the environment variable of a secret that is missing", async () => {
    await expect(run(node({ config: { token: { secretFromEnv: "STACKS_TEST_UNSET" } } }))).rejects.toThrow(/stacks\.dev\.config\.token: .*STACKS_TEST_UNSET/);
  });

  it("takes a secret that the local target makes up", async () => {
    const program: StackNode["program"] = async () => ({ secret: await pulumi.isSecret(new pulumi.Config().requireSecret("token")), value: new pulumi.Config().requireSecret("token") });
    const made = { secretFromEnv: "STACKS_TEST_UNSET", generateLocally: true };
    vi.stubEnv("STACKFLEET_LOCAL_SECRETS", path.join(folder, "secrets"));
    vi.stubEnv("STACKFLEET_TARGET", "local");
    expect(await run(node({ program, config: { token: made } }))).toEqual({ secret: true, value: readFileSync(path.join(folder, "secrets", "STACKS_TEST_UNSET"), "utf8").trim() });
    vi.stubEnv("STACKFLEET_TARGET", "cloud");
    await expect(run(node({ program, config: { token: made } }))).rejects.toThrow(/expected a secret in STACKS_TEST_UNSET/);
    vi.unstubAllEnvs();
  });

  it("refuses to work in another region than the declared one", async () => {
    await expect(run(node({ region: "us-east-2" }), { region: "eu-west-1" })).rejects.toThrow(/aws:region is not the region that the fleet declares; got eu-west-1; expected us-east-2; run `pulumi config set/);
  });

  it("runs the program of a TypeScript module with the same copy of the SDK", async () => {
    writeFileSync(path.join(folder, "helper.ts"), "export const answer: number = 42;\n");
    writeFileSync(path.join(folder, "mine.ts"), 'import { answer } from "./helper";\nexport const program = async () => ({ answer, globals: Object.keys(require.cache).filter((name) => name.includes("?")).length });\n');
    expect(await run(node({ program: "./mine.ts" }))).toEqual({ answer: 42, globals: 0 });
  });

  it("says what a module without a program lacks", async () => {
    writeFileSync(path.join(folder, "empty.js"), "exports.other = 1;\n");
    await expect(run(node({ program: "./empty.js" }))).rejects.toThrow(/stacks\.dev\.program: the module has no program; got "\.\/empty\.js"; .*constellation-home/);
  });
});

describe("runStack", () => {
  it("names the stacks there are when it doesn't know the one", async () => {
    const file = path.join(folder, "constellation.json");
    writeFileSync(file, JSON.stringify({ DURATION: 20_000, HOME_REGION: "eu-central-1", REMOTE_REGIONS: { "eu-west-1": 5 } }));
    await expect(runMocked(() => runStack({ configFile: file, stack: "hime" }))).rejects.toThrow('unknown stack; got "hime"; expected one of eu-west-1, home; did you mean home?');
  });

  it("passes on what is wrong with the config, without a stack trace", async () => {
    const file = path.join(folder, "broken.json");
    writeFileSync(file, JSON.stringify({ DURATION: 20_000, HOME_REGION: "eu-central-1", REMOTE_REGIONS: { "eu-west-1": -5 } }));
    const failure = runMocked(() => runStack({ configFile: file, stack: "home" }));
    await expect(failure).rejects.toThrow(/eu-west-1/);
    await expect(failure).rejects.toSatisfy((error) => pulumi.RunError.isInstance(error));
  });
});

describe("programs", () => {
  it("are found by name, and only by a name", () => {
    expect(PROGRAM_NAMES.every((name) => typeof loadProgram(name) === "function")).toBe(true);
    expect(loadProgram("toString")).toBeUndefined();
    expect(loadProgram("./mine.ts")).toBeUndefined();
  });
});
