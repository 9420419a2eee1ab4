/** The cache of toolchains under the user's home: where it is, what is valid in it, and how a new one gets into it whole. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { messageOf } from "./text";
import { CLI, LANGUAGE_HOST, type Search, type StepResult, type Toolchain } from "./types";
import { goKey, releaseKey, releaseVersion } from "./versions";

const STAMP = "toolchain.json";
const STAGING = ".staging-";

/** Size and modification time of one file: what tells a file from another without reading it. */
export interface FileStamp { readonly size: number; readonly mtimeSeconds: number }

/** What `toolchain.json` holds. Checked by hand: loading a schema library would cost fifteen times the whole warm search. */
interface Stamp { readonly version: string; readonly files: Readonly<Record<string, FileStamp>> }

function parseStamp(text: string): Stamp | undefined {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || !("version" in value) || !("files" in value)) return undefined;
  const { version, files } = value;
  if (typeof version !== "string" || typeof files !== "object" || files === null) return undefined;
  return { version, files: files as Stamp["files"] };
}

/** `$XDG_CACHE_HOME/stackfleet/toolchain`, else the same below `~/Library/Caches` (macOS) or `~/.cache`. */
export function cacheDirOf(env: NodeJS.ProcessEnv, system: NodeJS.Platform = process.platform): string {
  const given = env["XDG_CACHE_HOME"];
  const home = env["HOME"] ?? os.homedir();
  // The XDG specification has a relative path ignored.
  const base = given && path.isAbsolute(given) ? given : system === "darwin" ? path.join(home, "Library", "Caches") : path.join(home, ".cache");
  return path.join(base, "stackfleet", "toolchain");
}

/** Whole seconds, because archives that carry a cache from one CI run to the next keep no more. */
export function stampOf(file: string): FileStamp {
  const { size, mtimeMs } = statSync(file);
  return { size, mtimeSeconds: Math.floor(mtimeMs / 1000) };
}

/** A toolchain that an earlier run installed: the official release first, as `findToolchain` prefers it. Starts no process. */
export function fromCache(search: Search): StepResult {
  const whys: string[] = [];
  for (const key of [releaseKey(releaseVersion(search.packageRoot)), goKey(search.packageRoot)]) {
    const dir = path.join(search.cacheDir, key);
    if (!existsSync(dir)) continue;
    const fault = faultOf(dir);
    if ("version" in fault) return { toolchain: toolchainAt(dir, fault.version, "cache") };
    whys.push(`${dir} is damaged (${fault.why})`);
  }
  return { why: `toolchain cache: ${whys.join("; ") || `nothing for this version in ${search.cacheDir}`}` };
}

function faultOf(dir: string): { readonly version: string } | { readonly why: string } {
  try {
    const stamp = parseStamp(readFileSync(path.join(dir, STAMP), "utf8"));
    if (!stamp) return { why: `${STAMP} is not a stamp` };
    for (const [name, expected] of Object.entries(stamp.files)) {
      const got = stampOf(path.join(dir, "bin", name));
      if (got.size !== expected.size || got.mtimeSeconds !== expected.mtimeSeconds) return { why: `${name} was changed` };
    }
    return { version: stamp.version };
  } catch (error) {
    return { why: messageOf(error) };
  }
}

function toolchainAt(dir: string, version: string, source: Toolchain["source"]): Toolchain {
  const binDir = path.join(dir, "bin");
  return { pulumi: path.join(binDir, CLI), binDir, version, source };
}

/** A step's own folder inside the cache, so that `publish` can rename it. */
export interface Staging {
  readonly dir: string;
  /** What the cache's entry will hold. */
  readonly bin: string;
  /** Work files. */
  readonly tmp: string;
}

/**
 * Runs one step in a new staging folder, which is gone afterwards, published or not. Any failure but an abort is a reason to
 * try the next step. Call under the lock.
 * @throws whatever `work` throws once the search is aborted
 */
export async function withStaging(search: Search, name: string, work: (staging: Staging) => Promise<StepResult>): Promise<StepResult> {
  let dir: string | undefined;
  try {
    dir = mkdtempSync(path.join(search.cacheDir, STAGING));
    const staging = { dir, bin: path.join(dir, "bin"), tmp: path.join(dir, "tmp") };
    mkdirSync(staging.bin);
    mkdirSync(staging.tmp);
    return await work(staging);
  } catch (error) {
    if (search.signal?.aborted) throw error;
    return { why: `${name}: ${messageOf(error)}` };
  } finally {
    if (dir !== undefined) removeTree(dir);
  }
}

/** Removes what killed builds left behind. Call under the lock: nobody else has a staging folder then. */
export function sweepStaging(cacheDir: string): void {
  for (const name of readdirSync(cacheDir)) {
    if (name.startsWith(STAGING)) removeTree(path.join(cacheDir, name));
  }
}

function removeTree(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
}

/**
 * Turns a staging folder into the cache's entry `key`: all of it appears at once or not at all.
 * @throws Error when the staging folder lacks the CLI or the language host
 */
export function publish(search: Search, staging: Staging, key: string, version: string, source: "release" | "go"): Toolchain {
  const names = readdirSync(staging.bin);
  for (const needed of [CLI, LANGUAGE_HOST]) {
    if (!names.includes(needed)) throw new Error(`it brought no ${needed}`);
  }
  const files = Object.fromEntries(names.map((name) => [name, stampOf(path.join(staging.bin, name))]));
  removeTree(staging.tmp);
  writeFileSync(path.join(staging.dir, STAMP), `${JSON.stringify({ version, files }, undefined, 2)}\n`);
  const dir = path.join(search.cacheDir, key);
  // A damaged entry steps aside first: a folder that is not empty can't be replaced by a rename.
  if (existsSync(dir)) renameSync(dir, `${staging.dir}-old`);
  renameSync(staging.dir, dir);
  removeTree(`${staging.dir}-old`);
  return toolchainAt(dir, version, source);
}
