/** Makes temporary folders, fake programs and searches for the tests of the toolchain. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { onTestFinished } from "vitest";
import type { Search } from "../../../automation/toolchain/types";

export const packageRoot = path.resolve(__dirname, "..", "..", "..");

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const dir = realpathSync(mkdtempSync(path.join(tmpdir(), "toolchain-test-")));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** An executable shell script. */
export function script(dir: string, name: string, body: string): string {
  mkdirSync(dir, { recursive: true });
  const file = path.join(dir, name);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** A file that starts as a script does and is as large as a real CLI, so that it is not taken for a shim. */
export function largeScript(dir: string, name: string, body: string): string {
  const file = script(dir, name, `${body}\nexit`);
  truncateSync(file, 2_000_000);
  return file;
}

export interface TestSearch extends Search { readonly lines: string[] }

/** A search with an empty PATH (but for `pathDirs`) and an empty cache. */
export function searchIn(dir: string, pathDirs: readonly string[] = [], signal?: AbortSignal): TestSearch {
  const lines: string[] = [];
  const cacheDir = path.join(dir, "cache", "stackfleet", "toolchain");
  mkdirSync(cacheDir, { recursive: true });
  return {
    lines, report: (line) => { lines.push(line); }, packageRoot, cacheDir,
    env: { PATH: pathDirs.join(":"), HOME: dir, XDG_CACHE_HOME: path.join(dir, "cache") },
    ...(signal && { signal }),
  };
}

/** Names in the cache's folder that a killed or failed step could have left. */
export function leftovers(search: Search): string[] {
  return readdirSync(search.cacheDir).filter((name) => name.startsWith(".staging-"));
}

export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Polls until `probe` returns something that is not empty. */
export async function eventually<T>(probe: () => T, milliseconds = 10_000): Promise<T> {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`nothing after ${milliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
