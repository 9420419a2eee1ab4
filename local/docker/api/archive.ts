/** Copies in and out of containers, as tar archives: volumes, and the files that a container was given (to read). */
import { randomBytes } from "node:crypto";
import { createReadStream, createWriteStream, lstatSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, chmodSync, type Stats } from "node:fs";
import * as path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { FastifyInstance } from "fastify";
import { extract, pack, type Extract, type Header, type Pack } from "tar-stream";
import { z } from "zod";
import type { CloudContext } from "../../model";
import type { ContainerView } from "../engine/containers";
import { engineOf } from "../engine/index";
import { insideVolume, isThere, notFound, requireWritable } from "../engine/paths";
import { containerInputs, uploadedContent, uploadedMode } from "../engine/spec";
import { EngineError } from "../errors";
import { flag, parse } from "./query";

const params = z.object({ id: z.string() });
const query = z.object({ path: z.string().min(1), noOverwriteDirNonDir: flag, copyUIDGID: flag });

// Source: Go, io/fs: ModeDir and ModeSymlink.
const GO_DIRECTORY = 2 ** 31;
const GO_SYMLINK = 2 ** 27;

export function archiveRoutes(app: FastifyInstance, cloud: CloudContext): void {
  const { containers } = engineOf(cloud);
  const asked = (request: { readonly params: unknown; readonly query: unknown }) => ({ container: containers.get(parse(params, request.params).id), ...parse(query, request.query) });

  app.head("/containers/:id/archive", (request, reply) => {
    const { container, path: at } = asked(request);
    return reply.header("x-docker-container-path-stat", statHeader(container, at, cloud)).code(200).send();
  });
  app.get("/containers/:id/archive", { exposeHeadRoute: false }, (request, reply) => {
    const { container, path: at } = asked(request);
    reply.header("x-docker-container-path-stat", statHeader(container, at, cloud)).type("application/x-tar");
    return reply.send(Readable.from(archiveOf(container, at, cloud)));
  });
  app.put("/containers/:id/archive", async (request, reply) => {
    const { container, path: at, noOverwriteDirNonDir } = asked(request);
    await unpackInto(container, at, request.body instanceof Readable ? request.body : Readable.from([]), noOverwriteDirNonDir === true, cloud);
    return reply.code(200).send();
  });
}

/** A file that the container was given, by its path. */
function given(container: ContainerView, at: string): { readonly name: string; readonly content: string; readonly mode: number } | undefined {
  const upload = containerInputs(container.record).uploads?.find(({ file }) => path.posix.normalize(file) === path.posix.normalize(at));
  return upload && { name: path.posix.basename(upload.file), content: uploadedContent(upload), mode: uploadedMode(upload) };
}

function statHeader(container: ContainerView, at: string, cloud: CloudContext): string {
  const upload = given(container, at);
  if (upload !== undefined) return encoded({ name: upload.name, size: Buffer.byteLength(upload.content), mode: upload.mode, mtime: container.record.createdAt, linkTarget: "" });
  const inside = insideVolume(container, at, cloud);
  const stats = lstatSync(inside.real, { throwIfNoEntry: false });
  if (stats === undefined) throw notFound(container, at);
  const kind = stats.isDirectory() ? GO_DIRECTORY : stats.isSymbolicLink() ? GO_SYMLINK : 0;
  const linkTarget = stats.isSymbolicLink() ? readlinkSync(inside.real) : "";
  return encoded({ name: path.posix.basename(inside.path), size: stats.size, mode: kind + (stats.mode & 0o777), mtime: stats.mtime.toISOString(), linkTarget });
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64");
}

function archiveOf(container: ContainerView, at: string, cloud: CloudContext): Pack {
  const archive = pack();
  const upload = given(container, at);
  if (upload !== undefined) {
    archive.entry({ name: upload.name, mode: upload.mode }, upload.content, () => archive.finalize());
    return archive;
  }
  const { path: clean, real } = insideVolume(container, at, cloud);
  // `docker cp c:/data/. here` wants the contents, under the name ".".
  const name = /\/\.$/.test(at) ? "." : path.posix.basename(clean);
  addTree(archive, real, name).then(() => archive.finalize(), (error: unknown) => archive.destroy(error instanceof Error ? error : new Error(String(error))));
  return archive;
}

async function addTree(archive: Pack, file: string, name: string): Promise<void> {
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return; // removed since its folder was listed
  if (stats.isDirectory()) {
    await added(archive, { ...headers(stats, `${name}/`), type: "directory" });
    for (const child of readdirSync(file).sort()) await addTree(archive, path.join(file, child), `${name}/${child}`);
  } else if (stats.isSymbolicLink()) {
    await added(archive, { ...headers(stats, name), type: "symlink", linkname: readlinkSync(file) });
  } else if (stats.isFile()) {
    await addFile(archive, file, { ...headers(stats, name), type: "file", size: stats.size });
  }
}

/** A file that grows meanwhile: as much of it as its header promises. */
async function addFile(archive: Pack, file: string, header: HeaderOf & { readonly size: number }): Promise<void> {
  const done = Promise.withResolvers<void>();
  const entry = archive.entry(header, (error) => (error ? done.reject(error) : done.resolve()));
  const content = header.size === 0 ? [] : createReadStream(file, { end: header.size - 1 });
  for await (const chunk of content) {
    if (!entry.write(chunk)) await new Promise<void>((resolve) => void entry.once("drain", resolve));
  }
  entry.end(undefined);
  await done.promise;
}

type HeaderOf = Pick<Header, "name"> & Partial<Header>;

function headers(stats: Stats, name: string): HeaderOf {
  return { name, mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid, mtime: stats.mtime };
}

function added(archive: Pack, header: HeaderOf): Promise<void> {
  return new Promise((resolve, reject) => void archive.entry(header, (error) => (error ? reject(error) : resolve())));
}

async function unpackInto(container: ContainerView, folder: string, body: Readable, keepKinds: boolean, cloud: CloudContext): Promise<void> {
  if (folder !== "/") {
    const target = insideVolume(container, folder, cloud);
    if (!(lstatSync(target.real, { throwIfNoEntry: false })?.isDirectory() ?? false)) {
      throw isThere(target.real) ? new EngineError(400, `extraction point is not a directory: ${folder}`) : notFound(container, folder);
    }
    requireWritable(target);
  }
  const unpack = extract();
  body.on("error", (error) => unpack.destroy(error));
  body.pipe(unpack);
  try {
    for await (const entry of unpack) await unpackEntry(container, folder, entry, keepKinds, cloud);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError(400, `the archive can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

type Entry = Extract extends AsyncIterable<infer E> ? E : never;

async function unpackEntry(container: ContainerView, folder: string, entry: Entry, keepKinds: boolean, cloud: CloudContext): Promise<void> {
  const { name, type = "file", mode = 0o644 } = entry.header;
  if (name.split("/").includes("..")) throw new EngineError(400, `breakout attempt: ${JSON.stringify(name)} leaves ${folder}`);
  if (path.posix.normalize(`/${name}`) === "/") return void entry.resume();
  const target = insideVolume(container, path.posix.join(folder, name), cloud);
  requireWritable(target);
  if (target.real === target.root) return void entry.resume();
  const there = lstatSync(target.real, { throwIfNoEntry: false });
  if (keepKinds && there !== undefined && there.isDirectory() !== (type === "directory")) {
    throw new EngineError(400, `cannot overwrite ${there.isDirectory() ? "directory" : "non-directory"} ${JSON.stringify(target.path)} with ${type === "directory" ? "directory" : "non-directory"}`);
  }
  if (type === "directory") {
    if (there !== undefined && !there.isDirectory()) rmSync(target.real);
    mkdirSync(target.real, { recursive: true });
    chmodSync(target.real, mode & 0o777);
    entry.resume();
  } else if (type === "file" || type === "contiguous-file") {
    await replaceFile(target.real, entry as AsyncIterable<Uint8Array>, mode & 0o777);
  } else {
    throw new EngineError(501, `an entry of type "${type}" (${name}) is not modelled by the local cloud; extend local/docker/api/archive.ts`);
  }
}

/** Whoever reads it sees the old content or the new one; a link of that name is replaced, not followed. */
async function replaceFile(file: string, content: AsyncIterable<Uint8Array>, mode: number): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString("hex")}.copy`;
  try {
    await pipeline(Readable.from(content), createWriteStream(temporary, { flags: "wx", mode: 0o600 }));
    chmodSync(temporary, mode);
    if (lstatSync(file, { throwIfNoEntry: false })?.isDirectory() === true) rmSync(file, { recursive: true });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
