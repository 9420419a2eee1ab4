/** The clients' API of one controller, as bare requests: for tests that look at statuses and headers. */
import { Agent, request } from "undici";
import type { ClusterStatus, FileEntry, FileLocations, LoginReply } from "../../workloads/chunkstore/contract/clientApi";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

type Body = Buffer | string | AsyncIterable<Uint8Array> | null;

export class ApiClient {
  readonly #agent = new Agent({ headersTimeout: 60_000, bodyTimeout: 60_000 });

  constructor(readonly url: string, readonly token: string | undefined) {}

  static async login(url: string, user: string, password: string): Promise<ApiClient> {
    const open = new ApiClient(url, undefined);
    const answer = await open.send("POST", "/v1/login", { body: JSON.stringify({ user, password }), headers: { "content-type": "application/json" } });
    await open.close();
    if (answer.status !== 200) throw new Error(`login: ${answer.status} ${answer.body.toString()}`);
    return new ApiClient(url, (JSON.parse(answer.body.toString()) as LoginReply).token);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async send(method: "GET" | "PUT" | "POST" | "DELETE" | "HEAD" | "PATCH", path: string, options: { readonly body?: Body; readonly headers?: Record<string, string>; readonly signal?: AbortSignal } = {}): Promise<Answer> {
    const headers = { ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }), ...options.headers };
    const answer = await request(this.url + path, { dispatcher: this.#agent, method, headers, body: (options.body ?? null) as never, ...(options.signal && { signal: options.signal }) });
    return { status: answer.statusCode, headers: answer.headers, body: Buffer.from(await answer.body.arrayBuffer()) };
  }

  async put(name: string, data: Buffer, headers: Record<string, string> = {}, query = ""): Promise<Answer> {
    return this.send("PUT", `/v1/files/${encodeURIComponent(name)}${query}`, { body: data, headers: { "content-length": String(data.length), ...headers } });
  }

  /** Stores a file, or throws with the refusal. */
  async upload(name: string, data: Buffer, query = ""): Promise<FileEntry> {
    const answer = await this.put(name, data, {}, query);
    if (answer.status !== 201) throw new Error(`upload: ${answer.status} ${answer.body.toString()}`);
    return JSON.parse(answer.body.toString()) as FileEntry;
  }

  async get(name: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send("GET", `/v1/files/${encodeURIComponent(name)}`, { headers });
  }

  /** The content, or throws with the refusal. */
  async download(name: string): Promise<Buffer> {
    const answer = await this.get(name);
    if (answer.status !== 200) throw new Error(`download: ${answer.status} ${answer.body.toString()}`);
    return answer.body;
  }

  async remove(name: string): Promise<Answer> {
    return this.send("DELETE", `/v1/files/${encodeURIComponent(name)}`);
  }

  async list(query = ""): Promise<FileEntry[]> {
    return (await this.json<{ files: FileEntry[] }>(`/v1/files${query}`)).files;
  }

  async locations(name: string): Promise<FileLocations> {
    return this.json(`/v1/files/${encodeURIComponent(name)}/locations`);
  }

  async cluster(): Promise<ClusterStatus> {
    return this.json("/v1/cluster");
  }

  async json<T>(path: string): Promise<T> {
    const answer = await this.send("GET", path);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.body.toString()}`);
    return JSON.parse(answer.body.toString()) as T;
  }
}

/** Code of a refusal. */
export function codeOf({ body }: Answer): string {
  return (JSON.parse(body.toString()) as { error: { code: string } }).error.code;
}
