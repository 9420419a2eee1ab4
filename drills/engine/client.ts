/** A thin client of the Docker Engine API: what drills need of containers and networks, with every answer checked. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { Agent, request } from "undici";
import { z } from "zod";
import { DrillError, reasonOf } from "../errors";
import { readTar, writeTar, type TarFile } from "./archive";
import { describeHost, type EngineHost } from "./host";
import { containerSchema, containerSummarySchema, createdNetworkSchema, networkSchema, refusalSchema, versionSchema, type Container, type Network } from "./schemas";

/** An engine's refusal, with its HTTP status: 404 no such thing, 409 conflict. */
export class EngineRefusal extends DrillError {
  constructor(readonly status: number, message: string) {
    super("engine-refused", message);
    this.name = "EngineRefusal";
  }
}

type Reply = Awaited<ReturnType<typeof request>>;

interface Call {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Raw body and its type, instead of JSON. */
  readonly raw?: Buffer;
  readonly signal?: AbortSignal | undefined;
}

/** How long an engine may think: a stop takes the container's whole grace period. */
const ANSWER_TIMEOUT_MS = 120_000;

export class DockerEngine {
  private readonly agent: Agent;
  private readonly origin: string;

  constructor(readonly host: EngineHost) {
    this.origin = host.kind === "unix" ? "http://localhost" : host.origin;
    this.agent = new Agent({ headersTimeout: ANSWER_TIMEOUT_MS, bodyTimeout: ANSWER_TIMEOUT_MS, connect: { timeout: 5_000, ...connectOptions(host) } });
  }

  /** @throws DrillError `engine-unreachable` */
  async version(signal?: AbortSignal): Promise<z.infer<typeof versionSchema>> {
    return this.json({ method: "GET", path: "/version", signal }, versionSchema);
  }

  async containers(filters: Readonly<Record<string, readonly string[]>>): Promise<z.infer<typeof containerSummarySchema>[]> {
    return this.json({ method: "GET", path: "/containers/json", query: { all: "true", filters: JSON.stringify(filters) } }, z.array(containerSummarySchema));
  }

  /** @throws EngineRefusal 404 */
  async inspect(id: string, signal?: AbortSignal): Promise<Container> {
    return this.json({ method: "GET", path: `/containers/${encodeURIComponent(id)}/json`, signal }, containerSchema);
  }

  /** Nothing happens to one that runs already. */
  async start(id: string, signal?: AbortSignal): Promise<void> {
    await this.done({ method: "POST", path: `/containers/${encodeURIComponent(id)}/start`, signal });
  }

  /** Returns when it has stopped, after at most the grace period it was created with. Nothing happens to one that is stopped. */
  async stop(id: string, signal?: AbortSignal): Promise<void> {
    await this.done({ method: "POST", path: `/containers/${encodeURIComponent(id)}/stop`, signal });
  }

  async restart(id: string, signal?: AbortSignal): Promise<void> {
    await this.done({ method: "POST", path: `/containers/${encodeURIComponent(id)}/restart`, signal });
  }

  /** SIGKILL, as a crash would be. */
  async kill(id: string, signal?: AbortSignal): Promise<void> {
    await this.done({ method: "POST", path: `/containers/${encodeURIComponent(id)}/kill`, query: { signal: "SIGKILL" }, signal });
  }

  async networks(filters: Readonly<Record<string, readonly string[]>>, signal?: AbortSignal): Promise<Network[]> {
    return this.json({ method: "GET", path: "/networks", query: { filters: JSON.stringify(filters) }, signal }, z.array(networkSchema));
  }

  /** The network of exactly this name; the engine's own filter matches parts of names. */
  async network(name: string, signal?: AbortSignal): Promise<Network | undefined> {
    return (await this.networks({ name: [name] }, signal)).find((network) => network.Name === name);
  }

  /** @returns its id */
  async createNetwork(network: { readonly name: string; readonly driver: string; readonly labels: Readonly<Record<string, string>> }, signal?: AbortSignal): Promise<string> {
    const body = { Name: network.name, Driver: network.driver, Attachable: true, CheckDuplicate: true, Labels: network.labels };
    return (await this.json({ method: "POST", path: "/networks/create", body, signal }, createdNetworkSchema)).Id;
  }

  /** Nothing happens when there is none. */
  async removeNetwork(id: string, signal?: AbortSignal): Promise<void> {
    await this.done({ method: "DELETE", path: `/networks/${encodeURIComponent(id)}`, signal }, [404]);
  }

  async connect(network: string, container: string, aliases: readonly string[], signal?: AbortSignal): Promise<void> {
    await this.done({ method: "POST", path: `/networks/${encodeURIComponent(network)}/connect`, body: { Container: container, EndpointConfig: { Aliases: aliases } }, signal });
  }

  async disconnect(network: string, container: string, signal?: AbortSignal): Promise<void> {
    await this.done({ method: "POST", path: `/networks/${encodeURIComponent(network)}/disconnect`, body: { Container: container, Force: false }, signal });
  }

  /** Files at a path inside a container, running or not; undefined when the path doesn't exist. */
  async getFiles(id: string, inside: string, signal?: AbortSignal): Promise<TarFile[] | undefined> {
    const reply = await this.call({ method: "GET", path: `/containers/${encodeURIComponent(id)}/archive`, query: { path: inside }, signal });
    if (reply.statusCode === 404) {
      const message = await messageOf(reply);
      if (/no such container/i.test(message)) throw new EngineRefusal(404, message);
      return undefined;
    }
    await this.expectDone(reply, `GET archive ${inside}`);
    return readTar(reply.body);
  }

  /** Writes files into a folder inside a container, with owner and mode as given. */
  async putFiles(id: string, folder: string, files: readonly TarFile[], signal?: AbortSignal): Promise<void> {
    const raw = await writeTar(files);
    await this.done({ method: "PUT", path: `/containers/${encodeURIComponent(id)}/archive`, query: { path: folder }, raw, signal });
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async json<T>(call: Call, schema: z.ZodType<T>): Promise<T> {
    const reply = await this.call(call);
    await this.expectDone(reply, `${call.method} ${call.path}`);
    const parsed = schema.safeParse(await reply.body.json());
    if (parsed.success) return parsed.data;
    const [fault] = parsed.error.issues;
    throw new DrillError("engine-nonsense", `the Docker engine's answer to ${call.method} ${call.path} is not as documented; got ${fault?.message ?? "another form"} at ${fault?.path.join(".") ?? ""}`,
      { fix: "is it a Docker engine that listens there?" });
  }

  private async done(call: Call, allowed: readonly number[] = []): Promise<void> {
    const reply = await this.call(call);
    // 304: it is as asked already.
    if (reply.statusCode === 304 || allowed.includes(reply.statusCode)) return void (await reply.body.dump());
    await this.expectDone(reply, `${call.method} ${call.path}`);
    await reply.body.dump();
  }

  private async expectDone(reply: Reply, what: string): Promise<void> {
    if (reply.statusCode < 300) return;
    throw new EngineRefusal(reply.statusCode, `the Docker engine refused ${what}: ${await messageOf(reply)} (${reply.statusCode})`);
  }

  private async call({ method, path: route, query, body, raw, signal }: Call): Promise<Reply> {
    try {
      return await request(`${this.origin}${route}`, {
        method, dispatcher: this.agent,
        ...(query && { query }), ...(signal && { signal }),
        ...(raw ? { body: raw, headers: { "content-type": "application/x-tar" } } : body !== undefined ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {}),
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw new DrillError("engine-unreachable", `no answer from the Docker engine at ${describeHost(this.host)}: ${reasonOf(error)}`, { fix: "is it running, and may you use it?", cause: error });
    }
  }
}

async function messageOf(reply: Reply): Promise<string> {
  const text = await reply.body.text();
  try {
    return refusalSchema.parse(JSON.parse(text)).message;
  } catch {
    return text.slice(0, 200) || "no reason given"; // a proxy's page, say
  }
}

function connectOptions(host: EngineHost): object {
  if (host.kind === "unix") return { socketPath: host.socketPath };
  const { certificates } = host;
  if (certificates === undefined) return {};
  return Object.fromEntries(["ca", "cert", "key"].map((name) => [name, readFileSync(path.join(certificates, `${name}.pem`))]));
}
