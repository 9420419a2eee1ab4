import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CONTAINER, IMAGE as IMAGE_TYPE, NETWORK, REMOTE_IMAGE, TAG, VOLUME } from "../../../local/docker/define";
import { EngineState } from "../../../local/docker/engine/state";
import { dockerPackage } from "../../../local/docker/index";
import { dockerSettings } from "../../../local/docker/settings";
import type { Properties } from "../../../local/model";
import { DockerWorld, failure, IMAGE } from "./world";

let world: DockerWorld;
beforeEach(() => { world = new DockerWorld(); });
afterEach(() => world.close());

const invoke = (token: string, args: Properties): Promise<Properties> => {
  const fn = dockerPackage.functions.find((candidate) => candidate.token === token);
  if (!fn) throw new Error(token);
  return fn.invoke(args, { region: "local", account: "0", signal: new AbortController().signal }, world.cloud.context);
};

describe("a network", () => {
  it("has the ids and outputs of its driver", async () => {
    const bridge = await world.create(NETWORK, { name: "plain" });
    expect(bridge.id).toMatch(/^[0-9a-f]{64}$/);
    expect(bridge.outputs).toMatchObject({ driver: "bridge", scope: "local", internal: false, attachable: false, ipamDriver: "default", ipamConfigs: [{ subnet: "127.64.0.0/10", gateway: "127.0.0.1" }] });
    const overlay = await world.create(NETWORK, { name: "mesh", driver: "overlay", attachable: true, options: { encrypted: "" } });
    expect(overlay.id).toMatch(/^[0-9a-z]{25}$/);
    expect(overlay.outputs).toMatchObject({ scope: "swarm", options: { encrypted: "", "com.docker.network.driver.overlay.vxlanid_list": expect.stringMatching(/^\d+$/) } });
  });

  it("has a name of its own", async () => {
    await world.create(NETWORK, { name: "plain" });
    expect(await failure(world.create(NETWORK, { name: "plain" }))).toBe("Unable to create network: Error response from daemon: network with name plain already exists");
    expect(await failure(world.create(NETWORK, { name: "bridge" }))).toContain("operation is not permitted on predefined bridge network");
    expect(await failure(world.create(NETWORK, { name: "a/b" }))).toContain("invalid network name");
  });

  it("can't overlap one that is there", async () => {
    await world.create(NETWORK, { name: "one", ipamConfigs: [{ subnet: "10.1.0.0/16" }] });
    expect(await failure(world.create(NETWORK, { name: "two", ipamConfigs: [{ subnet: "10.1.2.0/24" }] }))).toContain("Pool overlaps with other one on this address space");
    await world.create(NETWORK, { name: "three", ipamConfigs: [{ subnet: "10.2.0.0/16" }] });
    expect(world.faults(NETWORK, { ipamConfigs: [{ subnet: "10.1" }] })[0]).toContain('got "10.1"');
  });

  it("can't be deleted while containers are on it, stopped ones too; its deletion is tried for a while", async () => {
    const network = await world.create(NETWORK, { name: "plain" });
    const container = await world.create(CONTAINER, { name: "web", image: IMAGE, networksAdvanced: [{ name: "plain" }] });
    expect(await failure(world.delete(network))).toMatch(/^timeout while waiting for state to become 'removed' \(last state: 'pending', timeout: 30s\): .*network plain id [0-9a-f]{64} has active endpoints \(name:"web" id:"[0-9a-f]{12}"\)$/);
    await Promise.all([world.delete(network), world.delete(container)]);
    expect(world.engine.networks.find("plain")).toBeUndefined();
  });

  it.each([[{ driver: "macvlan" }, "driver: only bridge and overlay"], [{ ingress: true }, "ingress: a routing mesh"], [{ ipv6: true }, "ipv6: IPv6"], [{ configOnly: true }, "not modelled by the local cloud; extend local/docker/resources/network.ts"]])("refuses %j", (inputs, expected) => {
    expect(world.faults(NETWORK, inputs as never).join()).toContain(expected);
  });
});

describe("a volume", () => {
  it("is a folder, whose name is its id", async () => {
    const volume = await world.create(VOLUME, { name: "data" });
    expect(volume).toMatchObject({ id: "data", outputs: { driver: "local", mountpoint: path.join(world.dir, "volumes", "data") } });
    expect(existsSync(String(volume.outputs["mountpoint"]))).toBe(true);
  });

  it("is the one that is there when it is created again", async () => {
    const [one, two] = [await world.create(VOLUME, { name: "data" }, "a"), await world.create(VOLUME, { name: "data" }, "a")];
    expect(two.key).toBe(one.key);
  });

  it("can't be deleted while a container mounts it; then goes with its data", async () => {
    const volume = await world.create(VOLUME, { name: "data" });
    const file = path.join(String(volume.outputs["mountpoint"]), "x");
    writeFileSync(file, "x");
    const container = await world.create(CONTAINER, { name: "web", image: IMAGE, volumes: [{ volumeName: "data", containerPath: "/data" }] });
    expect(await failure(world.delete(volume))).toMatch(/last state: 'in_use'.*remove data: volume is in use - \[[0-9a-f]{64}\]$/);
    expect(existsSync(file)).toBe(true);
    await world.delete(container);
    await world.delete(volume);
    expect(existsSync(file)).toBe(false);
    expect(world.engine.volumes.find("data")).toBeUndefined();
  });
});

describe("an image", () => {
  let context: string;
  const dockerfile = (text: string): void => writeFileSync(path.join(context, "Dockerfile"), text);
  beforeEach(() => {
    context = path.join(world.dir, "context");
    mkdirSync(context);
    dockerfile("ARG BASE=node\nFROM ${BASE}\nLABEL a=b \\\n  c=\"d e\"\nHEALTHCHECK --interval=5s --timeout=2s --retries=4 CMD [\"node\", \"healthcheck.js\"]\n");
  });
  const built = (extra: Properties = {}): Properties => ({ name: "stackfleet/loadtest:2", build: { context }, ...extra });

  it("is built under its name, with an id of its ingredients", async () => {
    const [one, same] = [await world.create(REMOTE_IMAGE, built(), "a"), await world.create(REMOTE_IMAGE, built(), "a")];
    expect(one.outputs["imageId"]).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(one.id).toBe(`${String(one.outputs["imageId"])}stackfleet/loadtest:2`);
    expect(one.outputs["repoDigest"]).toBe("");
    expect(same.id).toBe(one.id);
    const other = await world.create(REMOTE_IMAGE, built({ triggers: { source: "2" } }), "b");
    expect(other.id).not.toBe(one.id);
    expect(world.engine.images.find("stackfleet/loadtest:2")).toMatchObject({ id: other.outputs["imageId"], labels: { a: "b", c: "d e" } });
    expect(world.engine.images.list()).toHaveLength(1); // the older one has neither name nor user
  });

  it("brings its health check along", async () => {
    const image = await world.create(REMOTE_IMAGE, built());
    const container = await world.create(CONTAINER, { name: "web", image: String(image.outputs["imageId"]), wait: true });
    expect(world.state(container).spec).toMatchObject({ image: "stackfleet/loadtest:2", healthCheck: { command: ["CMD", "node", "healthcheck.js"], intervalSeconds: 5, timeoutSeconds: 2, retries: 4, startPeriodSeconds: 0 } });
    const off = await world.create(CONTAINER, { name: "off", image: String(image.outputs["imageId"]), healthcheck: { tests: ["NONE"] } });
    expect(world.state(off).spec.healthCheck).toBeUndefined();
  });

  it("may be named by its label where its name says nothing", async () => {
    dockerfile("FROM node\nLABEL org.opencontainers.image.title=stackfleet/loadtest\n");
    const image = await world.create(REMOTE_IMAGE, { name: "registry.example:5000/team/x:1", build: { context } });
    const container = await world.create(CONTAINER, { name: "web", image: String(image.outputs["imageId"]) });
    expect(world.state(container).spec.image).toBe("stackfleet/loadtest");
  });

  it.each([
    [{ build: { context: "/nowhere/at/all" } }, 'Error running buildx build: Error response from daemon: unable to prepare context: path "/nowhere/at/all" not found'],
    [{ build: { context: "./here" } }, 'build context is relative; got "./here"'],
    [{ name: "somebody/else:1" }, 'image "somebody/else:1" is not in the local cloud\'s image table'],
  ])("is refused: %j", async (extra, expected) => {
    expect(await failure(world.create(REMOTE_IMAGE, built(extra as never)))).toContain(expected);
  });

  it("is refused without its Dockerfile", async () => {
    expect(await failure(world.create(REMOTE_IMAGE, built({ build: { context, dockerfile: "Other" } })))).toContain(`dockerfile not found at path: ${path.join(context, "Other")}`);
    expect(world.faults(REMOTE_IMAGE, built({ pullTriggers: ["x"] }))).toEqual(['build: "build": conflicts with pullTriggers']);
  });

  it("is taken as pulled when the table has it", async () => {
    const image = await world.create(REMOTE_IMAGE, { name: IMAGE });
    expect(image.outputs["repoDigest"]).toMatch(/^stackfleet\/loadtest@sha256:[0-9a-f]{64}$/);
    expect(await failure(world.create(REMOTE_IMAGE, { name: "nginx" }))).toContain("not in the local cloud's image table");
  });

  it("can't be deleted while a container uses it, unless it stays", async () => {
    const image = await world.create(REMOTE_IMAGE, built());
    const container = await world.create(CONTAINER, { name: "web", image: String(image.outputs["imageId"]) });
    expect(await failure(world.delete(image))).toMatch(/^Unable to remove Docker image: Error response from daemon: conflict: unable to remove repository reference "stackfleet\/loadtest:2" \(must force\) - container [0-9a-f]{12} is using its referenced image [0-9a-f]{12}$/);
    await world.delete(container);
    await world.delete(image);
    expect(world.engine.images.list()).toEqual([]);
    await world.delete(await world.create(REMOTE_IMAGE, built({ keepLocally: true })));
    expect(world.engine.images.list()).toHaveLength(1);
  });

  it("is gone for a read when its name is", async () => {
    const image = await world.create(REMOTE_IMAGE, built());
    world.engine.images.remove("stackfleet/loadtest:2");
    expect(await world.read(image)).toBeUndefined();
  });

  it("of the native type is built without a push, and stays when its resource goes", async () => {
    const inputs = { imageName: "stackfleet/loadtest:3", skipPush: true, build: { context, args: { BASE: "x" } } };
    const image = await world.create(IMAGE_TYPE, inputs);
    expect(image).toMatchObject({ id: "stackfleet/loadtest:3", outputs: { repoDigest: expect.stringMatching(/^sha256:/), baseImageName: "stackfleet/loadtest:3" } });
    const next = await world.update(image, { ...inputs, build: { context, args: { BASE: "y" } } });
    expect(next.outputs["repoDigest"]).not.toBe(image.outputs["repoDigest"]);
    await world.delete(next);
    expect(world.engine.images.find("stackfleet/loadtest:3")).toBeDefined();
    expect(world.faults(IMAGE_TYPE, { ...inputs, skipPush: false })[0]).toContain("there is no registry in the local cloud");
  });

  it("gets another name by a tag", async () => {
    const image = await world.create(REMOTE_IMAGE, built());
    const tag = await world.create(TAG, { sourceImage: String(image.outputs["imageId"]), targetImage: "stackfleet/loadtest:stable" });
    expect(tag.outputs["sourceImageId"]).toBe(image.outputs["imageId"]);
    expect(world.engine.images.find("stackfleet/loadtest:stable")?.id).toBe(image.outputs["imageId"]);
    await world.delete(image); // another name is left
    expect(world.engine.images.list()).toHaveLength(1);
    expect(await failure(world.create(TAG, { sourceImage: "nope:1", targetImage: "x:1" }))).toContain("failed to create docker tag: Error response from daemon: No such image: nope:1");
  });

  it("survives a restart", async () => {
    await world.create(REMOTE_IMAGE, built());
    expect(new EngineState(world.dir).images).toMatchObject([{ tags: ["stackfleet/loadtest:2"] }]);
    writeFileSync(path.join(world.dir, "docker", "engine.json"), "{}");
    expect(() => new EngineState(world.dir)).toThrow("can't be read");
  });
});

describe("functions", () => {
  it("tell networks, images and logs", async () => {
    await world.create(NETWORK, { name: "plain" });
    const container = await world.create(CONTAINER, { name: "web", image: IMAGE, networksAdvanced: [{ name: "plain" }] });
    world.runtime.lines.set(world.state(container).spec.id, ["one", "two"]);
    expect(await invoke("docker:index/getNetwork:getNetwork", { name: "plain" })).toMatchObject({ driver: "bridge", containers: [{ name: "web", containerId: container.id }] });
    expect(await invoke("docker:index/getRemoteImage:getRemoteImage", { name: IMAGE })).toMatchObject({ id: expect.stringMatching(/^sha256:/) });
    expect(await invoke("docker:index/getLogs:getLogs", { name: "web", tail: "1" })).toMatchObject({ logsListStrings: ["two"] });
  });

  it("fail as the provider's do", async () => {
    await expect(invoke("docker:index/getNetwork:getNetwork", { name: "x" })).rejects.toThrow("Could not find docker network: Error response from daemon: network x not found");
    await expect(invoke("docker:index/getRemoteImage:getRemoteImage", { name: "x" })).rejects.toThrow("did not find docker image 'x'");
    await expect(invoke("docker:index/getLogs:getLogs", { name: "x" })).rejects.toThrow("No such container: x");
    await expect(invoke("docker:index/getLogs:getLogs", { name: "x", since: "1h" })).rejects.toThrow('argument "since" is not modelled');
  });
});

describe("the provider's settings", () => {
  it("take a host, which the ledger shows, and credentials, which nobody sees", () => {
    const config = { host: "ssh://node2", registryAuth: `[{"address":"x","password":"swordfish"}]` };
    expect(dockerSettings.faults(config, () => false)).toEqual([]);
    expect(dockerSettings.read(config)).toEqual({ region: "ssh://node2", account: "000000000000", defaultTags: {} });
    expect(dockerSettings.read({}).region).toBe("local");
    expect(dockerSettings.faults({ colour: "red" }, () => false)[0]?.reason).toContain("extend local/docker/settings.ts");
  });
});
