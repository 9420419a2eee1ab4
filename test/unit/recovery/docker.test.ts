/** The look-ups against the local cloud's Docker Engine API: what is ours, what is half made, what can't be told. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dockerLookup } from "../../../automation/recovery/docker";
import { CantTell, type Lookup, type Sought } from "../../../automation/recovery/lookup";
import { URN_HASH_TAG, urnHash } from "../../../automation/recovery/urn";
import { CONTAINER, IMAGE as IMAGE_TYPE, NETWORK, VOLUME } from "../../../local/docker/define";
import { dockerApi } from "../../../local/docker/api/index";
import type { Properties } from "../../../local/model";
import { DockerWorld, failure, IMAGE } from "../local-docker/world";

const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:x:y" };

let world: DockerWorld;
let app: FastifyInstance;
let folder: string;
let lookup: Lookup;
let waited: number;
/** Time that passes by waiting only. */
const clock = { now: () => waited, wait: async (ms: number): Promise<void> => void (waited += ms) };

beforeEach(async () => {
  world = new DockerWorld();
  folder = mkdtempSync(path.join(tmpdir(), "stackfleet-sock-"));
  app = dockerApi(world.cloud.context);
  await app.listen({ path: path.join(folder, "docker.sock") });
  waited = 0;
  lookup = dockerLookup({ host: `unix://${path.join(folder, "docker.sock")}`, only: true }, clock);
});
afterEach(async () => {
  await app.close();
  world.close();
  rmSync(folder, { recursive: true, force: true });
});

const sought = (type: string, inputs: object, extra: Partial<Sought> = {}): Sought => ({ type, urn: `urn:${type}`, inputs: inputs as Sought["inputs"], region: "", known: [], ...extra });
const own = (type: string): Properties[] => [{ label: URN_HASH_TAG, value: urnHash(`urn:${type}`) }];

it("knows the types that leave something behind", () => {
  expect([CONTAINER, NETWORK, VOLUME].map((type) => lookup.handles(sought(type, {})))).toEqual([true, true, true]);
  // A build is simply repeated; see `settle.ts`. Swarm's own types have no look-up.
  expect([IMAGE_TYPE, "docker:index/secret:Secret"].map((type) => lookup.handles(sought(type, {})))).toEqual([false, false]);
});

describe("what carries our label", () => {
  it.each([[CONTAINER, { name: "web", image: IMAGE }], [NETWORK, { name: "mesh" }]])("is found by it: %s", async (type, inputs) => {
    await world.create(type, { ...inputs, name: "other", labels: [{ label: URN_HASH_TAG, value: urnHash("urn:other") }] });
    const { id } = await world.create(type, { ...inputs, labels: own(type) });
    expect(await lookup.find(sought(type, { ...inputs, labels: own(type) }))).toEqual([{ id }]);
    expect(await lookup.find(sought(type, { labels: SECRET }))).toEqual([{ id }]); // every one of a fleet has it
  });

  it("is not found where there is none, though another has the name", async () => {
    await world.create(CONTAINER, { name: "web", image: IMAGE });
    expect(await lookup.find(sought(CONTAINER, { name: "web", labels: own(CONTAINER) }))).toEqual([]);
  });

  it("is found when it is stopped", async () => {
    const { id } = await world.create(CONTAINER, { name: "web", image: IMAGE, labels: own(CONTAINER) });
    await world.engine.containers.stop(world.engine.containers.get("web"));
    expect(await lookup.find(sought(CONTAINER, { labels: own(CONTAINER) }))).toEqual([{ id }]);
  });
});

describe("what was sent without the label", () => {
  it.each([[CONTAINER, { image: IMAGE }], [NETWORK, {}]])("is ours when Pulumi made its name, and can't be told otherwise: %s", async (type, inputs) => {
    const { id } = await world.create(type, { ...inputs, name: "x-1234567" });
    expect(await lookup.find(sought(type, { name: "x-1234567", __defaults: ["name"] }))).toEqual([{ id }]);
    await expect(lookup.find(sought(type, { name: "x-1234567", __defaults: [] }))).rejects.toThrow("Docker has one of the name x-1234567, but no label says whose it is");
    expect(await lookup.find(sought(type, { name: "free" }))).toEqual([]);
    await expect(lookup.find(sought(type, { name: SECRET }))).rejects.toThrow('its input "name", by which it would be looked up, is a secret');
  });
});

it("takes a volume of the name, as Docker's create does", async () => {
  await world.create(VOLUME, { name: "data" });
  expect(await lookup.find(sought(VOLUME, { name: "data" }))).toEqual([{ id: "data" }]);
  expect(await lookup.find(sought(VOLUME, { name: "other" }))).toEqual([]);
});

describe("a container that was created and not started", () => {
  const halfMade = async (): Promise<void> => {
    await failure(world.create(CONTAINER, { name: "web", image: IMAGE, labels: own(CONTAINER), networksAdvanced: [{ name: "late" }] }));
    expect(world.engine.containers.get("web").status).toBe("created");
  };

  it("is removed after a while, so that the update makes it whole", async () => {
    await halfMade();
    expect(await lookup.find(sought(CONTAINER, { labels: own(CONTAINER) }))).toEqual([]);
    expect(waited).toBeGreaterThanOrEqual(10_000);
    expect(world.engine.containers.list()).toEqual([]);
  });

  it("stays when it need not start, and when the state has it", async () => {
    await halfMade();
    const { id } = world.engine.containers.get("web");
    expect(await lookup.find(sought(CONTAINER, { labels: own(CONTAINER), start: false }))).toEqual([{ id }]);
    expect(await lookup.find(sought(CONTAINER, { labels: own(CONTAINER) }, { known: [{ id }] }))).toEqual([{ id }]);
    expect(waited).toBe(0);
  });

  it("is taken when it starts after all", async () => {
    await halfMade();
    const view = world.engine.containers.get("web");
    const late = dockerLookup({ host: `unix://${path.join(folder, "docker.sock")}`, only: true }, { ...clock, wait: async (ms) => {
      waited += ms;
      await world.runtime.run({ id: view.runtimeId, image: IMAGE, environment: {}, networks: [], restart: "no", labels: {} });
    } });
    expect(await late.find(sought(CONTAINER, { labels: own(CONTAINER) }))).toEqual([{ id: view.id }]);
  });
});

describe("the wait for a container's health", () => {
  const container = async (health: "starting" | "healthy"): Promise<string> => {
    world.runtime.onStart = () => ({ status: "running", health });
    return (await world.create(CONTAINER, { name: "web", image: IMAGE, healthcheck: { tests: ["CMD", "x"] } })).id;
  };
  it("ends when it is healthy, or when nobody asked for one", async () => {
    await lookup.settled(sought(CONTAINER, { wait: true }), { id: await container("healthy") });
    await lookup.settled(sought(CONTAINER, {}), { id: "nobody" });
    expect(waited).toBe(0);
  });
  it("ends when the container does", async () => {
    const id = await container("starting");
    await world.engine.containers.stop(world.engine.containers.get("web"));
    await lookup.settled(sought(CONTAINER, { wait: true }), { id });
  });
  it("is bounded by what the program gave", async () => {
    const id = await container("starting");
    await expect(lookup.settled(sought(CONTAINER, { wait: true, waitTimeout: 5 }), { id })).rejects.toThrow(`${id} exists but is still not healthy`);
    expect(waited).toBeGreaterThanOrEqual(5_000);
    expect(waited).toBeLessThan(6_000);
  });
});

describe("the engine to ask", () => {
  it("is the provider's own, in the cloud", async () => {
    await world.create(VOLUME, { name: "data" });
    const cloud = dockerLookup({ host: "unix:///nowhere/docker.sock" }, clock);
    const here = sought(VOLUME, { name: "data" }, { provider: { host: `unix://${path.join(folder, "docker.sock")}` } });
    expect(await cloud.find(here)).toEqual([{ id: "data" }]);
    await expect(cloud.find(sought(VOLUME, { name: "data" }))).rejects.toThrow("no answer from Docker at unix:///nowhere/docker.sock");
  });
  it("is the local cloud's whatever the provider names, in the local target", async () => {
    await world.create(VOLUME, { name: "data" });
    expect(await lookup.find(sought(VOLUME, { name: "data" }, { provider: { host: "ssh://node2" } }))).toEqual([{ id: "data" }]);
  });
  it("can't be one behind SSH", async () => {
    const cloud = dockerLookup({}, clock);
    await expect(cloud.find(sought(VOLUME, { name: "data" }, { provider: { host: "ssh://me@node2" } }))).rejects.toBeInstanceOf(CantTell);
  });
});
