/** A controller for tests: keeps files in memory that several may share, and fails in the ways it is told to. */
import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { ErrorCode } from "../../../workloads/chunkstore/contract/clientApi";

export interface StoredFile { readonly content: Buffer; readonly upload: string; readonly tags: readonly string[]; readonly sha256: string }

/** What a cluster's controllers share. */
export class FakeCluster {
  readonly files = new Map<string, StoredFile>();
  readonly tokens = new Set<string>(["token"]);

  put(name: string, content: Buffer, tags: readonly string[] = []): StoredFile {
    const file = { content, tags, upload: randomUUID(), sha256: createHash("sha256").update(content).digest("hex") };
    this.files.set(name, file);
    return file;
  }
}

/** Answers a request by itself; true when it did. */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse, controller: FakeController) => boolean | Promise<boolean>;

export class FakeController {
  /** `METHOD path` of all requests, in order. */
  readonly requests: string[] = [];
  /** Headers of all requests, in order. */
  readonly headers: IncomingMessage["headers"][] = [];
  misbehave: Misbehaviour = () => false;
  endpoint = "";
  private constructor(readonly cluster: FakeCluster, private readonly server: Server) {}

  static async start(cluster = new FakeCluster(), port = 0): Promise<FakeController> {
    const server = createServer((request, response) => {
      controller.handle(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    const controller = new FakeController(cluster, server);
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    controller.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    onTestFinished(() => controller.stop());
    return controller;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method} ${request.url}`);
    this.headers.push(request.headers);
    if (await this.misbehave(request, response, this)) return;
    const url = new URL(request.url ?? "/", "http://fake");
    if (url.pathname === "/v1/login") return this.login(request, response);
    if (url.pathname === "/health") return json(response, 200, health());
    if (!this.cluster.tokens.has((request.headers.authorization ?? "").replace("Bearer ", ""))) return refuse(response, 401, "token-expired", "the token has expired");
    if (url.pathname === "/v1/cluster") return json(response, 200, clusterStatus());
    if (url.pathname === "/v1/files") return this.list(url, response);
    const [, encoded = "", rest] = /^\/v1\/files\/([^/]+)(\/locations)?$/.exec(url.pathname) ?? [];
    const name = decodeURIComponent(encoded);
    if (request.method === "PUT") return this.receive(name, url, request, response);
    const file = this.cluster.files.get(name);
    if (file === undefined) return refuse(response, 404, "file-not-found", `no such file: ${name}`);
    if (rest !== undefined) return json(response, 200, { name, upload: file.upload, chunks: [{ index: 0, sha256: file.sha256, size: file.content.length, chunkservers: ["cs-1", "cs-2"] }] });
    if (request.method === "DELETE") {
      this.cluster.files.delete(name);
      return json(response, 200, { name, deleted: true });
    }
    return this.send(file, request, response);
  }

  private async login(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { user, password } = JSON.parse((await bodyOf(request)).toString()) as { user: string; password: string };
    if (password !== "secret") return refuse(response, 401, "wrong-credentials", "user or password is wrong");
    json(response, 200, { token: "token", user, expiresAt: "2030-01-01T00:00:00.000Z" });
  }

  private list(url: URL, response: ServerResponse): void {
    const tags = url.searchParams.getAll("tag");
    const files = [...this.cluster.files].filter(([, { tags: own }]) => tags.every((tag) => own.includes(tag)));
    json(response, 200, { files: files.map(([name, file]) => entryOf(name, file)).sort((a, b) => (a.name < b.name ? -1 : 1)) });
  }

  private async receive(name: string, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const content = await bodyOf(request).catch(() => undefined);
    if (content === undefined) return; // broke off: nothing is stored
    const announced = request.headers["x-content-sha256"];
    if (announced !== undefined && announced !== createHash("sha256").update(content).digest("hex")) return refuse(response, 422, "checksum-mismatch", "other content than announced");
    json(response, 201, entryOf(name, this.cluster.put(name, content, url.searchParams.getAll("tag"))));
  }

  private send(file: StoredFile, request: IncomingMessage, response: ServerResponse): void {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    if (request.headers["if-match"] !== undefined && request.headers["if-match"] !== `"${file.upload}"`) return refuse(response, 412, "file-changed", "the file was changed");
    response.writeHead(request.headers.range === undefined ? 200 : 206, contentHeaders(file, from));
    response.end(file.content.subarray(from));
  }
}

export function contentHeaders(file: StoredFile, from = 0): Record<string, string> {
  const size = file.content.length;
  return {
    "content-length": String(size - from), etag: `"${file.upload}"`, "x-content-sha256": file.sha256, "accept-ranges": "bytes",
    ...(from > 0 && { "content-range": `bytes ${from}-${size - 1}/${size}` }),
  };
}

export function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

export function refuse(response: ServerResponse, status: number, code: ErrorCode, message: string, headers: Record<string, string> = {}): void {
  json(response, status, { error: { code, message } }, headers);
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Misbehaves for so many requests that match, then no more. */
export function times(count: number, pattern: RegExp, misbehaviour: Misbehaviour): Misbehaviour {
  let left = count;
  return (request, response, controller) => left > 0 && pattern.test(`${request.method} ${request.url}`) && (left--, misbehaviour(request, response, controller));
}

/** Sends so many bytes of a file from where it was asked to start, and breaks the connection. */
export function cutAfter(bytes: number): Misbehaviour {
  return (request, response, { cluster }) => {
    const name = decodeURIComponent(/files\/([^/?]+)/.exec(request.url ?? "")?.[1] ?? "");
    const file = cluster.files.get(name);
    if (file === undefined) return false;
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, contentHeaders(file, from));
    response.write(file.content.subarray(from, from + bytes), () => response.destroy());
    return true;
  };
}

function entryOf(name: string, { content, sha256, tags }: StoredFile): Record<string, unknown> & { readonly name: string } {
  return { name, size: content.length, sha256, tags, owner: "admin", modifiedAt: "2026-01-02T03:04:05.000Z", replicas: 5 };
}

function health(): unknown {
  return { status: "ok", role: "controller", nodeId: "c-1", version: "1", uptimeSeconds: 1, controllers: 3, chunkservers: 5, reasons: [] };
}

function clusterStatus(): unknown {
  const server = (id: string, alive: boolean) => ({ id, address: "127.0.0.9", alive, secondsSinceSeen: 0.5, capacityBytes: 10 * 2 ** 30, freeBytes: 2 ** 30, chunks: 12 });
  return {
    nodeId: "c-1", controllers: [{ id: "c-1", address: "127.0.0.8", alive: true, secondsSinceSeen: 0 }], chunkservers: [server("cs-1", true), server("cs-2", false)],
    replicationFactor: "all", files: 3, deletedNames: 1, chunks: 12, underReplicatedChunks: 2, metadataDigest: "abcdef0123456789", clockOffsetMs: 3,
  };
}
