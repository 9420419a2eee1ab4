/** Third step: the official release, by the SDK's own installer in a process that is given up when it gets no answer. */
import { lstatSync, readdirSync, renameSync, rmdirSync } from "node:fs";
import * as path from "node:path";
import { publish, withStaging, type Staging } from "./cache";
import { runGuarded } from "./guarded";
import { elapsed, lastLine } from "./text";
import type { Search, StepResult } from "./types";
import { compatible, parseVersion, releaseKey, releaseVersion } from "./versions";

/** A server that lets this time pass without a byte is not there. A slow one is waited for. */
const NO_ANSWER_MS = 10_000;

export interface ReleaseStepOptions {
  /** Program that installs into the folder of its last argument and prints the version. @default the SDK's installer */
  readonly installer?: readonly string[];
  /** @default 10 s */
  readonly noAnswerMs?: number;
}

/** Downloads the release that belongs to the installed SDK. Call under the lock. */
export async function fromRelease(search: Search, options: ReleaseStepOptions = {}): Promise<StepResult> {
  const wanted = releaseVersion(search.packageRoot);
  const started = Date.now();
  search.report(`official release: downloading Pulumi ${wanted}`);
  return withStaging(search, "official release", async (staging) => {
    const root = path.join(staging.tmp, "install");
    const version = await download(search, staging, root, options);
    rmdirSync(staging.bin);
    renameSync(path.join(root, "bin"), staging.bin);
    const toolchain = publish(search, staging, releaseKey(wanted), version, "release");
    search.report(`official release: Pulumi ${version} installed in ${elapsed(Date.now() - started)}`);
    return { toolchain };
  });
}

/** Installs into `root` and returns the version that came. */
async function download(search: Search, staging: Staging, root: string, options: ReleaseStepOptions): Promise<string> {
  const noAnswerMs = options.noAnswerMs ?? NO_ANSWER_MS;
  const installer = options.installer ?? [process.execPath, path.join(__dirname, `release-child${path.extname(__filename)}`)];
  const result = await runGuarded({
    command: [...installer, root],
    // All that the installer writes lies in one folder: it shows progress, and it goes when the attempt is abandoned.
    env: { ...search.env, TMPDIR: staging.tmp, PULUMI_HOME: path.join(staging.tmp, "home") },
    stall: { milliseconds: noAnswerMs, progress: () => bytesIn(staging.tmp) },
    ...(search.signal && { signal: search.signal }),
  });
  if (result.stalled) throw new Error(`no answer for ${elapsed(noAnswerMs)}`);
  if (result.code !== 0) throw new Error(lastLine(result.stderr) || "the installer was killed");
  const version = parseVersion(result.stdout);
  if (version === undefined || !compatible(version)) throw new Error(`it brought version "${lastLine(result.stdout)}"`);
  return version;
}

/** Bytes of all files below a folder that another process is writing. */
export function bytesIn(dir: string): number {
  let bytes = 0;
  for (const entry of readdirSync(dir, { recursive: true })) {
    bytes += lstatSync(path.join(dir, String(entry)), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
