import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CONTAINER, NETWORK, VOLUME } from "../../../local/docker/define";
import { PartialFailure } from "../../../local/core/lifecycle";
import { DockerWorld, failure, IMAGE } from "./world";

let world: DockerWorld;
beforeEach(() => { world = new DockerWorld(); });
afterEach(() => world.close());

const basic = { name: "web", image: IMAGE };
const healthcheck = { tests: ["CMD", "node", "healthcheck.js"], interval: "5s", timeout: "1m30s", startPeriod: "500ms", retries: 2 };

describe("what becomes of the arguments", () => {
  it("hands the runtime command, variables, files, volumes, ports and checks", async () => {
    const record = await world.create(CONTAINER, {
      ...basic, command: ["generator", "--fast"], envs: ["A=1", "B=x=y", "C"], hostname: "host", healthcheck, restart: "unless-stopped",
      uploads: [{ file: "/run/secrets/key", content: "swordfish", permissions: "0400" }, { file: "/run/hello", contentBase64: "aGVsbG8=", executable: true }],
      volumes: [{ volumeName: "data", containerPath: "/data" }], mounts: [{ type: "volume", source: "more", target: "/more", readOnly: true }],
      ports: [{ internal: 8000, external: 18000, ip: "127.0.0.1" }, { internal: 9000, external: 19000 }], labels: [{ label: "role", value: "web" }, { label: "stack", value: "mine" }],
    });
    const { spec } = world.state(record);
    expect(spec).toMatchObject({
      id: `web-${record.id.slice(0, 12)}`, image: IMAGE, command: ["generator", "--fast"], environment: { A: "1", B: "x=y" }, hostname: "host", restart: "unless-stopped", stopGraceSeconds: 10,
      files: [{ path: "/run/secrets/key", content: "swordfish", mode: 0o400 }, { path: "/run/hello", content: "hello", mode: 0o744 }],
      volumes: [{ name: "data", mountPath: "/data", readOnly: false }, { name: "more", mountPath: "/more", readOnly: true }],
      publish: [{ containerPort: 8000, hostAddress: "127.0.0.1", hostPort: 18000 }, { containerPort: 9000, hostAddress: "127.0.0.1", hostPort: 19000 }],
      healthCheck: { command: ["CMD", "node", "healthcheck.js"], intervalSeconds: 5, timeoutSeconds: 90, startPeriodSeconds: 0.5, retries: 2 },
    });
    expect(spec.labels).toMatchObject({ role: "web", stack: "s", "docker.name": "web", "docker.id": record.id });
  });

  it("gives ids, host names and addresses as Docker does", async () => {
    const record = await world.create(CONTAINER, basic);
    expect(record.id).toMatch(/^[0-9a-f]{64}$/);
    expect(record.outputs).toMatchObject({
      name: "web", hostname: record.id.slice(0, 12), mustRun: true, bridge: "", networkMode: "bridge", runtime: "runc", logDriver: "json-file",
      networkDatas: [{ networkName: "bridge", ipAddress: world.state(record).address, gateway: "127.0.0.1" }],
    });
    expect(record.outputs["exitCode"]).toBeUndefined();
  });

  it("chooses a free port where none is given, and keeps it", async () => {
    const record = await world.create(CONTAINER, { ...basic, ports: [{ internal: 8000 }] });
    const [port] = world.state(record).spec.publish ?? [];
    expect(port?.hostPort).toBeGreaterThan(0);
    expect(record.outputs["ports"]).toEqual([{ internal: 8000, external: port?.hostPort, ip: "0.0.0.0", protocol: "tcp" }]);
  });

  it("keeps what is uploaded out of the ledger and of what fails", async () => {
    world.runtime.failure = new Error("no space");
    await failure(world.create(CONTAINER, { ...basic, uploads: [{ file: "/k", content: "swordfish" }] }));
    expect(JSON.stringify(world.cloud.ledger.list())).not.toContain("swordfish");
  });

  it("can leave a container unstarted", async () => {
    const record = await world.create(CONTAINER, { ...basic, start: false, mustRun: false });
    expect(world.runtime.states.size).toBe(0);
    expect(world.engine.containers.view(record).status).toBe("created");
  });

  it("waits for the end of what is attached, and keeps its log", async () => {
    world.runtime.onStart = (spec) => {
      world.runtime.lines.set(spec.id, ["one", "two"]);
      setTimeout(() => world.runtime.change(spec.id, { status: "exited", exitCode: 3 }), 20);
      return { status: "running" };
    };
    const record = await world.create(CONTAINER, { ...basic, attach: true, logs: true, mustRun: false });
    expect(record.outputs).toMatchObject({ containerLogs: "one\ntwo\n", exitCode: 3, mustRun: false });
  });
});

describe("refusals of the check", () => {
  it.each([
    [{ privileged: true }, "privileged: privileged containers are not modelled"],
    [{ rm: true }, "rm: a container that removes itself"],
    [{ tty: true }, "tty: terminals are not modelled"],
    [{ pidMode: "host" }, 'argument "pidMode" is not modelled by the local cloud; extend local/docker/resources/containerArgs.ts'],
    [{ restart: "sometimes" }, "restart: expected no, on-failure, always or unless-stopped"],
    [{ networkMode: "host" }, 'networkMode: got "host"'],
    [{ networkMode: "container:x" }, 'networkMode: got "container:x"'],
    [{ ports: [{ internal: 80, protocol: "udp" }] }, "ports[0].protocol: got \"udp\"; only tcp"],
    [{ ports: [{ internal: 80, ip: "10.0.0.1" }] }, 'ports[0].ip: got "10.0.0.1"; expected an address of 127.0.0.0/8'],
    [{ ports: [{ internal: 0 }] }, "ports[0].internal"],
    [{ volumes: [{ containerPath: "data" }] }, "volumes[0].containerPath: must be an absolute path"],
    [{ volumes: [{ hostPath: "/etc", containerPath: "/etc" }] }, 'argument "volumes[0].hostPath" is not modelled'],
    [{ mounts: [{ type: "bind", target: "/x", source: "/y" }] }, "mounts[0].type: only \"volume\" and \"tmpfs\" are modelled"],
    [{ uploads: [{ file: "/x", source: "/etc/passwd" }] }, 'argument "uploads[0].source" is not modelled'],
    [{ uploads: [{ file: "/x", content: "y", permissions: "400" }] }, "uploads[0].permissions: expected four octal digits"],
    [{ uploads: [{ file: "/x", contentBase64: "???" }] }, "uploads[0].contentBase64: is not base64"],
    [{ uploads: [{ file: "/x", contentBase64: "/////w==" }] }, "uploads[0].contentBase64: is not base64 of UTF-8 text"],
    [{ healthcheck: { tests: ["node", "x.js"] } }, "healthcheck.tests: Unknown healthcheck type 'node'"],
    [{ healthcheck: { tests: ["CMD", "x"], interval: "5" } }, "healthcheck.interval: is not a duration"],
    [{ memory: 4 }, "memory: Minimum memory limit allowed is 6MB"],
    [{ cpuSet: "all" }, "cpuSet: expected CPUs"],
    [{ command: [""] }, "command[0]: values for command may not be empty"],
    [{ name: "a b" }, "name: Invalid container name"],
    [{ image: "" }, "image: empty image name"],
  ])("%j", (extra, expected) => {
    expect(world.faults(CONTAINER, { ...basic, ...extra } as never).join("\n")).toContain(expected);
  });

  it("names none for what is modelled", () => {
    expect(world.faults(CONTAINER, {
      ...basic, user: "1000:0", readOnly: true, init: true, capabilities: { drops: ["ALL"] }, securityOpts: ["no-new-privileges"], memory: 256, memorySwap: -1, cpus: "0.5",
      tmpfs: { "/tmp": "size=16m" }, logDriver: "json-file", logOpts: { "max-size": "10m" }, stopSignal: "SIGTERM", stopTimeout: 10, destroyGraceSeconds: 5, wait: true, waitTimeout: 30,
      networksAdvanced: [{ name: "n", aliases: ["a"] }], healthcheck,
    })).toEqual([]);
  });
});

describe("refusals of the engine, in the provider's words", () => {
  it("a name that is taken", async () => {
    const first = await world.create(CONTAINER, basic);
    expect(await failure(world.create(CONTAINER, basic))).toBe(
      `Unable to create container: Error response from daemon: Conflict. The container name "/web" is already in use by container "${first.id}". You have to remove (or rename) that container to be able to reuse that name.`);
  });

  it("an image that isn't there and that the table doesn't have", async () => {
    expect(await failure(world.create(CONTAINER, { name: "web", image: "nginx:1" }))).toMatch(/^Unable to create container with image nginx:1: unable to pull image nginx:1: .*not in the local cloud's image table.*extend local\/runtime\/images\.ts$/);
    expect(await failure(world.create(CONTAINER, { name: "web", image: `sha256:${"a".repeat(64)}` }))).toContain("No such image: sha256:aaaa");
  });

  it("a network that isn't there: the container exists, and isn't started", async () => {
    const call = world.create(CONTAINER, { ...basic, networksAdvanced: [{ name: "nowhere" }] });
    await expect(call).rejects.toBeInstanceOf(PartialFailure);
    expect(await failure(call)).toBe("Unable to connect to network 'nowhere': Error response from daemon: network nowhere not found");
    expect(world.engine.containers.get("web").status).toBe("created");
  });

  it("an overlay network that takes no containers of its own", async () => {
    await world.create(NETWORK, { name: "mesh", driver: "overlay" });
    expect(await failure(world.create(CONTAINER, { ...basic, networksAdvanced: [{ name: "mesh" }] })))
      .toBe("Unable to connect to network 'mesh': Error response from daemon: Could not attach to network mesh: rpc error: code = PermissionDenied desc = network mesh not manually attachable");
  });

  it("a port that a running container has", async () => {
    await world.create(CONTAINER, { ...basic, ports: [{ internal: 80, external: 18080 }] });
    const call = world.create(CONTAINER, { name: "other", image: IMAGE, ports: [{ internal: 81, external: 18080, ip: "127.0.0.1" }] });
    expect(await failure(call)).toMatch(/^Unable to start container: Error response from daemon: driver failed programming external connectivity on endpoint other \([0-9a-f]{64}\): Bind for 127\.0\.0\.1:18080 failed: port is already allocated$/);
  });

  it("a file for a root file system that is read-only", async () => {
    const uploads = [{ file: "/run/secrets/key", content: "x" }];
    expect(await failure(world.create(CONTAINER, { ...basic, readOnly: true, uploads }))).toBe("Unable to upload volume content: Error response from daemon: container rootfs is marked read-only");
    await world.create(CONTAINER, { ...basic, name: "fine", readOnly: true, uploads, volumes: [{ volumeName: "secrets", containerPath: "/run/secrets" }] });
  });

  it("an upload without content", async () => {
    expect(await failure(world.create(CONTAINER, { ...basic, uploads: [{ file: "/x" }] }))).toContain("error with upload content: one of 'content' or 'content_base64' must be set");
    expect(await failure(world.create(CONTAINER, { ...basic, uploads: [{ file: "/x", content: "a", contentBase64: "YQ==" }] }))).toContain("only one of 'content' or 'content_base64'");
  });
});

describe("waiting for health", () => {
  it("fails without a check", async () => {
    expect(await failure(world.create(CONTAINER, { ...basic, wait: true }))).toContain("the container does not have a healthcheck defined");
  });

  it("ends when the container is healthy", async () => {
    world.runtime.onStart = (spec) => {
      setTimeout(() => world.runtime.change(spec.id, { health: "healthy" }), 20);
      return { status: "running", health: "starting" };
    };
    const record = await world.create(CONTAINER, { ...basic, healthcheck, wait: true });
    expect(record.status).toBe("available");
  });

  it("fails when it isn't in time, and keeps the container", async () => {
    world.runtime.onStart = () => ({ status: "running", health: "unhealthy" });
    const call = world.create(CONTAINER, { ...basic, healthcheck, wait: true, waitTimeout: 0 });
    await expect(call).rejects.toBeInstanceOf(PartialFailure);
    expect(await failure(call)).toContain("container failed to be in healthy state: web did not become healthy within 0 s; see: stackfleet local logs web-");
  });

  it("fails when the container ends instead", async () => {
    world.runtime.onStart = () => ({ status: "exited", health: "unhealthy", exitCode: 1 });
    expect(await failure(world.create(CONTAINER, { ...basic, healthcheck, wait: true }))).toContain("it ended with exit code 1");
  });
});

describe("a container that stopped", () => {
  it("is found so by a read, differs from its inputs, and is started by the update", async () => {
    const record = await world.create(CONTAINER, basic);
    await world.engine.containers.stop(world.engine.containers.get("web"));
    const seen = await world.read(record);
    expect(seen?.outputs).toMatchObject({ mustRun: false, exitCode: 143, networkDatas: [{ networkName: "bridge", ipAddress: "" }] });
    const { drifted } = world.model(CONTAINER);
    expect(drifted?.(seen?.outputs ?? {}, basic)).toEqual(["mustRun"]);
    expect(drifted?.(seen?.outputs ?? {}, { ...basic, mustRun: false })).toEqual([]);
    const updated = await world.update(record, basic);
    expect(updated.outputs).toMatchObject({ mustRun: true, networkDatas: [{ ipAddress: world.state(record).address }] });
    expect(updated.outputs["exitCode"]).toBeUndefined();
    expect(drifted?.(updated.outputs, basic)).toEqual([]);
  });

  it("at once after its start is told as the provider does: it succeeds, and says so", async () => {
    world.runtime.onStart = () => ({ status: "exited", exitCode: 0 });
    expect((await world.create(CONTAINER, basic)).outputs).toMatchObject({ mustRun: false, exitCode: 0 });
  });

  it("is left alone when it need not run", async () => {
    const record = await world.create(CONTAINER, { ...basic, mustRun: false });
    await world.engine.containers.stop(world.engine.containers.get("web"));
    await world.update(record, { ...basic, mustRun: false, memory: 64 });
    expect(world.state(record).status).toBe("exited");
  });

  it("begins anew when it never came up", async () => {
    await failure(world.create(CONTAINER, { ...basic, networksAdvanced: [{ name: "late" }] }));
    await world.create(NETWORK, { name: "late" });
    const { record } = world.engine.containers.get("web");
    await world.update(record, { ...basic, networksAdvanced: [{ name: "late" }] });
    expect(world.state(record)).toMatchObject({ status: "running", spec: { networks: [{ name: "late" }] } });
  });
});

describe("networks of a container", () => {
  it("are those it names, by name or id, with its names on each; the default one is left", async () => {
    const network = await world.create(NETWORK, { name: "mesh", driver: "overlay", attachable: true });
    const record = await world.create(CONTAINER, { ...basic, networksAdvanced: [{ name: network.id, aliases: ["controller"] }] });
    expect(world.state(record).spec.networks).toEqual([{ name: "mesh", aliases: ["web", record.id.slice(0, 12), "controller"] }]);
  });

  it("are none when it asks for none, and the one that its mode names", async () => {
    await world.create(NETWORK, { name: "mesh" });
    const none = await world.create(CONTAINER, { ...basic, networkMode: "none" });
    expect(world.state(none).spec.networks).toEqual([]);
    const named = await world.create(CONTAINER, { ...basic, name: "web2", networkMode: "mesh" });
    expect(world.state(named).spec.networks.map(({ name }) => name)).toEqual(["mesh"]);
  });
});

describe("volumes of a container", () => {
  it("come to be with it when nobody declared them, and stay; anonymous ones go with it", async () => {
    const record = await world.create(CONTAINER, { ...basic, volumes: [{ volumeName: "named", containerPath: "/a" }, { containerPath: "/b" }] });
    expect(world.engine.volumes.list().map(({ name }) => name)).toEqual(["named", expect.stringMatching(/^[0-9a-f]{64}$/)]);
    await world.delete(record);
    expect(world.engine.volumes.list().map(({ name }) => name)).toEqual(["named"]);
  });

  it("keeps anonymous ones when told to", async () => {
    const record = await world.create(CONTAINER, { ...basic, removeVolumes: false, mounts: [{ type: "volume", target: "/b" }] });
    await world.delete(record);
    expect(world.engine.volumes.list()).toHaveLength(1);
  });

  it("refuses a name that Docker refuses", async () => {
    expect(await failure(world.create(CONTAINER, { ...basic, volumes: [{ volumeName: "../x", containerPath: "/a" }] }))).toContain('"../x" includes invalid characters for a local volume name');
    expect(await failure(world.create(VOLUME, { name: "a/b" }))).toContain("includes invalid characters");
  });
});

it("deletes at once, or with the grace that was asked for", async () => {
  await world.delete(await world.create(CONTAINER, basic));
  await world.delete(await world.create(CONTAINER, { ...basic, destroyGraceSeconds: 7 }));
  expect(world.runtime.stops.map(({ grace }) => grace)).toEqual([0, 7]);
  expect(world.engine.containers.list()).toEqual([]);
});

it("replaces on the arguments that the provider replaces on, and updates the others in place", () => {
  const { replaceOn, deleteBeforeReplace } = world.model(CONTAINER);
  expect(deleteBeforeReplace).toBe(true);
  for (const name of ["name", "image", "command", "envs", "networksAdvanced", "volumes", "ports", "uploads", "labels", "user", "capabilities", "stopTimeout"]) expect(replaceOn).toContain(name);
  for (const name of ["restart", "memory", "cpuShares", "maxRetryCount", "mustRun", "healthcheck", "wait", "destroyGraceSeconds"]) expect(replaceOn).not.toContain(name);
});
