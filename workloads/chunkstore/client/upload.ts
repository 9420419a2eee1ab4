/** Sends a file to any controller; begins again at the next one when a connection breaks. */
import { fileEntrySchema, type FileEntry } from "../contract/clientApi";
import { nameFault, tagSchema } from "../contract/record";
import type { Endpoints } from "./endpoints";
import { AttemptFailed, ChunkStoreError } from "./errors";
import { parseJson, seconds, Watchdog, type Answer, type Exchange } from "./exchange";
import { tryEach, type FailoverOptions } from "./failover";
import { openSource, type Content, type UploadSource } from "./source";

/** Bytes done of all. Goes back to 0 when a transfer begins again. */
export type OnProgress = (done: number, total: number) => void;

export interface UploadOptions {
  /** @default the file's own name; content that is no file needs one */
  readonly name?: string;
  /** At most {@link MAX_TAGS}. */
  readonly tags?: readonly string[];
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** What transfers need of their client. */
export interface TransferContext {
  readonly exchange: Exchange;
  readonly endpoints: Endpoints;
  readonly authorization: () => Readonly<Record<string, string>>;
  readonly failover: Pick<FailoverOptions, "onFailover" | "pause">;
}

/** Tags of one file, as contract/record.ts has it. */
export const MAX_TAGS = 32;

/**
 * The path of a file's resource.
 * @throws ChunkStoreError `invalid-name`
 */
export function filePath(name: string): string {
  const fault = nameFault(name);
  if (fault !== undefined) throw new ChunkStoreError("invalid-name", `the file's name ${fault}; got ${JSON.stringify(name)}`, { fix: "choose another name (upload: --name)" });
  return `/v1/files/${encodeURIComponent(name)}`;
}

/**
 * The query for tags.
 * @throws ChunkStoreError `usage` with every fault
 */
export function tagQuery(tags: readonly string[]): string {
  const wrong = tags.filter((tag) => !tagSchema.safeParse(tag).success).map((tag) => JSON.stringify(tag));
  if (wrong.length > 0) {
    throw new ChunkStoreError("usage", `tag: not allowed; got ${wrong.join(", ")}; expected 1 to 64 letters, digits and _ . : = @ - or spaces, a letter or digit first`, { fix: "choose other tags" });
  }
  const distinct = [...new Set(tags)];
  if (distinct.length > MAX_TAGS) throw new ChunkStoreError("usage", `tags: too many; got ${distinct.length}; expected at most ${MAX_TAGS}`, { fix: "give fewer tags" });
  return distinct.length === 0 ? "" : `?${distinct.map((tag) => `tag=${encodeURIComponent(tag)}`).join("&")}`;
}

/** @throws ChunkStoreError; then nothing was stored, unless the code is `no-controller` and the connection broke at the very end */
export async function upload(source: UploadSource, options: UploadOptions, context: TransferContext): Promise<FileEntry> {
  const query = tagQuery(options.tags ?? []);
  const content = await openSource(source);
  try {
    const name = options.name ?? content.name;
    if (name === undefined) throw new ChunkStoreError("usage", "name: missing; got content without a name; expected the name to store it under", { fix: "give --name" });
    const path = filePath(name) + query;
    let used = false;
    return await tryEach((endpoint) => {
      if (used && !content.restartable) throw interruptedUpload([]);
      return send(endpoint, path, content, { ...options, onRead: () => (used = true) }, context);
    }, {
      ...context.failover, endpoints: context.endpoints, signal: options.signal,
      // What arrived damaged arrives whole at the second attempt.
      doubtful: { codes: ["checksum-mismatch"], always: true },
      giveUp: (failed) => {
        // Chunkservers are the same for every controller: no need to send it all again to hear it again.
        if (failed.refusal?.code === "disk-full") return failed.refusal;
        return used && !content.restartable ? interruptedUpload([failed.message]) : undefined;
      },
    });
  } finally {
    await content.close();
  }
}

function interruptedUpload(details: readonly string[]): ChunkStoreError {
  return new ChunkStoreError("upload-interrupted", "the connection broke, and content that came from a stream can't be sent again; nothing was stored", { details, fix: "run it again, or upload a file" });
}

async function send(endpoint: string, path: string, content: Content, options: UploadOptions & { readonly onRead: () => void }, { exchange, authorization }: TransferContext): Promise<FileEntry> {
  const watchdog = new Watchdog();
  const body = new Outgoing(content, watchdog, exchange.timeouts, options);
  const headers = {
    ...authorization(), "content-type": "application/octet-stream", "content-length": String(content.size),
    ...(content.sha256 !== undefined && { "x-content-sha256": content.sha256 }),
  };
  let answer: Answer;
  // An upload's first time limit is that of its connection; sending sets the next ones.
  watchdog.arm(exchange.timeouts.connectMs + exchange.timeouts.stallMs, `took no data for ${seconds(exchange.timeouts.stallMs)}`);
  try {
    answer = await exchange.open(endpoint, { method: "PUT", path, headers, body: body.pieces(), signal: options.signal, watchdog });
  } catch (error) {
    throw body.fault ?? error;
  }
  const entry = await parseJson(endpoint, answer, fileEntrySchema);
  if (body.sha256 === undefined || entry.sha256 !== body.sha256 || entry.size !== content.size) {
    throw new AttemptFailed(endpoint, `confirmed other content than was sent: ${entry.size} bytes, SHA-256 ${entry.sha256}`);
  }
  return entry;
}

/** A body on its way out: counts, watches the time, and keeps what went wrong while the source was read. */
class Outgoing {
  /** The checksum of all that was sent, once it was. */
  sha256: string | undefined;
  /** An error of the source: the connection's own error says less. */
  fault: unknown;

  constructor(private readonly content: Content, private readonly watchdog: Watchdog, private readonly timeouts: Exchange["timeouts"],
    private readonly options: { readonly onProgress?: OnProgress; readonly onRead: () => void }) {}

  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    const { content, watchdog, timeouts } = this;
    const { onProgress, onRead } = this.options;
    let sent = 0;
    onProgress?.(sent, content.size);
    onRead();
    try {
      for await (const piece of content.read((hex) => (this.sha256 = hex))) {
        watchdog.arm(timeouts.stallMs, `stalled: took no data for ${seconds(timeouts.stallMs)}`);
        yield piece;
        watchdog.disarm();
        sent += piece.length;
        onProgress?.(sent, content.size);
      }
    } catch (error) {
      this.fault = error;
      throw error;
    }
    watchdog.arm(timeouts.commitMs, `took all data and did not confirm it within ${seconds(timeouts.commitMs)}`);
  }
}
