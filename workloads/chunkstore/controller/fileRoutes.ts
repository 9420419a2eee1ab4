/** The routes of files: upload, download, deletion, listing, locations. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { deleteReplySchema, FileEntry, fileListSchema, FileLocations } from "../contract/clientApi";
import type { Authentication } from "./authentication";
import { ClientGone } from "./bodyReader";
import { Download, type DownloadOptions } from "./download";
import type { Files, LiveFile } from "./files";
import type { ControllerMetrics } from "./metrics";
import type { Log } from "./ports";
import { matchesETag, parseRange, rangeCounts, type ByteRange } from "./range";
import { RequestRefused } from "./refusal";
import { announcedChecksumOf, contentLengthOf, fileNameOf, tagsOf } from "./requests";
import type { Uploader } from "./upload";

/** How long a client may take nothing of a download. */
const CLIENT_STALL_MS = 30_000;

export interface FileRoutesOptions {
  readonly files: Files;
  readonly uploader: Uploader;
  readonly downloads: DownloadOptions;
  readonly authentication: Authentication;
  readonly metrics: Pick<ControllerMetrics, "uploads" | "uploadBytes" | "uploadSeconds" | "downloads" | "downloadBytes" | "deletes">;
  readonly log: Log;
  readonly monotonic: () => number;
  /** Why no upload is taken now. */
  readonly uploadRefusal: () => RequestRefused | undefined;
  /** Told of each download's begin (1) and end (-1). */
  readonly countDownload: (change: 1 | -1) => void;
}

export function addFileRoutes(app: FastifyInstance, options: FileRoutesOptions): void {
  const { files, authentication, metrics } = options;
  app.get("/v1/files", async (request): Promise<z.infer<typeof fileListSchema>> => ({ files: files.list(tagsOf(request)) }));
  app.get("/v1/files/:name/locations", async (request): Promise<FileLocations> => files.locations(fileNameOf(request)));
  app.delete("/v1/files/:name", async (request): Promise<z.infer<typeof deleteReplySchema>> => {
    const name = fileNameOf(request);
    await files.delete(name, authentication.userOf(request));
    metrics.deletes.inc();
    return { name, deleted: true };
  });
  app.head("/v1/files/:name", async (request, reply) => {
    const { file, range } = requested(files, request);
    return reply.status(range.partial ? 206 : 200).headers(headersOf(file, range)).send();
  });
  app.get("/v1/files/:name", (request, reply) => download(request, reply, options));
  app.put("/v1/files/:name", async (request, reply) => reply.status(201).send(await upload(request, reply, options)));
}

async function upload(request: FastifyRequest, reply: FastifyReply, { files, uploader, authentication, metrics, log, monotonic, uploadRefusal }: FileRoutesOptions): Promise<FileEntry> {
  const started = monotonic();
  const name = fileNameOf(request);
  const asked = { name, tags: tagsOf(request), size: contentLengthOf(request), sha256: announcedChecksumOf(request), owner: authentication.userOf(request) };
  const refusal = uploadRefusal();
  if (refusal !== undefined) throw refusal;
  if (request.headers.expect !== undefined) reply.raw.writeContinue();
  const gone = whenGone(reply);
  try {
    const record = await uploader.upload({ ...asked, body: request.raw, signal: gone.signal });
    if (record.state.kind !== "file") throw new Error("an upload made no file");
    metrics.uploads.inc({ outcome: "stored" });
    metrics.uploadBytes.inc(asked.size);
    metrics.uploadSeconds.observe((monotonic() - started) / 1000);
    log.info({ name, upload: record.state.upload, bytes: asked.size, chunks: record.state.chunks.length, user: asked.owner, seconds: Math.round(monotonic() - started) / 1000 }, "file stored");
    return files.entry({ record, state: record.state });
  } catch (error) {
    metrics.uploads.inc({ outcome: error instanceof ClientGone ? "interrupted" : error instanceof RequestRefused ? error.code : "failed" });
    log.warn({ name, bytes: asked.size, user: asked.owner, reason: error instanceof Error ? error.message : String(error) }, "file not stored");
    throw error;
  } finally {
    gone.forget();
  }
}

async function download(request: FastifyRequest, reply: FastifyReply, options: FileRoutesOptions): Promise<void> {
  const { file, range } = requested(options.files, request);
  const gone = whenGone(reply);
  const content = new Download(file.state, range, gone.signal, options.downloads);
  options.countDownload(1);
  try {
    await content.prepare();
    reply.hijack();
    reply.raw.writeHead(range.partial ? 206 : 200, headersOf(file, range));
    // Node ends the connection when the client takes nothing for so long, whatever is in its buffers.
    reply.raw.socket?.setTimeout(CLIENT_STALL_MS);
    await content.write(reply.raw, (bytes) => options.metrics.downloadBytes.inc(bytes));
    reply.raw.end();
    options.metrics.downloads.inc({ outcome: "complete" });
  } catch (error) {
    options.metrics.downloads.inc({ outcome: error instanceof ClientGone ? "interrupted" : error instanceof RequestRefused ? error.code : "failed" });
    if (!(error instanceof ClientGone)) options.log.warn({ name: file.record.name, reason: error instanceof Error ? error.message : String(error) }, "download failed");
    if (!reply.raw.headersSent) throw error;
    // The head is out: a connection that breaks tells the client that something is missing, and it goes on at another controller.
    reply.raw.destroy();
  } finally {
    content.discard();
    gone.forget();
    options.countDownload(-1);
  }
}

/** The file and the part of it that is asked for. @throws {RequestRefused} 404, 412, 416 */
function requested(files: Files, request: FastifyRequest): { file: LiveFile; range: ByteRange } {
  const file = files.get(fileNameOf(request));
  const ifMatch = request.headers["if-match"];
  if (ifMatch !== undefined && !matchesETag(ifMatch, etagOf(file))) throw new RequestRefused("file-changed", "the file was changed since", { fix: "start from its beginning", headers: { etag: etagOf(file) } });
  const { range, "if-range": ifRange } = request.headers;
  return { file, range: parseRange(rangeCounts(ifRange, etagOf(file)) ? range : undefined, file.state.size) };
}

function headersOf(file: LiveFile, { start, end, partial }: ByteRange): Record<string, string | number> {
  const { size, sha256, modifiedAt } = file.state;
  return {
    "content-type": "application/octet-stream", "content-length": end - start + 1, "accept-ranges": "bytes", etag: etagOf(file), "x-content-sha256": sha256,
    "last-modified": new Date(modifiedAt).toUTCString(), "cache-control": "private, no-cache", "x-content-type-options": "nosniff",
    ...(partial && { "content-range": `bytes ${start}-${end}/${size}` }),
  };
}

function etagOf({ state }: LiveFile): string {
  return `"${state.upload}"`;
}

/** Aborts when the connection closes before the answer is complete. */
function whenGone(reply: FastifyReply): { readonly signal: AbortSignal; forget(): void } {
  const gone = new AbortController();
  const closed = (): void => {
    if (!reply.raw.writableFinished) gone.abort(new ClientGone("the client closed the connection"));
  };
  reply.raw.once("close", closed);
  if (reply.raw.destroyed) closed();
  return { signal: gone.signal, forget: () => void reply.raw.off("close", closed) };
}
