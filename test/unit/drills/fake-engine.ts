/** A Docker Engine API of containers that do nothing: states, networks and files, over a unix socket as the real one. */
import fastify, { type FastifyInstance } from "fastify";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { onTestFinished } from "vitest";
import { readTar, writeTar, type TarFile } from "../../../drills/engine/archive";
import { Readable } from "node:stream";

export interface FakeContainer {
  running: boolean;
  readonly networks: Map<string, { aliases: string[]; address: string }>;
  readonly files: Map<string, TarFile>;
}

export class FakeEngine {
  readonly containers = new Map<string, FakeContainer>();
  readonly networks = new Map<string, { driver: string; labels: Record<string, string> }>();
  /** Changing calls in order. */
  readonly calls: string[] = [];
  /** Calls that are refused, by their text. */
  readonly refused = new Map<string, number>();
  readonly socketPath: string;
  private readonly app: FastifyInstance = fastify();
  private addresses = 2;

  constructor() {
    const folder = mkdtempSync(path.join(tmpdir(), "engine-"));
    this.socketPath = path.join(folder, "docker.sock");
    onTestFinished(async () => {
      await this.app.close();
      rmSync(folder, { recursive: true, force: true });
    });
    this.app.addContentTypeParser("application/x-tar", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    this.routes();
  }

  async listen(): Promise<this> {
    await this.app.listen({ path: this.socketPath });
    return this;
  }

  add(name: string, network: string, aliases: string[]): void {
    this.networks.set(network, this.networks.get(network) ?? { driver: "overlay", labels: {} });
    this.containers.set(name, { running: true, networks: new Map([[network, { aliases, address: this.address() }]]), files: new Map() });
  }

  /** Puts a file into a container. */
  file(name: string, inside: string, content: Buffer): void {
    this.containers.get(name)?.files.set(inside, { name: inside, content, mode: 0o640, uid: 1000, gid: 1000 });
  }

  private address(): string {
    return `10.0.0.${this.addresses++}`;
  }

  private routes(): void {
    const { app } = this;
    app.setErrorHandler((error: { statusCode?: number; message: string }, _request, reply) => void reply.code(error.statusCode ?? 500).send({ message: error.message }));
    app.get("/version", () => ({ ApiVersion: "1.47", Version: "27.0.0" }));
    app.get<{ Params: { id: string } }>("/containers/:id/json", ({ params }) => this.inspect(params.id));
    for (const verb of ["start", "stop", "restart", "kill"] as const) {
      app.post<{ Params: { id: string } }>(`/containers/:id/${verb}`, ({ params: { id } }, reply) => {
        const container = this.container(id);
        this.did(`${verb} ${id}`);
        const same = (verb === "start" && container.running) || (verb === "stop" && !container.running);
        container.running = verb === "start" || verb === "restart";
        return reply.code(same ? 304 : 204).send();
      });
    }
    app.get<{ Querystring: { filters?: string } }>("/networks", ({ query }) => {
      const { name = [] } = JSON.parse(query.filters ?? "{}") as { name?: string[] };
      return [...this.networks].filter(([network]) => name.length === 0 || name.some((part) => network.includes(part))).map(([Name, { driver, labels }]) => ({ Id: `id-${Name}`, Name, Driver: driver, Attachable: true, Labels: labels }));
    });
    app.post<{ Body: { Name: string; Driver: string; Labels: Record<string, string> } }>("/networks/create", ({ body }, reply) => {
      this.did(`create ${body.Name}`);
      this.networks.set(body.Name, { driver: body.Driver, labels: body.Labels });
      return reply.code(201).send({ Id: `id-${body.Name}`, Warning: "" });
    });
    app.delete<{ Params: { name: string } }>("/networks/:name", ({ params: { name } }, reply) => {
      this.did(`remove ${name}`);
      if (!this.networks.delete(name)) return reply.code(404).send({ message: `network ${name} not found` });
      return reply.code(204).send();
    });
    app.post<{ Params: { name: string }; Body: { Container: string; EndpointConfig: { Aliases: string[] } } }>("/networks/:name/connect", ({ params: { name }, body }) => {
      this.did(`connect ${name} ${body.Container}`);
      this.container(body.Container).networks.set(name, { aliases: body.EndpointConfig.Aliases, address: this.address() });
      return null;
    });
    app.post<{ Params: { name: string }; Body: { Container: string } }>("/networks/:name/disconnect", ({ params: { name }, body }) => {
      this.did(`disconnect ${name} ${body.Container}`);
      this.container(body.Container).networks.delete(name);
      return null;
    });
    app.get<{ Params: { id: string }; Querystring: { path: string } }>("/containers/:id/archive", async ({ params: { id }, query }, reply) => {
      const found = [...this.container(id).files].filter(([name]) => name === query.path || name.startsWith(`${query.path}/`));
      if (found.length === 0) return reply.code(404).send({ message: `Could not find the file ${query.path} in container ${id}` });
      const base = path.posix.dirname(query.path);
      return reply.type("application/x-tar").send(await writeTar(found.map(([name, file]) => ({ ...file, name: path.posix.relative(base, name) }))));
    });
    app.put<{ Params: { id: string }; Querystring: { path: string }; Body: Buffer }>("/containers/:id/archive", async ({ params: { id }, query, body }) => {
      this.did(`put ${id} ${query.path}`);
      for (const file of await readTar(Readable.from([body]))) this.container(id).files.set(path.posix.join(query.path, file.name), file);
      return null;
    });
  }

  private did(call: string): void {
    this.calls.push(call);
    const status = this.refused.get(call);
    if (status !== undefined) throw Object.assign(new Error(`${call} is refused`), { statusCode: status });
  }

  private container(id: string): FakeContainer {
    const found = this.containers.get(id);
    if (found === undefined) throw Object.assign(new Error(`No such container: ${id}`), { statusCode: 404 });
    return found;
  }

  private inspect(id: string): object {
    const { running, networks } = this.container(id);
    return {
      Id: `${id}${"0".repeat(64)}`.slice(0, 64), Name: `/${id}`, State: { Status: running ? "running" : "exited", Running: running, Health: { Status: "healthy" } },
      Config: { Env: ["DATA_DIR=/data"], Labels: {} },
      NetworkSettings: { Networks: Object.fromEntries([...networks].map(([name, { aliases, address }]) => [name, { NetworkID: `id-${name}`, IPAddress: address, Aliases: aliases }])) },
    };
  }
}
