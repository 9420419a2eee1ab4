/** What is checked of a chunk store before anything can be broken. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemNamed } from "../../../drills";
import { storeAccess } from "../../../drills/chunkstore/access";
import type { PreparedDrills } from "../../../drills";
import { FakeEngine } from "./fake-engine";
import { FakeClock } from "./fakes";

const node = (name: string, role: string, more: object = {}): object => ({ name, role, containerId: name, containerName: name, ...more });
const OUTPUTS = {
  endpoints: ["http://127.0.0.1:18000/", "http://127.0.0.1:18001"], networkName: "dfs-network", replicationFactor: "all", adminPassword: "correct horse", accountNames: ["admin", "zoe"],
  nodes: [node("controller-1", "controller"), node("controller-2", "controller", { endpoint: "http://127.0.0.1:19001" }), node("chunkserver-1", "chunkserver")],
};

function folder(): string {
  const dir = mkdtempSync(path.join(tmpdir(), "prepare-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function prepare(engine: FakeEngine, stateDir: string, outputs: Readonly<Record<string, unknown>> = OUTPUTS): Promise<PreparedDrills> {
  return systemNamed("chunkstore").prepare({
    drills: [], stack: "store", outputs, engine: { kind: "unix", socketPath: engine.socketPath }, realEngine: false, stateDir, clock: new FakeClock(), signal: new AbortController().signal,
  });
}

describe("the outputs of a stack", () => {
  it("say how its store is reached", () => {
    const { controllers, chunkservers, user, password, network } = storeAccess("store", OUTPUTS);
    expect(controllers.map(({ name, endpoint }) => `${name} ${endpoint}`)).toEqual(["controller-1 http://127.0.0.1:18000", "controller-2 http://127.0.0.1:19001"]);
    expect({ chunkservers: chunkservers.length, user, password, network }).toEqual({ chunkservers: 1, user: "admin", password: "correct horse", network: "dfs-network" });
  });

  it.each([
    [{}, /^the stack has no outputs; got store; expected a chunk store that is up$/],
    [{ bucket: "x" }, /^the outputs of store are not those of a chunk store: endpoints: .*; networkName: /],
    [{ ...OUTPUTS, endpoints: ["http://127.0.0.1:18000"], nodes: [node("chunkserver-1", "chunkserver"), node("a", "controller"), node("b", "controller")] }, /^the outputs of store name no endpoint for b$/],
    [{ ...OUTPUTS, adminPassword: undefined }, /^the outputs of store are not all that a drill needs: adminPassword: got nothing; expected the password of the account admin, which the drill logs in as$/],
    [{ ...OUTPUTS, adminPassword: { secret: "correct horse" } }, /: adminPassword: got object; expected the password of the account admin(?!.*correct horse)/],
  ])("%j are refused without a secret in the message", (outputs, message) => {
    expect(() => storeAccess("store", outputs)).toThrow(message);
  });
});

describe("getting ready", () => {
  it("refuses an engine that has not the stack's containers, and names them", async () => {
    const engine = await new FakeEngine().listen();
    engine.add("controller-1", "dfs-network", ["controller"]);
    await expect(prepare(engine, folder())).rejects.toMatchObject({ code: "container-unknown", message: expect.stringMatching(/has no container of controller-2, chunkserver-1; got 2 missing of 3 nodes of stack store$/) as string });
  });

  it("tells what an earlier drill left, removes its test files, and its own at the end", async () => {
    const engine = await new FakeEngine().listen();
    for (const name of ["controller-1", "controller-2", "chunkserver-1"]) engine.add(name, "dfs-network", []);
    const stateDir = folder();
    mkdirSync(path.join(stateDir, "store.files"));
    writeFileSync(path.join(stateDir, "store.files", "old"), "");
    writeFileSync(path.join(stateDir, "store.undo.json"), JSON.stringify([{ kind: "start", container: "chunkserver-1", node: "chunkserver-1" }]));
    const prepared = await prepare(engine, stateDir);
    expect(prepared.leftovers()).toEqual(["start chunkserver-1"]);
    expect(readdirSync(path.join(stateDir, "store.files"))).toEqual([]);
    expect(prepared.plan.map(({ name, skip }) => `${name}${skip === undefined ? "" : " (skipped)"}`)).toEqual(["full-replication", "controller-restart", "chunkserver-loss (skipped)", "partition", "conflict (skipped)",
      "crash-during-upload", "disk-corruption (skipped)", "startup", "metadata-loss"]);
    expect(engine.calls).toEqual([]);
    await prepared.close();
    expect(existsSync(path.join(stateDir, "store.files"))).toBe(false);
  });

  it("removes the side network of a killed drill whose stack was destroyed, and then says that the stack is not up", async () => {
    const engine = await new FakeEngine().listen();
    engine.networks.set("side", { driver: "overlay", labels: {} });
    const stateDir = folder();
    const undo = path.join(stateDir, "store.undo.json");
    writeFileSync(undo, JSON.stringify([
      { kind: "delete-files", prefix: "drill-00000000" }, { kind: "remove-network", network: "side" }, { kind: "rejoin", container: "gone", node: "gone", network: "dfs-network", aliases: [], side: "side" },
    ]));
    engine.refused.set("remove side", 403);
    await expect(prepare(engine, stateDir, {})).rejects.toMatchObject({ code: "not-put-back", message: expect.stringContaining("remove network side") as string });
    expect(existsSync(undo)).toBe(true);
    engine.refused.clear();
    await expect(prepare(engine, stateDir, {})).rejects.toMatchObject({ code: "stack-not-up", message: "stack store is not up; what an earlier drill had left was put back: remove network side" });
    expect({ networks: [...engine.networks.keys()], left: existsSync(undo) }).toEqual({ networks: [], left: false });
    await expect(prepare(engine, stateDir, {})).rejects.toMatchObject({ code: "stack-not-up", message: expect.stringContaining("has no outputs") as string });
  });
});
