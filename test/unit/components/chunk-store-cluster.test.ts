import { ChunkStoreCluster, type ChunkStoreClusterArgs } from "#dist/components/chunk-store-cluster/index";
import { confinedContainers } from "#dist/policy/confined-containers";
import { noPublicPorts } from "#dist/policy/no-public-ports";
import { noSecretsInEnv } from "#dist/policy/no-secrets-in-env";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { runMocked, settled, type Created, type Ran } from "./mocks";

const KEY = "k".repeat(32);
const PASSWORD = "correct horse";

function create(changes: Partial<ChunkStoreClusterArgs> = {}, name = "store"): Promise<Ran> {
  return runMocked(() => {
    const { endpoints, networkName, nodes, replicationFactor, accountNames } = new ChunkStoreCluster(name, { clusterKey: KEY, accounts: { admin: PASSWORD }, ...changes });
    return { endpoints, networkName, nodes, replicationFactor, accountNames };
  });
}

const containers = (ran: Ran): readonly Created[] => ran.of("docker:index/container:Container");
const envs = (ran: Ran, name: string): readonly string[] => ran.named(name).inputs["envs"] as string[];
interface Upload { file: string; content: string; permissions: string; owner: string; group: string }
/** What a mock sees of a secret, taken out of its wrapping. */
const uploads = (one: Created): readonly Upload[] => JSON.parse(JSON.stringify(one.inputs["uploads"]), (_key, value: unknown) =>
  (typeof value === "object" && value !== null && "4dabf18193072939515e22adb298388d" in value && "value" in value ? value.value : value)) as Upload[];

describe("ChunkStoreCluster", () => {
  it("makes three controllers and five chunkservers on one overlay network that others may join", async () => {
    const ran = await create();
    expect(containers(ran).map(({ name }) => name).toSorted()).toEqual([
      ...[1, 2, 3, 4, 5].map((n) => `store-chunkserver-${n}`), ...[1, 2, 3].map((n) => `store-controller-${n}`),
    ]);
    expect(ran.named("store-network").inputs).toMatchObject({ name: "dfs-network", driver: "overlay", attachable: true });
    expect(ran.named("store-controller-2").inputs).toMatchObject({
      command: ["controller"], hostname: "store-controller-2", networksAdvanced: [{ name: "dfs-network", aliases: ["controller", "store-controller-2"] }],
    });
    expect(ran.named("store-chunkserver-5").inputs).toMatchObject({ command: ["chunkserver"], networksAdvanced: [{ aliases: ["chunkserver", "store-chunkserver-5"] }] });
  });

  it("hands out endpoints, nodes and who may log in", async () => {
    const { outputs } = await create({ accounts: { zoe: PASSWORD, admin: PASSWORD }, controllers: 1, chunkservers: 1 });
    expect(outputs).toEqual({
      endpoints: ["http://address-of-store-controller-1:8000"], networkName: "dfs-network", replicationFactor: "all", accountNames: ["admin", "zoe"],
      nodes: [
        { name: "store-controller-1", role: "controller", containerId: "store-controller-1-id", containerName: "store-controller-1-1a2b3c4", endpoint: "http://address-of-store-controller-1:8000" },
        { name: "store-chunkserver-1", role: "chunkserver", containerId: "store-chunkserver-1-id", containerName: "store-chunkserver-1-1a2b3c4" },
      ],
    });
  });

  it("keeps each node's data on a volume of its own, and of none when told so", async () => {
    const ran = await create();
    expect(ran.of("docker:index/volume:Volume")).toHaveLength(8);
    expect(ran.named("store-controller-1").inputs["volumes"]).toEqual([{ volumeName: "store-controller-1-data", containerPath: "/data" }]);
    const passing = await create({ persistent: false });
    expect(passing.of("docker:index/volume:Volume")).toEqual([]);
    expect(passing.named("store-controller-1").inputs["volumes"]).toBeUndefined();
  });

  it("tells a node nothing that depends on how many others there are", async () => {
    const [small, large] = [await create(), await create({ controllers: 5, chunkservers: 7 })];
    for (const { name, inputs } of small.created.filter(({ type }) => type !== "pulumi:pulumi:StackReference")) expect(large.named(name).inputs).toEqual(inputs);
    expect(containers(large)).toHaveLength(12);
  });

  it("keeps a container from taking its machine's memory, rights and disk", async () => {
    for (const { inputs } of containers(await create({ controllerSize: { memoryMiB: 300, cpus: 0.5 } }))) {
      expect(inputs).toMatchObject({
        user: "10001:10001", capabilities: { drops: ["ALL"] }, securityOpts: ["no-new-privileges:true"], init: true, restart: "unless-stopped",
        logDriver: "json-file", logOpts: { "max-size": "10m", "max-file": "3" }, tmpfs: { "/tmp": expect.stringContaining("noexec") as string }, wait: true,
      });
      expect(inputs["memorySwap"]).toBe(inputs["memory"]);
    }
    expect((await create({ controllerSize: { memoryMiB: 300, cpus: 0.5 } })).named("store-controller-1").inputs).toMatchObject({ memory: 300, cpuPeriod: 100_000, cpuQuota: 50_000 });
  });

  it("replaces a container for another quota, which the provider would only take note of, and never has two on one volume", async () => {
    for (const { options } of containers(await create())) expect(options).toMatchObject({ replaceOnChanges: ["cpuPeriod", "cpuQuota"], deleteBeforeReplace: true });
  });

  it("lets no node wait for another, or with rolling updates each for the one before", async () => {
    const turns = async (changes: Partial<ChunkStoreClusterArgs>): Promise<string[][]> => Promise.all(containers(await create({ controllers: 2, chunkservers: 2, ...changes }))
      .map(async ({ name, options: { dependsOn = [] } }) => [name, ...await Promise.all([dependsOn].flat().map((before) => settled((before as docker.Container).id)))]));
    expect((await turns({})).map(({ length }) => length)).toEqual([1, 1, 1, 1]);
    expect(await turns({ rollingUpdates: true })).toEqual([
      ["store-controller-1"], ["store-controller-2", "store-controller-1-id"], ["store-chunkserver-1", "store-controller-2-id"], ["store-chunkserver-2", "store-chunkserver-1-id"],
    ]);
  });

  it("passes the policies, published or not", async () => {
    for (const ran of [await create(), await create({ platform: { kind: "docker", publish: { firstPort: 9000 } } })]) {
      for (const { type, inputs } of containers(ran)) {
        for (const rule of [confinedContainers, noPublicPorts, noSecretsInEnv]) expect(rule.check({ type, urn: "", props: inputs })).toEqual([]);
      }
    }
  });
});

describe("secrets of a chunk store", () => {
  it("are files of mode 0400 that belong to the node, accounts at controllers only", async () => {
    const ran = await create();
    const [controller, chunkserver] = [ran.named("store-controller-1"), ran.named("store-chunkserver-1")];
    const own = { permissions: "0400", owner: "10001", group: "10001" };
    expect(uploads(controller)).toEqual([
      { file: "/run/secrets/cluster-key", content: KEY, ...own }, { file: "/run/secrets/accounts", content: JSON.stringify({ admin: PASSWORD }), ...own },
    ]);
    expect(uploads(chunkserver)).toEqual([{ file: "/run/secrets/cluster-key", content: KEY, ...own }]);
    expect(controller.options).toMatchObject({ additionalSecretOutputs: ["uploads"] });
  });

  it("are secret for the engine even when given as plain text, and stand nowhere else", async () => {
    const ran = await create();
    for (const { inputs } of containers(ran)) {
      const { uploads: files, ...others } = inputs;
      expect(JSON.stringify(files)).toContain("4dabf18193072939515e22adb298388d");
      expect(JSON.stringify(others)).not.toMatch(new RegExp(`${KEY}|${PASSWORD}`));
    }
    expect(JSON.stringify(ran.outputs)).not.toMatch(new RegExp(`${KEY}|${PASSWORD}`));
  });
});

describe("settings of a chunk store", () => {
  it("reach the nodes that read them, and no others", async () => {
    const ran = await create({
      replicationFactor: 3, repairIntervalSeconds: 2.5, scrubIntervalSeconds: 60, heartbeatIntervalSeconds: 0.5, chunkserverCapacityMiB: 100, chunkCacheMiB: 16, logLevel: "debug",
    });
    expect(envs(ran, "store-controller-1")).toEqual(["CHUNK_CACHE_MIB=16", "HEARTBEAT_INTERVAL=0.5", "LOG_LEVEL=debug", "MIN_WRITE_REPLICAS=2", "REPAIR_INTERVAL=2.5", "REPLICATION_FACTOR=3"]);
    expect(envs(ran, "store-chunkserver-1")).toEqual(["CAPACITY_MIB=100", "HEARTBEAT_INTERVAL=0.5", "LOG_LEVEL=debug", "SCRUB_INTERVAL=60"]);
  });

  it.each([[{ replicationFactor: "all" as const }, 2], [{ replicationFactor: 1 }, 1], [{ replicationFactor: 4 }, 2], [{ chunkservers: 1 }, 1]])("acknowledge with %o once %i chunkservers have it all", async (changes, replicas) => {
    expect(envs(await create(changes), "store-controller-1")).toContain(`MIN_WRITE_REPLICAS=${replicas}`);
  });
});

describe("the image of a chunk store", () => {
  it("is built from the package, named after what goes into it, and no other for another checkout", async () => {
    const image = (await create({ platform: { kind: "docker", baseImage: "local/node:24" } })).named("store-image");
    const { sources } = image.inputs["triggers"] as { sources: string };
    expect(image.inputs).toMatchObject({
      name: `stackfleet/chunkstore:${sources.slice(0, 12)}`, keepLocally: true, build: { dockerfile: "workloads/chunkstore/Dockerfile", buildArgs: { BASE: "local/node:24" } },
    });
    expect(sources).toMatch(/^[0-9a-f]{64}$/);
    expect(image.options.ignoreChanges).toEqual(["build.context"]);
    expect((await create()).named("store-controller-1").inputs["image"]).toBe("sha256:store-image");
  });

  it("is taken from a registry when it is named", async () => {
    expect((await create({ image: "registry.example/chunkstore:2" })).named("store-image").inputs).toEqual({ name: "registry.example/chunkstore:2", keepLocally: true });
  });

  it("puts the secrets, the data and the user where the component expects them", () => {
    const text = readFileSync(path.resolve(__dirname, "../../../workloads/chunkstore/Dockerfile"), "utf8");
    for (const part of ["DATA_DIR=/data", "CLUSTER_KEY_FILE=/run/secrets/cluster-key", "ACCOUNTS_FILE=/run/secrets/accounts", "USER 10001:10001"]) expect(text).toContain(part);
  });
});

describe("a chunk store on Docker", () => {
  it("publishes one port a controller, on the loopback unless told otherwise", async () => {
    const ran = await create({ platform: { kind: "docker", publish: { firstPort: 9000 } } });
    expect(ran.outputs["endpoints"]).toEqual(["http://127.0.0.1:9000", "http://127.0.0.1:9001", "http://127.0.0.1:9002"]);
    expect(ran.named("store-controller-3").inputs["ports"]).toEqual([{ internal: 8000, external: 9002, ip: "127.0.0.1", protocol: "tcp" }]);
    expect(ran.named("store-chunkserver-1").inputs["ports"]).toBeUndefined();
    expect((await create({ platform: { kind: "docker", publish: { firstPort: 9000, address: "::" } } })).outputs["endpoints"]).toContain("http://[::1]:9000");
  });

  it("deals the nodes of each role out to the engines, each with an image of its own", async () => {
    const providers = (): docker.Provider[] => ["a", "b"].map((host) => new docker.Provider(host, { host: `ssh://${host}` }));
    const ran = await runMocked(() => {
      const store = new ChunkStoreCluster("store", { clusterKey: KEY, accounts: { admin: PASSWORD }, platform: { kind: "docker", providers: providers(), publish: { firstPort: 9000, address: "0.0.0.0", hosts: ["a.example", "b.example"] } } });
      return { endpoints: store.endpoints };
    });
    expect(ran.outputs["endpoints"]).toEqual(["http://a.example:9000", "http://b.example:9001", "http://a.example:9002"]);
    expect(ran.of("docker:index/remoteImage:RemoteImage").map(({ name }) => name)).toEqual(["store-image", "store-image-2"]);
    expect(ran.of("docker:index/network:Network")).toHaveLength(1);
    expect(["store-controller-1", "store-controller-2", "store-chunkserver-1", "store-chunkserver-2", "store-chunkserver-3"].map((name) => ran.named(name).inputs["image"]))
      .toEqual(["sha256:store-image", "sha256:store-image-2", "sha256:store-image", "sha256:store-image-2", "sha256:store-image"]);
  });

  it("keeps networks and volumes when their labels would change, as Docker would have to replace them", async () => {
    const ran = await create();
    for (const one of [...ran.of("docker:index/network:Network"), ...ran.of("docker:index/volume:Volume")]) expect(one.options.ignoreChanges).toEqual(["labels"]);
  });

  it("encrypts the network on request", async () => {
    expect((await create({ platform: { kind: "docker", encryptNetwork: true, networkName: "other" } })).named("store-network").inputs).toMatchObject({ name: "other", options: { encrypted: "true" } });
  });

  it("lets the program change a child's arguments last", async () => {
    const ran = await create({ transform: { chunkserver: (args) => { args.dns = ["10.0.0.2"]; }, volume: (_args, opts) => { opts.protect = true; } } });
    expect(ran.named("store-chunkserver-1").inputs["dns"]).toEqual(["10.0.0.2"]);
    expect(ran.named("store-controller-1").inputs["dns"]).toBeUndefined();
    expect(ran.named("store-controller-1-data").options.protect).toBe(true);
  });
});

describe("wrong arguments of a chunk store", () => {
  it("are reported all at once, with no secret in them", async () => {
    const wrong = create({
      controllers: 0, clusterKey: "short", accounts: { admin: "hunter2", "a\nb": pulumi.output("long enough") }, controllerSize: { memoryMiB: 64, cpus: 0 }, repairIntervalSeconds: Number.NaN,
      platform: { kind: "docker", networkName: "bridge", publish: { firstPort: 70_000, address: "localhost" }, providers: [] },
    });
    await expect(wrong).rejects.toThrow([
      'controllers: out of range; got 0; expected a whole number from 1 to 99; leave it out for 3',
      'clusterKey: too short to be a secret; got "text of 5 bytes"; expected at least 32 bytes; make one with `openssl rand -hex 32`',
      'accounts["admin"]: password too short; got "text of 7 characters"; expected 8 to 1024 characters; choose another password',
      'accounts: not a user name; got "a\\nb"; expected 1 to 128 characters, none of them a control character; rename the user',
      'controllerSize.memoryMiB: out of range; got 64; expected a whole number from 256 to 1048576; use 512, which is enough for most',
      'controllerSize.cpus: out of range; got 0; expected a number from 0.1 to 1024; use 1 for one processor',
      'repairIntervalSeconds: out of range; got "NaN"; expected seconds from 0.1 to 3155760000; leave it out for the store\'s own',
      'platform.networkName: a network of Docker\'s own; got "bridge"; expected letters, digits, _ . -, a letter or digit first; leave it out for dfs-network',
      'platform.providers: no engine; got []; expected at least one provider; leave it out for the component\'s own',
      'platform.publish.firstPort: out of range; got 70000; expected a whole number from 1 to 65535; leave room for one port',
      'platform.publish.address: not an IP address; got "localhost"; expected an address of the machine, such as 127.0.0.1; leave it out for 127.0.0.1',
    ].map((fault) => `ChunkStoreCluster "store": ${fault}`).join("\n"));
  });

  it.each<[string, Partial<ChunkStoreClusterArgs>, RegExp]>([
    ["a factor above the chunkservers", { replicationFactor: 6 }, /replicationFactor: .* got 6; expected "all", or a whole number from 1 to the 5 chunkservers/],
    ["half a chunkserver", { replicationFactor: 1.5 }, /replicationFactor: /],
    ["no accounts", { accounts: {} }, /accounts: nobody could log in/],
    ["a timeout that one lost heartbeat reaches", { heartbeatIntervalSeconds: 4 }, /heartbeatTimeoutSeconds: .* got 6; expected at least twice the interval, 8/],
    ["a cache larger than half of the memory", { chunkCacheMiB: 300 }, /chunkCacheMiB: out of range; got 300; expected a whole number from 0 to 256/],
    ["too few ports left", { platform: { kind: "docker", publish: { firstPort: 65_534 } } }, /firstPort: .* expected a whole number from 1 to 65533; leave room for 3 ports/],
    ["an empty image", { image: "" }, /image: no image/],
  ])("are refused: %s", async (_what, changes, message) => {
    await expect(create(changes)).rejects.toThrow(message);
  });

  it("are refused: several engines that are published under one name", async () => {
    await expect(runMocked(() => {
      const providers = [new docker.Provider("a"), new docker.Provider("b")];
      new ChunkStoreCluster("store", { clusterKey: KEY, accounts: { admin: PASSWORD }, platform: { kind: "docker", providers, publish: { firstPort: 9000 } } });
    })).rejects.toThrow(/platform\.publish\.hosts: not one host for each engine; got nothing; expected 2 names/);
  });

  it("are refused: a name that no host can have", async () => {
    await expect(create({}, "my_store")).rejects.toThrow(/name: no part of a host name; got "my_store"/);
  });
});
