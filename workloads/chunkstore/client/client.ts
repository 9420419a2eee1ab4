/** A client of the chunk store: any of a cluster's controllers will do, and which one does is decided anew for each request. */
import type { z } from "zod";
import {
  clusterStatusSchema, deleteReplySchema, fileListSchema, fileLocationsSchema, healthSchema, loginReplySchema, loginRequestSchema,
  type ClusterStatus, type FileEntry, type FileLocations, type Health, type LoginReply,
} from "../contract/clientApi";
import { openFile, type OpenFile } from "./download";
import { Endpoints, parseEndpoints } from "./endpoints";
import { ChunkStoreError, type AttemptFailed } from "./errors";
import { Exchange, type ExchangeRequest, type Timeouts } from "./exchange";
import { tryEach, type FailoverOptions, type Pause } from "./failover";
import { PartFile, resolveTarget } from "./save";
import type { UploadSource } from "./source";
import { filePath, tagQuery, upload, type OnProgress, type TransferContext, type UploadOptions } from "./upload";

export interface ClientOptions {
  /** Controllers as `http://host:port`, `host:port` or `host`. */
  readonly endpoints: readonly string[];
  /** Of an earlier {@link ChunkStoreClient.login}. */
  readonly token?: string;
  /** The controller to try first. */
  readonly lastGood?: string;
  readonly timeouts?: Partial<Timeouts>;
  /** Told whenever a controller fails and another one is tried. */
  readonly onFailover?: (failed: AttemptFailed, next: string) => void;
  /** Waits between attempts; tests give their own. */
  readonly pause?: Pause;
}

interface Common { readonly signal?: AbortSignal | undefined }

export interface DownloadOptions extends Common {
  /** Overwrite. @default false */
  readonly force?: boolean;
  readonly onProgress?: OnProgress;
}

export interface Downloaded {
  readonly name: string;
  /** Where it was put. */
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** Controllers that took part, in order. */
  readonly controllers: readonly string[];
}

/** Beginnings of one download, when the file is replaced or what arrives is wrong. */
const MOST_RESTARTS = 3;

/**
 * All methods throw {@link ChunkStoreError}. Requests fail over on broken connections, time limits, answers of 5xx and answers that
 * make no sense; what a controller refuses for a reason is refused at once.
 */
export class ChunkStoreClient {
  private readonly exchange: Exchange;
  private readonly endpoints: Endpoints;
  private readonly failover: Pick<FailoverOptions, "onFailover" | "pause">;
  private token: string | undefined;

  constructor(options: ClientOptions) {
    this.endpoints = new Endpoints(parseEndpoints(options.endpoints), options.lastGood);
    this.exchange = new Exchange(options.timeouts);
    this.token = options.token;
    this.failover = { ...(options.onFailover && { onFailover: options.onFailover }), ...(options.pause && { pause: options.pause }) };
  }

  /** The controller that did the last request. */
  get lastGood(): string | undefined {
    return this.endpoints.lastGood;
  }

  /** Begins the next request with this controller, which must be one of {@link controllers}. */
  prefer(endpoint: string): void {
    if (!this.endpoints.all.includes(endpoint)) throw new ChunkStoreError("usage", `endpoint: not one of this client's; got ${endpoint}; expected one of ${this.endpoints.all.join(", ")}`);
    this.endpoints.good(endpoint);
  }

  /** Origins of all controllers, as given. */
  get controllers(): readonly string[] {
    return this.endpoints.all;
  }

  /** Keeps the token for what follows. @throws `wrong-credentials`, `too-many-requests` */
  async login(user: string, password: string, { signal }: Common = {}): Promise<LoginReply> {
    const request = loginRequestSchema.safeParse({ user, password });
    // The password itself must not appear in what is printed.
    if (!request.success) throw new ChunkStoreError("usage", `login: ${request.error.issues.map(({ path }) => path.join(".")).join(" and ")} out of bounds; expected a user of 1 to 128 and a password of 1 to 1024 characters`);
    const reply = await this.ask({ method: "POST", path: "/v1/login", body: JSON.stringify(request.data), headers: { "content-type": "application/json" }, signal }, loginReplySchema);
    this.token = reply.token;
    return reply;
  }

  /** Files that have all the tags, sorted by name. */
  async list(tags: readonly string[] = [], { signal }: Common = {}): Promise<readonly FileEntry[]> {
    return (await this.ask({ method: "GET", path: `/v1/files${tagQuery(tags)}`, headers: this.authorization(), signal }, fileListSchema)).files;
  }

  /** Stores content durably. Begins again at another controller when a connection breaks: then a second version may be written, of the same content. */
  async upload(source: UploadSource, options: UploadOptions = {}): Promise<FileEntry> {
    return upload(source, options, this.transfer());
  }

  /** A file's content as a stream, verified at its end. */
  async open(name: string, { signal }: Common = {}): Promise<OpenFile> {
    return openFile(name, { signal }, this.transfer());
  }

  /** A small file's content, verified. */
  async content(name: string, options: Common = {}): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of (await this.open(name, options)).pieces()) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /**
   * Saves a file: written beside the target, verified, made durable, and put in place at once.
   * @param target a path; a folder gets the file under its own name
   * @throws `target-exists`, `file-unusable`, `file-not-found`…; then nothing is left behind
   */
  async download(name: string, target: string, options: DownloadOptions = {}): Promise<Downloaded> {
    filePath(name); // a name that is refused must not become a path
    const { force = false } = options;
    const path = await resolveTarget(target, name, force);
    for (let restarts = 0; ; restarts++) {
      try {
        const file = await this.open(name, options);
        await this.save(file, path, options, force);
        return { name, path, size: file.size, sha256: file.sha256, controllers: file.controllers };
      } catch (error) {
        const again = error instanceof ChunkStoreError && (error.code === "file-changed" || error.code === "checksum-mismatch");
        if (!again || restarts === MOST_RESTARTS) throw error;
        // Whoever sent it last is asked last.
        if (this.endpoints.lastGood !== undefined) this.endpoints.good(this.endpoints.orderAfter(this.endpoints.lastGood)[0] ?? this.endpoints.lastGood);
      }
    }
  }

  /** @throws `file-not-found` */
  async delete(name: string, { signal }: Common = {}): Promise<void> {
    await this.ask({ method: "DELETE", path: filePath(name), headers: this.authorization(), signal }, deleteReplySchema, { codes: ["file-not-found"] });
  }

  /** Which chunkservers hold which chunk. @throws `file-not-found` */
  async locations(name: string, { signal }: Common = {}): Promise<FileLocations> {
    return this.ask({ method: "GET", path: `${filePath(name)}/locations`, headers: this.authorization(), signal }, fileLocationsSchema, { codes: ["file-not-found"] });
  }

  /** What a controller knows of the cluster. @param endpoint ask this one alone */
  async cluster({ signal, endpoint }: Common & { readonly endpoint?: string } = {}): Promise<ClusterStatus> {
    const request: ExchangeRequest = { method: "GET", path: "/v1/cluster", headers: this.authorization(), signal };
    return endpoint === undefined ? this.ask(request, clusterStatusSchema) : this.askOne(endpoint, request, clusterStatusSchema);
  }

  /** Needs no login. @param endpoint ask this one alone @throws `no-controller`, also for one that is starting or stopping */
  async health({ signal, endpoint }: Common & { readonly endpoint?: string } = {}): Promise<Health> {
    const request: ExchangeRequest = { method: "GET", path: "/health", signal };
    return endpoint === undefined ? this.ask(request, healthSchema) : this.askOne(endpoint, request, healthSchema);
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await this.exchange.close();
  }

  private async save(file: OpenFile, path: string, { onProgress }: DownloadOptions, force: boolean): Promise<void> {
    let part: PartFile | undefined;
    try {
      part = await PartFile.create(path);
      let done = 0;
      onProgress?.(0, file.size);
      for await (const piece of file.pieces()) {
        await part.write(piece);
        onProgress?.((done += piece.length), file.size);
      }
      await part.commit(force);
    } finally {
      file.discard();
      await part?.discard();
    }
  }

  private ask<T>(request: ExchangeRequest, schema: z.ZodType<T>, doubtful?: FailoverOptions["doubtful"]): Promise<T> {
    return tryEach((endpoint) => this.exchange.json(endpoint, request, schema), { ...this.failover, endpoints: this.endpoints, signal: request.signal, ...(doubtful && { doubtful }) });
  }

  private askOne<T>(endpoint: string, request: ExchangeRequest, schema: z.ZodType<T>): Promise<T> {
    return tryEach((one) => this.exchange.json(one, request, schema), { endpoints: new Endpoints(parseEndpoints([endpoint])), signal: request.signal, rounds: 1 });
  }

  private authorization(): Readonly<Record<string, string>> {
    if (this.token === undefined) throw new ChunkStoreError("not-logged-in", "not logged in", { fix: "log in first" });
    return { authorization: `Bearer ${this.token}` };
  }

  private transfer(): TransferContext {
    const headers = this.authorization(); // before a file is opened
    return { exchange: this.exchange, endpoints: this.endpoints, authorization: () => headers, failover: this.failover };
  }
}
