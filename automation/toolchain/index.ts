/** Finds the Pulumi CLI: on PATH, in the cache, as the official release, or built from Go modules; in this order. */
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import * as path from "node:path";
import { FleetError } from "../errors";
import { cacheDirOf, fromCache, sweepStaging } from "./cache";
import { fromGo } from "./go-step";
import { withLock } from "./lock";
import { fromPath } from "./path-step";
import { fromRelease } from "./release-step";
import { messageOf } from "./text";
import type { Search, StepResult, Toolchain, ToolchainOptions } from "./types";
import { ALLOWED_VERSIONS } from "./versions";

export type { Toolchain, ToolchainOptions } from "./types";

/** The slow steps, in the order they are tried. */
const INSTALL_STEPS: readonly InstallStep[] = [(search) => fromRelease(search), fromGo];
type InstallStep = (search: Search) => Promise<StepResult>;

/**
 * Finds or installs the CLI. Call once, before any fan-out; processes that call it at the same time install once. When
 * neither PATH nor the cache has one, each step that failed is reported with its reason. A warm call costs a few milliseconds and starts no process.
 * @throws FleetError `toolchain-missing` with all reasons as details; `toolchain-cache` when the cache can't be written;
 * `interrupted` when the signal aborts
 */
export async function findToolchain(options: ToolchainOptions, steps = INSTALL_STEPS): Promise<Toolchain> {
  const env = options.env ?? process.env;
  const search: Search = {
    report: options.report, env, cacheDir: cacheDirOf(env),
    packageRoot: options.packageRoot ?? packageRootOf(__dirname),
    ...(options.signal && { signal: options.signal }),
  };
  const found = await fromPath(search);
  if ("toolchain" in found) return found.toolchain;
  const cached = fromCache(search);
  if ("toolchain" in cached) return cached.toolchain;
  // Only now: a CLI that is not on PATH is no news to anybody whose cache has one.
  const whys: string[] = [];
  const why = (result: { readonly why: string }): void => {
    whys.push(result.why);
    search.report(result.why);
  };
  why(found);
  why(cached);
  prepare(search.cacheDir);
  return underLock(search, async () => {
    // Whoever held the lock before may have filled the cache.
    const ready = fromCache(search);
    if ("toolchain" in ready) return ready.toolchain;
    sweepStaging(search.cacheDir);
    for (const step of steps) {
      const result = await step(search);
      if ("toolchain" in result) return result.toolchain;
      why(result);
    }
    return missing(whys);
  });
}

function underLock<T>(search: Search, work: () => Promise<T>): Promise<T> {
  const onWait = (holder: string): void => search.report(`toolchain: process ${holder} is setting it up; waiting for it`);
  return withLock(path.join(search.cacheDir, "lock"), { onWait, ...(search.signal && { signal: search.signal }) }, work);
}

function prepare(cacheDir: string): void {
  try {
    mkdirSync(cacheDir, { recursive: true });
    accessSync(cacheDir, constants.W_OK);
  } catch (error) {
    throw new FleetError("toolchain-cache", `toolchain cache: not writable: ${messageOf(error)}`, {
      source: "user", exitCode: 1, cause: error, fix: "set XDG_CACHE_HOME to a folder that you may write to",
    });
  }
}

function missing(whys: readonly string[]): never {
  throw new FleetError("toolchain-missing", `no Pulumi CLI ${ALLOWED_VERSIONS} was found, and none could be installed`, {
    source: "tool", details: whys,
    fix: "install the Pulumi CLI (https://www.pulumi.com/docs/install/) or Go 1.25 or newer (https://go.dev/dl/), then run the command again",
  });
}

/** The folder that holds tools/: two levels up for the sources, three for the compiled files in dist/. */
function packageRootOf(start: string): string {
  const root = path.resolve(start, "..", "..");
  return existsSync(path.join(root, "tools")) ? root : path.dirname(root);
}
