/** Where a container's paths really lie, and the files that a deployment puts there: secrets and settings. */
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { ServiceError } from "../model";
import type { ContainerSpec } from "./port";
import { PRIVATE_FOLDER } from "./views";

type Files = NonNullable<ContainerSpec["files"]>;
type Mounts = Pick<ContainerSpec, "id" | "volumes">;

/** The container's own folder. */
export function containerFolder(dataDir: string, id: string): string {
  return path.join(dataDir, "containers", id);
}

/** The folder of a named volume. */
export function volumeFolder(dataDir: string, volume: string): string {
  return path.join(dataDir, "volumes", encodeURIComponent(volume));
}

/** The volume that a path of the container lies in, and the path within it. */
function volumeOf(container: Mounts, inside: string): { readonly name: string; readonly rest: string } | undefined {
  const found = (container.volumes ?? [])
    .map(({ name, mountPath }) => ({ name, rest: path.posix.relative(path.posix.normalize(mountPath), inside) }))
    .filter(({ rest }) => rest !== ".." && !rest.startsWith("../"));
  // The innermost mount: what is left of the path is the shortest.
  return found.sort((a, b) => a.rest.length - b.rest.length)[0];
}

/**
 * Where a container's absolute path lies on this machine: in a volume, else in the container's folder. Links are not resolved.
 * @throws ServiceError for a path that isn't absolute
 */
export function realPath(dataDir: string, container: Mounts, inside: string): string {
  const normal = normalPath(inside, "path");
  const volume = volumeOf(container, normal);
  return volume === undefined ? path.join(containerFolder(dataDir, container.id), normal) : path.join(volumeFolder(dataDir, volume.name), volume.rest);
}

/** Absolute and without `..`, which therefore can't leave the container. */
function normalPath(inside: string, property: string): string {
  if (path.posix.isAbsolute(inside) && !inside.includes("\0")) return path.posix.normalize(inside);
  throw new ServiceError("InvalidParameterException", `${property}: not absolute; got "${inside}"; expected a path from /; prefix it with /`);
}

/**
 * Writes a container's files anew: a program can't have changed what the next start sees. Folders are for the user alone.
 * @throws ServiceError for a path that is not absolute, lies in a volume, or is the runtime's own
 */
export function writeFiles(spec: ContainerSpec, dataDir: string): void {
  for (const { file, at } of (spec.files ?? []).map((one) => ({ file: one, at: placeOf(one, spec, dataDir) }))) {
    mkdirSync(path.dirname(at), { recursive: true, mode: 0o700 });
    // One of mode 0400 can't be overwritten.
    rmSync(at, { force: true });
    writeFileSync(at, file.content, { mode: 0o600, flag: "wx" });
    chmodSync(at, file.mode);
  }
}

function placeOf(file: Files[number], spec: ContainerSpec, dataDir: string): string {
  const inside = normalPath(file.path, "files.path");
  const volume = volumeOf(spec, inside);
  if (volume !== undefined) throw invalid(inside, `lies in volume ${volume.name}, which would keep it`, "a path outside of all volumes");
  if (inside.endsWith("/")) throw invalid(inside, "is a folder", "the path of a file");
  if (inside === `/${PRIVATE_FOLDER}` || inside.startsWith(`/${PRIVATE_FOLDER}/`)) throw invalid(inside, "is the runtime's own", "another path");
  return realPath(dataDir, spec, inside);
}

function invalid(got: string, what: string, expected: string): ServiceError {
  return new ServiceError("InvalidParameterException", `files.path: ${what}; got "${got}"; expected ${expected}; choose another`);
}

/**
 * Keeps the contents beside the container, mode 0600, so that they are gone with it: what was once written to a database stays in
 * its free pages and its log.
 */
export function keepContents(spec: ContainerSpec, dataDir: string): void {
  if (spec.files === undefined) return;
  const file = contentsFile(dataDir, spec.id);
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify(spec.files.map(({ content }) => content)), { mode: 0o600 });
}

/** The specification as it may be written to a database. */
export function withoutContents(spec: ContainerSpec): ContainerSpec {
  return spec.files === undefined ? spec : { ...spec, files: spec.files.map((file) => ({ ...file, content: "" })) };
}

/** The specification with the contents that {@link keepContents} has kept. */
export function withContents(spec: ContainerSpec, dataDir: string): ContainerSpec {
  if (spec.files === undefined) return spec;
  // This module's own writing, so its form is known.
  const contents = JSON.parse(readFileSync(contentsFile(dataDir, spec.id), "utf8")) as string[];
  return { ...spec, files: spec.files.map((file, index) => ({ ...file, content: contents[index] ?? "" })) };
}

function contentsFile(dataDir: string, id: string): string {
  return path.join(containerFolder(dataDir, id), PRIVATE_FOLDER, "files.json");
}
