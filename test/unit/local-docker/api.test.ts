/** The Engine API over its socket: as the docker command, the drills' client and recovery use it. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { FastifyInstance } from "fastify";
import { Agent, request } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DockerEngine } from "../../../drills/engine/client";
import { writeTar } from "../../../drills/engine/archive";
import { CONTAINER, NETWORK, REMOTE_IMAGE, VOLUME } from "../../../local/docker/define";
import { dockerApi } from "../../../local/docker/api/index";
import type { ResourceRecord } from "../../../local/model";
import { DockerWorld, IMAGE } from "./world";

let world: DockerWorld;
let app: FastifyInstance;
let folder: string;
let agent: Agent;
let docker: DockerEngine;
let web: ResourceRecord;

beforeEach(async () => {
  world = new DockerWorld();
  folder = mkdtempSync(path.join(tmpdir(), "stackfleet-sock-"));
  const socketPath = path.join(folder, "docker.sock");
  app = dockerApi(world.cloud.context);
  await app.listen({ path: socketPath });
  agent = new Agent({ connect: { socketPath } });
  docker = new DockerEngine({ kind: "unix", socketPath });
  await world.create(NETWORK, { name: "mesh", driver: "overlay", attachable: true, labels: [{ label: "role", value: "mesh" }] });
  await world.create(VOLUME, { name: "data" });
  web = await world.create(CONTAINER, {
    name: "web", image: IMAGE, command: ["generator"], envs: ["A=1"], labels: [{ label: "role", value: "web" }], networksAdvanced: [{ name: "mesh", aliases: ["controller"] }],
    volumes: [{ volumeName: "data", containerPath: "/data" }], ports: [{ internal: 8000, external: 18000, ip: "127.0.0.1" }],
    uploads: [{ file: "/run/secrets/key", content: "swordfish", permissions: "0400" }], healthcheck: { tests: ["CMD", "node", "healthcheck.js"], interval: "5s" },
    memory: 64, restart: "unless-stopped", stopTimeout: 4,
  });
});
afterEach(async () => {
  await docker.close();
  await agent.close();
  await app.close();
  world.close();
  rmSync(folder, { recursive: true, force: true });
});

type Method = "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
async function call(method: Method, route: string, body?: unknown): Promise<{ status: number; headers: Record<string, unknown>; json: unknown; bytes: Buffer }> {
  const raw = body instanceof Buffer;
  const reply = await request(`http://docker${route}`, {
    method, dispatcher: agent,
    ...(body !== undefined && { body: raw ? body : JSON.stringify(body), headers: { "content-type": raw ? "application/x-tar" : "application/json" } }),
  });
  const bytes = Buffer.from(await reply.body.arrayBuffer());
  const text = bytes.toString("utf8");
  return { status: reply.statusCode, headers: reply.headers, json: /^[[{]/.test(text) ? JSON.parse(text) as unknown : text, bytes };
}
const statusOf = async (method: Method, route: string, body?: unknown): Promise<number> => (await call(method, route, body)).status;
const message = async (method: Method, route: string, body?: unknown): Promise<string> => ((await call(method, route, body)).json as { message: string }).message;
const filters = (value: object): string => encodeURIComponent(JSON.stringify(value));

describe("the engine", () => {
  it("answers with and without a version in the path, and says which it speaks", async () => {
    const ping = await call("GET", "/_ping");
    expect({ status: ping.status, body: ping.json, version: ping.headers["api-version"], swarm: ping.headers["swarm"] }).toEqual({ status: 200, body: "OK", version: "1.47", swarm: "active/manager" });
    expect(await statusOf("HEAD", "/v1.44/_ping")).toBe(200);
    expect(await docker.version()).toMatchObject({ ApiVersion: "1.47" });
    expect((await call("GET", "/v1.47/info")).json).toMatchObject({ Swarm: { LocalNodeState: "active", ControlAvailable: true }, Containers: 1, ContainersRunning: 1 });
  });

  it("names what it doesn't do", async () => {
    const reply = await call("POST", "/v1.47/containers/create?name=x", { Image: "x" });
    expect(reply.headers["content-type"]).toBe("application/json"); // the docker command shows the message of no other type
    expect({ status: reply.status, body: reply.json }).toEqual({ status: 501, body: { message: "POST /containers/create is not modelled by the local cloud; extend local/docker/api/" } });
    expect(await statusOf("POST", `/containers/web/exec`, {})).toBe(501);
    expect(await statusOf("GET", "/images/x/history")).toBe(501);
  });

  it("refuses what is no JSON, and what is not as documented", async () => {
    expect(await statusOf("POST", "/networks/create", { Driver: "bridge" })).toBe(400);
    expect(await statusOf("GET", "/containers/json?filters=%7B")).toBe(400);
    expect(await message("GET", `/containers/json?filters=${filters({ colour: ["red"] })}`)).toContain("invalid filter 'colour'");
  });
});

describe("containers", () => {
  it("are listed by label, name, status, network and health", async () => {
    await world.create(CONTAINER, { name: "idle", image: IMAGE, mustRun: false });
    await docker.stop("idle");
    const names = async (query: string): Promise<string[]> => ((await call("GET", `/containers/json?${query}`)).json as { Names: string[] }[]).flatMap(({ Names }) => Names);
    expect(await names("")).toEqual(["/web"]);
    expect(await names("all=1")).toEqual(["/idle", "/web"]);
    expect(await names("all=true&limit=1")).toEqual(["/idle"]);
    expect(await names(`all=1&filters=${filters({ label: ["role=web"] })}`)).toEqual(["/web"]);
    expect(await names(`filters=${filters({ status: ["exited"] })}`)).toEqual(["/idle"]);
    expect(await names(`all=1&filters=${filters({ network: { mesh: true } })}`)).toEqual(["/web"]);
    expect(await names(`all=1&filters=${filters({ health: ["healthy"] })}`)).toEqual(["/web"]);
    expect(await names(`all=1&filters=${filters({ name: ["id"] })}`)).toEqual(["/idle"]);
    expect(await names(`all=1&filters=${filters({ ancestor: [IMAGE] })}`)).toHaveLength(2);
  });

  it("are shown with what they were given, but for the files", async () => {
    const { json, bytes } = await call("GET", `/containers/${web.id.slice(0, 12)}/json`);
    expect(json).toMatchObject({
      Id: web.id, Name: "/web", State: { Status: "running", Running: true, ExitCode: 0, Health: { Status: "healthy" } }, RestartCount: 0,
      Config: { Hostname: web.id.slice(0, 12), Env: ["A=1"], Cmd: ["generator"], Labels: { role: "web" }, StopTimeout: 4, Healthcheck: { Test: ["CMD", "node", "healthcheck.js"], Interval: 5e9 } },
      HostConfig: { Memory: 64 * 1024 * 1024, ReadonlyRootfs: false, RestartPolicy: { Name: "unless-stopped" }, PortBindings: { "8000/tcp": [{ HostIp: "127.0.0.1", HostPort: "18000" }] } },
      Mounts: [{ Name: "data", Destination: "/data", RW: true }],
      NetworkSettings: { Networks: { mesh: { Aliases: ["controller"], IPAddress: world.state(web).address, DNSNames: ["web", web.id.slice(0, 12), "controller"] } } },
    });
    expect(bytes.toString()).not.toContain("swordfish");
    expect(await message("GET", "/containers/nobody/json")).toBe("No such container: nobody");
    expect(await statusOf("GET", "/containers/nobody/json")).toBe(404);
  });

  it("are stopped, started and restarted, with 304 where nothing changes", async () => {
    expect(await statusOf("POST", "/containers/web/start")).toBe(304);
    expect(await statusOf("POST", "/containers/web/stop")).toBe(204);
    expect(world.runtime.stops.at(-1)?.grace).toBeUndefined(); // its own: four seconds
    expect(world.state(web).spec.stopGraceSeconds).toBe(4);
    expect(await statusOf("POST", "/containers/web/stop?t=1")).toBe(304);
    expect(await docker.inspect("web")).toMatchObject({ State: { Status: "exited", Running: false, ExitCode: 143 }, NetworkSettings: { Networks: { mesh: { IPAddress: "" } } } });
    expect(await statusOf("POST", "/containers/web/start")).toBe(204);
    expect(await statusOf("POST", "/containers/web/restart?t=0")).toBe(204);
    expect(world.runtime.stops.at(-1)?.grace).toBe(0);
  });

  it("stay ended when they are killed, whatever their restart policy", async () => {
    expect(await statusOf("POST", "/containers/web/kill?signal=SIGKILL")).toBe(204);
    expect(await docker.inspect("web")).toMatchObject({ State: { Status: "exited", ExitCode: 137 } });
    expect(await message("POST", "/containers/web/kill")).toMatch(/^cannot kill container: .* is not running$/);
    expect(await statusOf("POST", "/containers/web/kill")).toBe(409);
    await docker.start("web");
    expect(await message("POST", "/containers/web/kill?signal=SIGNONSENSE")).toBe("invalid signal: SIGNONSENSE");
    expect(await statusOf("POST", "/containers/web/kill?signal=hup")).toBe(204);
    expect(world.runtime.signals.at(-1)).toBe("SIGHUP");
  });

  it("give their logs in frames", async () => {
    world.runtime.lines.set(world.state(web).spec.id, ["one", "two"]);
    const { headers, bytes } = await call("GET", "/containers/web/logs?stdout=1&stderr=1&tail=1");
    expect(headers["content-type"]).toBe("application/vnd.docker.multiplexed-stream");
    expect([...bytes.subarray(0, 8)]).toEqual([1, 0, 0, 0, 0, 0, 0, 4]);
    expect(bytes.subarray(8).toString()).toBe("two\n");
    expect(await statusOf("GET", "/containers/web/logs")).toBe(400);
    expect(await statusOf("GET", "/containers/web/logs?stdout=1&timestamps=1")).toBe(501);
  });

  it("are waited for", async () => {
    const waiting = call("POST", "/containers/web/wait");
    await docker.kill("web");
    expect((await waiting).json).toEqual({ StatusCode: 137 });
    expect(await statusOf("POST", "/containers/web/wait?condition=removed")).toBe(501);
  });

  it("are removed when they don't run, or by force; their stack finds them gone", async () => {
    expect(await statusOf("DELETE", "/containers/web")).toBe(409);
    expect(await statusOf("DELETE", "/containers/web?force=1")).toBe(204);
    expect(await world.read(web)).toBeUndefined();
    expect(world.cloud.ledger.list().at(-2)).toMatchObject({ operation: "delete", id: web.id, result: "ok" });
  });
});

describe("networks", () => {
  it("are listed and shown with who is on them", async () => {
    expect((await docker.networks({ label: ["role=mesh"] })).map(({ Name }) => Name)).toEqual(["mesh"]);
    expect((await docker.networks({})).map(({ Name }) => Name)).toEqual(["bridge", "host", "none", "docker_gwbridge", "ingress", "mesh"]);
    expect((await call("GET", "/networks/mesh")).json).toMatchObject({ Driver: "overlay", Scope: "swarm", Attachable: true, Containers: { [web.id]: { Name: "web" } } });
    expect(await message("GET", "/networks/nowhere")).toBe("network nowhere not found");
  });

  it("are made and removed, and containers move between them", async () => {
    const side = await docker.createNetwork({ name: "side", driver: "overlay", labels: { "stackfleet:drill": "side" } });
    expect(side).toMatch(/^[0-9a-z]{25}$/);
    expect(await statusOf("POST", "/networks/create", { Name: "side", Driver: "overlay" })).toBe(409);
    await docker.connect("side", web.id, ["controller"]);
    expect(await statusOf("POST", "/networks/side/connect", { Container: "web" })).toBe(403);
    await docker.disconnect("mesh", "web");
    expect(await message("POST", "/networks/mesh/disconnect", { Container: "web" })).toBe(`container ${web.id} is not connected to network mesh`);
    expect(Object.keys((await docker.inspect("web")).NetworkSettings.Networks)).toEqual(["side"]);
    expect(world.runtime.networksOf(world.state(web).spec.id)).toEqual([{ name: "side", aliases: ["web", web.id.slice(0, 12), "controller"] }]);
    expect((await world.read(web))?.outputs["networkDatas"]).toMatchObject([{ networkName: "side" }]);
    expect(await message("DELETE", "/networks/side")).toContain("has active endpoints");
    await docker.connect("mesh", "web", ["controller"]);
    await docker.disconnect("side", "web");
    await docker.removeNetwork(side);
    expect(await docker.network("side")).toBeUndefined();
    expect(await statusOf("DELETE", "/networks/bridge")).toBe(403);
  });

  it("of a stack, removed by hand, are found gone", async () => {
    const plain = await world.create(NETWORK, { name: "plain" });
    expect(await statusOf("DELETE", "/networks/plain")).toBe(204);
    expect(await world.read(plain)).toBeUndefined();
  });

  it("refuse strangers", async () => {
    await world.create(NETWORK, { name: "closed", driver: "overlay" });
    expect(await message("POST", "/networks/closed/connect", { Container: "web" })).toContain("not manually attachable");
    expect(await statusOf("POST", "/networks/nowhere/connect", { Container: "web" })).toBe(404);
    expect(await statusOf("POST", "/networks/mesh/connect", { Container: "nobody" })).toBe(404);
    expect(await statusOf("POST", "/networks/create", { Name: "x", Driver: "macvlan" })).toBe(501);
  });
});

describe("volumes and images", () => {
  it("are listed and shown", async () => {
    expect((await call("GET", "/volumes")).json).toMatchObject({ Volumes: [{ Name: "data", Driver: "local", Mountpoint: path.join(world.dir, "volumes", "data") }] });
    expect((await call("GET", "/volumes/data")).json).toMatchObject({ Name: "data" });
    expect(await message("GET", "/volumes/nope")).toBe("get nope: no such volume");
    await world.create(REMOTE_IMAGE, { name: IMAGE });
    const [image] = (await call("GET", "/images/json")).json as { Id: string; RepoTags: string[] }[];
    expect(image?.RepoTags).toEqual([IMAGE]);
    expect((await call("GET", `/images/${IMAGE}/json`)).json).toMatchObject({ Id: image?.Id });
    expect(await message("GET", "/images/a%2Fb:1/json")).toBe("No such image: a/b:1");
  });
});

describe("copies", () => {
  const volume = (...names: string[]): string => path.join(world.dir, "volumes", "data", ...names);
  const put = async (folderInside: string, files: Parameters<typeof writeTar>[0]): Promise<{ status: number; json: unknown }> =>
    call("PUT", `/containers/web/archive?path=${encodeURIComponent(folderInside)}`, await writeTar(files));
  const file = (name: string, content: string, mode = 0o640): Parameters<typeof writeTar>[0][number] => ({ name, content: Buffer.from(content), mode, uid: 0, gid: 0 });

  it("go out of a volume and into it, running or not", async () => {
    mkdirSync(volume("chunks"));
    writeFileSync(volume("chunks", "0.abc"), "content", { mode: 0o600 });
    expect(await docker.getFiles("web", "/data/chunks")).toMatchObject([{ name: "chunks/0.abc", content: Buffer.from("content"), mode: 0o600 }]);
    expect(await docker.getFiles("web", "/data/chunks/0.abc")).toMatchObject([{ name: "0.abc" }]);
    expect(await docker.getFiles("web", "/data/nothing")).toBeUndefined();
    await docker.stop("web");
    await docker.putFiles("web", "/data/chunks", [file("0.abc", "changed")]);
    expect(readFileSync(volume("chunks", "0.abc"), "utf8")).toBe("changed");
    expect(statSync(volume("chunks", "0.abc")).mode & 0o777).toBe(0o640);
  });

  it("carry large files whole", async () => {
    const content = Buffer.alloc(5_000_000, "abc");
    await docker.putFiles("web", "/data", [{ name: "large", content, mode: 0o600, uid: 0, gid: 0 }]);
    const [large] = await docker.getFiles("web", "/data/large") ?? [];
    expect(large?.content.equals(content)).toBe(true);
  });

  it("tell of a path without its content", async () => {
    writeFileSync(volume("x"), "12345", { mode: 0o644 });
    const stat = (header: unknown): unknown => JSON.parse(Buffer.from(String(header), "base64").toString());
    expect(stat((await call("HEAD", "/containers/web/archive?path=/data/x")).headers["x-docker-container-path-stat"])).toMatchObject({ name: "x", size: 5, mode: 0o644, linkTarget: "" });
    expect(stat((await call("HEAD", "/containers/web/archive?path=/data/")).headers["x-docker-container-path-stat"])).toMatchObject({ name: "data", mode: 2 ** 31 + (statSync(volume()).mode & 0o777) });
    expect(await statusOf("HEAD", "/containers/web/archive?path=/data/y")).toBe(404);
  });

  it("give the files that the container was given, and nothing else of the machine", async () => {
    expect(await docker.getFiles("web", "/run/secrets/key")).toMatchObject([{ name: "key", content: Buffer.from("swordfish"), mode: 0o400 }]);
    for (const outside of ["/etc/passwd", "/data/../etc/passwd", "/", "/data/../../../../etc/passwd", "/database"]) {
      expect({ outside, files: await docker.getFiles("web", outside) }).toEqual({ outside, files: undefined });
    }
    expect((await put("/etc", [file("passwd", "x")])).status).toBe(404);
    expect((await put("/", [file("etc/passwd", "x")])).status).toBe(404);
    expect((await put("/", [file("data/fine", "x")])).status).toBe(200);
  });

  it("don't leave the volume by names or links", async () => {
    const outside = path.join(world.dir, "outside");
    mkdirSync(outside);
    writeFileSync(path.join(outside, "secret"), "mine");
    symlinkSync(outside, volume("way-out"));
    symlinkSync(path.join(outside, "secret"), volume("link"));
    expect((await put("/data", [file("../escaped", "x")])).json).toMatchObject({ message: expect.stringContaining("breakout attempt") });
    expect((await put("/data/way-out", [file("secret", "x")])).status).not.toBe(200);
    expect((await put("/data", [file("way-out/secret", "x")])).status).toBe(400);
    expect((await put("/data", [file("link", "replaced")])).status).toBe(200); // the link itself goes
    expect(readFileSync(path.join(outside, "secret"), "utf8")).toBe("mine");
    expect(await statusOf("GET", "/containers/web/archive?path=/data/way-out/secret")).toBe(400);
    symlinkSync(path.join(outside, "secret"), volume("another"));
    expect(await docker.getFiles("web", "/data/another")).toEqual([]); // a link, not what it points to
  });

  it("respect volumes that are mounted read-only, and kinds", async () => {
    await world.create(CONTAINER, { name: "reader", image: IMAGE, volumes: [{ volumeName: "data", containerPath: "/data", readOnly: true }] });
    const archive = await writeTar([file("x", "x")]);
    expect(await statusOf("PUT", "/containers/reader/archive?path=/data", archive)).toBe(403);
    mkdirSync(volume("x"));
    expect(await statusOf("PUT", "/containers/web/archive?path=/data&noOverwriteDirNonDir=true", archive)).toBe(400);
    expect(await statusOf("PUT", "/containers/web/archive?path=/data", Buffer.from("no archive at all, but more than a few bytes of it"))).toBe(400);
  });
});
