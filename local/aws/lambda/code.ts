/** Unpacks the code of a function from a Pulumi archive into a folder. */
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { cp, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { unzipSync } from "fflate";
import { ServiceError } from "../../model";
import type { Archive, Asset } from "../../model";
import { absolute, readAsset } from "../s3/object";

/**
 * Unpacks into `folder`, which is replaced as a whole: a half-unpacked folder is never seen.
 * @returns bytes of the unpacked code
 * @throws {ServiceError} `InvalidParameterValueException` when the archive can't be read
 */
export async function unpack(code: Archive, folder: string): Promise<number> {
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  await place(code, fresh);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
  return sizeOf(folder);
}

async function place(code: Archive | Asset, target: string): Promise<void> {
  if (code.kind === "asset") {
    await mkdir(path.dirname(target), { recursive: true });
    return writeFile(target, await readAsset(code));
  }
  for (const [name, member] of Object.entries(code.assets ?? {})) await place(member, inside(target, name));
  if (code.path !== undefined) await placePath(absolute(code.path), target);
}

async function placePath(source: string, target: string): Promise<void> {
  if (!existsSync(source)) throw new ServiceError("InvalidParameterValueException", `the code ${JSON.stringify(source)} does not exist`);
  if (statSync(source).isDirectory()) return cp(source, target, { recursive: true, dereference: true });
  if (!source.endsWith(".zip"))
    throw new ServiceError(
      "InvalidParameterValueException",
      `Could not unzip uploaded file. Please check your file, then try to upload again (${source}); expected a folder or a .zip file`,
    );
  for (const [name, bytes] of Object.entries(unzip(await readFile(source), source))) {
    const file = inside(target, name);
    if (name.endsWith("/")) {
      await mkdir(file, { recursive: true });
    } else {
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, bytes);
    }
  }
}

function unzip(bytes: Uint8Array, source: string): Record<string, Uint8Array> {
  try {
    return unzipSync(bytes);
  } catch (cause) {
    throw new ServiceError(
      "InvalidParameterValueException",
      `Could not unzip uploaded file ${source}: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
  }
}

/** A member's place, never outside the folder whatever its name says. */
function inside(folder: string, name: string): string {
  const file = path.resolve(folder, name);
  if (file !== folder && !file.startsWith(folder + path.sep))
    throw new ServiceError("InvalidParameterValueException", `the archive has a member outside its folder: ${JSON.stringify(name)}`);
  return file;
}

async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).reduce((sum, entry) => sum + statSync(path.join(entry.parentPath, entry.name)).size, 0);
}
