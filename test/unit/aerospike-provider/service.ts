/** An HTTP server that answers as it is told, request by request, and the clients of a test. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AerospikeCloudClient } from "../../../providers/aerospike-cloud/api/client";

export interface Seen { readonly method: string; readonly path: string; readonly headers: IncomingMessage["headers"]; readonly body: string }
export type Reply = { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } | "drop";
type Script = (request: Seen, nth: number) => Reply | Promise<Reply>;

export const SECRET = "sEcret/of+a key";
export const TOKEN_PATH = "/oauth/token";

export class FakeService {
  readonly seen: Seen[] = [];
  /** Answers to everything but the token's requests. */
  script: Script = () => ({ status: 500 });
  token: Script = (_request, nth) => ({ status: 200, body: { access_token: `token-${nth}`, token_type: "Bearer", expires_in: 3600 } });
  readonly #server: Server;
  readonly #clients: AerospikeCloudClient[] = [];

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<FakeService> {
    const service = new FakeService();
    await new Promise<void>((resolve) => service.#server.listen(0, "127.0.0.1", resolve));
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  client(changes: { keyId?: string; secret?: string; clustersPath?: string; retries?: number; pauseMs?: number; graceMs?: number } = {}): AerospikeCloudClient {
    const { retries = 3, pauseMs, ...rest } = changes;
    const client = new AerospikeCloudClient({
      apiUrl: `${this.url}/v1`, tokenUrl: `${this.url}${TOKEN_PATH}`, clustersPath: "/database/clusters", keyId: "key", secret: SECRET,
      retry: { retries, minTimeout: pauseMs ?? 1, maxTimeout: pauseMs ?? 2 }, ...rest,
    });
    this.#clients.push(client);
    return client;
  }

  /** Requests for a token, or the others. */
  requests(what: "token" | "api"): Seen[] {
    return this.seen.filter(({ path }) => (path === TOKEN_PATH) === (what === "token"));
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.stop();
  }

  /** From now on nobody listens. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const seen: Seen = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks).toString("utf8") };
    this.seen.push(seen);
    const kind = seen.path === TOKEN_PATH ? "token" : "api";
    const reply = await (kind === "token" ? this.token : this.script)(seen, this.requests(kind).length);
    if (reply === "drop") return void response.destroy();
    response.writeHead(reply.status, { "content-type": "application/json", ...reply.headers });
    response.end(reply.body === undefined ? undefined : typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body));
  }
}

/** An answer that never comes. */
export const never = (): Promise<Reply> => new Promise(() => undefined);

/** A cluster as the service shows it. */
export function clusterReply(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: "00000000-0000-4000-8000-000000000001", name: "demo", createdAt: "2026-01-01T00:00:00.000Z", updatedAt: "2026-01-01T00:00:00.000Z", dataPlaneVersion: "1.4.0",
    connectionDetails: {}, health: { status: "provisioning" },
    infrastructure: { provider: "aws", instanceType: "i4i.large", region: "us-east-1", availabilityZoneCount: 2, cidrBlock: "10.128.0.0/19" },
    aerospikeCloud: { clusterSize: 2, dataStorage: "memory" }, aerospikeServer: { namespaces: [{ name: "test" }] },
    ...changes,
  };
}

/** The error that a promise ends with. */
export async function failure(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not fail");
}
