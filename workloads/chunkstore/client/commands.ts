/** What the commands do, wherever they are typed: logs in, asks the cluster, prints the result. */
import { createWriteStream, promises as fs } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { FileEntry } from "../contract/clientApi";
import { ChunkStoreClient } from "./client";
import { codeOf, ChunkStoreError, interrupted } from "./errors";
import type { Timeouts } from "./exchange";
import type { Invocation } from "./program";
import { Progress, type Screen } from "./progress";
import { SessionStore, trusted, type Cluster, type Session } from "./session";
import { nearest, plural, safe, safeJson, size, time } from "./text";
import { filesView, locationsView, statusView, storedView } from "./views";
import { quoteWord } from "./words";

/** What the commands need of the world. */
export interface ChunksWorld {
  readonly cwd: string;
  /** Results. */
  readonly stdout: Screen;
  /** All else. */
  readonly stderr: Screen;
  readonly stdin: Readable;
  /** True when a question can be asked and answered. */
  readonly interactive: boolean;
  /** Both resolve to undefined at the end of input or when the signal aborts. */
  ask(question: string, signal: AbortSignal): Promise<string | undefined>;
  /** Without echo; without a terminal, one line of standard input. */
  askHidden(question: string, signal: AbortSignal): Promise<string | undefined>;
  /** Content of a file to standard output; resolves when it can take more. */
  writeContent(piece: Buffer): Promise<void>;
}

export interface ChunksTarget {
  /** Which cluster is meant. Asked once. */
  cluster(signal: AbortSignal): Promise<Cluster>;
  readonly sessionFile: string;
  /** How this program is called: `stackfleet chunks`. */
  readonly command: string;
}

export interface ChunksOptions {
  readonly world: ChunksWorld;
  readonly target: ChunksTarget;
  readonly output: "text" | "json";
  /** Commands follow each other in one process: a login that can't be kept in a file holds for them all the same. @default false */
  readonly session?: boolean;
  readonly timeouts?: Partial<Timeouts>;
}

export class ChunksCommands {
  private readonly store: SessionStore;
  private client: ChunkStoreClient | undefined;
  private cluster: Cluster | undefined;
  private session: Session | undefined;
  private progress: Progress | undefined;
  /** False once the login couldn't be written to its file. */
  private kept = true;

  constructor(private readonly options: ChunksOptions) {
    this.store = new SessionStore(options.target.sessionFile);
  }

  /** @throws ChunkStoreError with a fix that fits this command line */
  async run(invocation: Invocation, signal: AbortSignal): Promise<void> {
    try {
      await this.execute(invocation, signal);
    } catch (error) {
      this.progress?.clear();
      throw signal.aborted ? interrupted(error) : await this.explained(error, invocation, signal);
    } finally {
      this.progress = undefined;
      this.rememberController();
    }
  }

  /** Files of the cluster, for completion; none when not logged in. */
  async files(signal: AbortSignal): Promise<readonly FileEntry[]> {
    const client = await this.connected(signal);
    return this.session === undefined ? [] : client.list([], { signal });
  }

  async close(): Promise<void> {
    await this.client?.close();
  }

  private async execute(invocation: Invocation, signal: AbortSignal): Promise<void> {
    const first = this.client === undefined;
    const client = await this.connected(signal);
    if (first && !["login", "logout"].includes(invocation.command)) this.noteLeftOut(client);
    switch (invocation.command) {
      case "login": return this.login(invocation, signal);
      case "logout": return this.logout();
      case "ls": return this.ls(client, invocation.tags, signal);
      case "upload": return this.upload(client, invocation, signal);
      case "download": return this.download(client, invocation, signal);
      case "delete": return this.delete(client, invocation, signal);
      case "locations": {
        const locations = await client.locations(invocation.file, { signal });
        return this.print(locations, locationsView(locations));
      }
      case "status": {
        const status = await client.cluster({ signal });
        return this.print(status, statusView(status));
      }
    }
  }

  private async connected(signal: AbortSignal): Promise<ChunkStoreClient> {
    this.cluster ??= await this.options.target.cluster(signal);
    if (this.client === undefined) {
      this.session = this.store.find(this.cluster);
      this.client = this.newClient(this.session === undefined ? this.cluster.endpoints : trusted(this.session, this.cluster));
    }
    return this.client;
  }

  private newClient(endpoints: readonly string[]): ChunkStoreClient {
    const { options: { timeouts }, session } = this;
    return new ChunkStoreClient({
      endpoints, ...(timeouts && { timeouts }), ...(session && { token: session.token }), ...(session?.lastGood !== undefined && { lastGood: session.lastGood }),
      onFailover: (failed, next) => this.note(`${failed.message}; trying ${next}`),
    });
  }

  /** Says which controllers get no request, because the login is not for them. */
  private noteLeftOut(client: ChunkStoreClient): void {
    const others = this.cluster?.endpoints.filter((endpoint) => !client.controllers.includes(endpoint)) ?? [];
    if (others.length > 0) this.note(`not asked, because the login is not for ${others.length === 1 ? "it" : "them"}: ${others.join(", ")}`);
  }

  private async login({ user, password }: Invocation & { readonly command: "login" }, signal: AbortSignal): Promise<void> {
    const typed = password ?? await this.options.world.askHidden(`Password of ${safe(user)}: `, signal);
    if (signal.aborted) throw interrupted();
    if (typed === undefined || typed === "") throw new ChunkStoreError("usage", "password: missing; got nothing; expected one line", { fix: "type it when asked, or send it as a line through standard input" });
    const { source, endpoints } = this.cluster ?? await this.options.target.cluster(signal);
    const client = this.newClient(endpoints); // an earlier login may have been for some of them only
    const reply = await client.login(user, typed, { signal }).catch(async (error: unknown) => {
      await client.close();
      throw error;
    });
    await this.client?.close();
    this.client = client;
    this.session = { source, endpoints: [...endpoints], user: reply.user, token: reply.token, expiresAt: reply.expiresAt, ...(client.lastGood !== undefined && { lastGood: client.lastGood }) };
    this.keep(this.session);
    this.print({ user: reply.user, expiresAt: reply.expiresAt }, `logged in as ${safe(reply.user)} until ${time(reply.expiresAt)}\n`);
  }

  private async logout(): Promise<void> {
    const removed = (this.cluster !== undefined && this.kept && this.store.remove(this.cluster)) || this.session !== undefined;
    await this.client?.close();
    this.client = this.session = undefined;
    this.print({ loggedOut: removed }, removed ? "logged out\n" : "was not logged in\n");
  }

  private async ls(client: ChunkStoreClient, tags: readonly string[], signal: AbortSignal): Promise<void> {
    const files = await client.list(tags, { signal });
    if (files.length === 0 && this.options.output === "text") return void this.options.world.stderr.write(tags.length === 0 ? "no files\n" : `no files with ${tags.length === 1 ? "this tag" : "all these tags"}\n`);
    this.print(files, filesView(files));
  }

  private async upload(client: ChunkStoreClient, { file, tags, name }: Invocation & { readonly command: "upload" }, signal: AbortSignal): Promise<void> {
    const send = async (source: string): Promise<FileEntry> => {
      const bar = this.bar(`uploading ${name ?? path.basename(source)}`);
      return client.upload(source, { tags, signal, onProgress: (done, total) => bar.update(done, total), ...(name !== undefined && { name }) });
    };
    if (file === "-" && name === undefined) throw new ChunkStoreError("usage", "name: missing; got standard input without a name; expected the name to store it under", { fix: "give --name" });
    const entry = file === "-" ? await this.withStdin(send, signal) : await send(path.resolve(this.options.world.cwd, file));
    this.progress?.clear();
    this.print(entry, storedView(entry));
  }

  /** Standard input has no length, and can't be read again when a controller fails: it goes through a private file. */
  private async withStdin<T>(use: (file: string) => Promise<T>, signal: AbortSignal): Promise<T> {
    const folder = await fs.mkdtemp(path.join(tmpdir(), "stackfleet-chunks-"));
    try {
      const file = path.join(folder, "stdin");
      await pipeline(this.options.world.stdin, createWriteStream(file, { mode: 0o600 }), { signal });
      return await use(file);
    } finally {
      await fs.rm(folder, { recursive: true, force: true });
    }
  }

  private async download(client: ChunkStoreClient, { file, target, force }: Invocation & { readonly command: "download" }, signal: AbortSignal): Promise<void> {
    if (target === "-") return this.downloadToStdout(client, file, signal);
    const bar = this.bar(`downloading ${file}`);
    const { cwd } = this.options.world;
    // `folder/` must stay one, which resolving would undo.
    const place = target === undefined ? cwd : path.isAbsolute(target) ? target : path.join(cwd, target);
    const saved = await client.download(file, place, { force, signal, onProgress: (done, total) => bar.update(done, total) });
    this.progress?.clear();
    const shown = path.relative(cwd, saved.path);
    this.print({ name: saved.name, path: saved.path, size: saved.size, sha256: saved.sha256 },
      `saved ${safe(file)} to ${safe(shown.startsWith("..") ? saved.path : shown)}: ${size(saved.size)}, checksum verified\n`);
  }

  private async downloadToStdout(client: ChunkStoreClient, file: string, signal: AbortSignal): Promise<void> {
    const { stdout, writeContent } = this.options.world;
    if (stdout.isTTY === true) throw new ChunkStoreError("usage", "target: content of files could steer the terminal; got -; expected a file, a folder, or a redirection", { fix: "give a target, or pipe it elsewhere" });
    const bar = this.bar(`downloading ${file}`);
    const open = await client.open(file, { signal });
    let done = 0;
    for await (const piece of open.pieces()) {
      await writeContent(piece);
      bar.update((done += piece.length), open.size);
    }
    this.progress?.clear();
  }

  private async delete(client: ChunkStoreClient, { file, yes }: Invocation & { readonly command: "delete" }, signal: AbortSignal): Promise<void> {
    const { interactive, ask } = this.options.world;
    if (!yes) {
      if (!interactive) throw new ChunkStoreError("usage", "delete: needs a confirmation; got no terminal to ask on; expected --yes", { fix: "add --yes" });
      const answer = await ask(`Delete ${safe(file)} for everybody? [y/N] `, signal);
      if (signal.aborted) throw interrupted();
      if (!/^y(es)?$/i.test(answer?.trim() ?? "")) return void this.options.world.stderr.write("nothing was deleted\n");
    }
    await client.delete(file, { signal });
    this.print({ name: file, deleted: true }, `deleted ${safe(file)}\n`);
  }

  private bar(what: string): Progress {
    return (this.progress = new Progress(what, this.options.world.stderr));
  }

  private note(text: string): void {
    this.progress?.clear();
    this.options.world.stderr.write(`note: ${safe(text)}\n`);
  }

  private print(value: unknown, text: string): void {
    this.options.world.stdout.write(this.options.output === "json" ? `${safeJson(value)}\n` : text);
  }

  /** The next command begins with the controller that did this one: it knows what was written through it. */
  private rememberController(): void {
    const lastGood = this.client?.lastGood;
    if (!this.kept || this.session === undefined || lastGood === undefined || lastGood === this.session.lastGood) return;
    this.session = { ...this.session, lastGood };
    try {
      this.store.save(this.session);
    } catch (error) {
      this.note(`which controller answered can't be kept: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private keep(session: Session): void {
    try {
      this.store.save(session);
      this.kept = true;
    } catch (error) {
      if (this.options.session !== true || !(error instanceof ChunkStoreError)) throw error;
      this.kept = false;
      this.note(`${error.message}; it holds until this session ends`);
    }
  }

  private async explained(error: unknown, invocation: Invocation, signal: AbortSignal): Promise<unknown> {
    if (!(error instanceof ChunkStoreError)) return error;
    const { command } = this.options.target;
    const login = `${command} login ${this.session === undefined ? "<user>" : quoteWord(this.session.user)}`.trim();
    switch (error.code) {
      case "not-logged-in": case "unauthenticated": return restated(error, "not logged in at this cluster", `log in: ${login}`);
      case "token-expired": return restated(error, "the login has expired", `log in again: ${login}`);
      case "token-invalid": return restated(error, "the cluster does not accept this login (any more)", `log in again: ${login}`);
      case "wrong-credentials": return restated(error, "user or password is wrong", "check both; accounts are those that the cluster was deployed with");
      case "too-many-requests": return restated(error, error.message, `try again in ${plural(error.options.retryAfterSeconds ?? 1, "second")}`);
      case "file-not-found": return "file" in invocation ? this.unknownFile(error, invocation.file, signal) : error;
      default: return error;
    }
  }

  private async unknownFile(error: ChunkStoreError, file: string, signal: AbortSignal): Promise<ChunkStoreError> {
    const names = await this.files(signal).then((files) => files.map(({ name }) => name)).catch(() => []); // a guess is a courtesy
    const near = nearest(file, names);
    return restated(error, `no such file in the store; got ${safe(file)}`, near === undefined ? `see ${`${this.options.target.command} ls`.trim()}` : `did you mean ${quoteWord(near)}?`);
  }
}

function restated(error: ChunkStoreError, message: string, fix: string): ChunkStoreError {
  return new ChunkStoreError(error.code, message, { ...error.options, fix, cause: error });
}

/** Writes a piece of a file to a stream, and waits for room. @throws ChunkStoreError `output-failed` */
export function writeTo(stream: NodeJS.WritableStream, piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(piece, (error) => {
      if (error === null || error === undefined) return resolve();
      reject(new ChunkStoreError("output-failed", codeOf(error) === "EPIPE" ? "the reader of the output went away" : `the output can't be written; got ${error.message}`, { cause: error }));
    });
  });
}
