/** First step: a compatible CLI on PATH with its language host. Its version is remembered, so a warm search asks nobody. */
import { execFile } from "node:child_process";
import { accessSync, constants, mkdirSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { stampOf } from "./cache";
import { throwIfAborted } from "./guarded";
import { messageOf, oneLine } from "./text";
import { CLI, LANGUAGE_HOST, type Search, type StepResult } from "./types";
import { ALLOWED_VERSIONS, compatible, parseVersion } from "./versions";

/** `pulumi version` takes 0.1 s; one that takes this long hangs. */
const ANSWER_MS = 10_000;

/** The first `pulumi` of PATH that will do. */
export async function fromPath(search: Search): Promise<StepResult> {
  const dirs = pathDirs(search.env);
  const whys: string[] = [];
  const seen = new Set<string>();
  for (const dir of dirs) {
    const file = path.join(dir, CLI);
    if (!isExecutable(file)) continue;
    const real = realpathSync(file);
    if (seen.has(real)) continue;
    seen.add(real);
    const binDir = [dir, path.dirname(real)].find((folder) => isExecutable(path.join(folder, LANGUAGE_HOST)));
    if (!binDir && !dirs.some((other) => isExecutable(path.join(other, LANGUAGE_HOST)))) {
      whys.push(`${file} has no ${LANGUAGE_HOST} beside it or on PATH`);
      continue;
    }
    const answer = await versionOf(search, file, real);
    if ("version" in answer && compatible(answer.version)) {
      const folder = binDir ?? dir;
      return { toolchain: { pulumi: path.join(folder, CLI), binDir: folder, version: answer.version, source: "path" } };
    }
    whys.push("version" in answer ? `${file} is version ${answer.version}, needed is ${ALLOWED_VERSIONS}` : `${file} ${answer.why}`);
  }
  return { why: `${CLI} on PATH: ${whys.join("; ") || "none"}` };
}

/** Absolute folders of PATH. Relative ones would mean another CLI in each stack's work folder. */
export function pathDirs(env: NodeJS.ProcessEnv): readonly string[] {
  return (env["PATH"] ?? "").split(path.delimiter).filter((dir) => path.isAbsolute(dir));
}

/** The first executable of this name on PATH. */
export function onPath(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return pathDirs(env).map((dir) => path.join(dir, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return false;
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    // Not executable for this user: not on PATH, as a shell sees it.
    return false;
  }
}

type Answer = { readonly version: string } | { readonly why: string };

async function versionOf(search: Search, file: string, real: string): Promise<Answer> {
  const { size, mtimeSeconds } = stampOf(real);
  const stamp = `${real} ${size} ${mtimeSeconds}`;
  // The shims of version managers decide by folder and settings which CLI they start: their answer is not a file's property.
  const shim = path.basename(real) !== CLI || size < 1_000_000;
  const memory = path.join(search.cacheDir, "versions-on-path.json");
  const known = shim ? {} : readMemory(memory);
  const remembered = known[stamp];
  if (remembered !== undefined) return { version: remembered };
  const answer = await askVersion(search, file);
  if ("version" in answer && !shim) remember(search, memory, { [stamp]: answer.version });
  return answer;
}

function askVersion(search: Search, file: string): Promise<Answer> {
  throwIfAborted(search.signal);
  return new Promise((resolve, reject) => {
    const env = { ...search.env, PULUMI_SKIP_UPDATE_CHECK: "true" };
    execFile(file, ["version"], { env, timeout: ANSWER_MS, killSignal: "SIGKILL", signal: search.signal }, (error, stdout) => {
      try {
        throwIfAborted(search.signal);
      } catch (aborted) {
        reject(aborted);
        return;
      }
      const version = error ? undefined : parseVersion(stdout);
      if (version !== undefined) resolve({ version });
      else resolve({ why: error ? `does not tell its version (${messageOf(error)})` : `tells no version but "${oneLine(stdout)}"` });
    });
  });
}

function readMemory(file: string): Readonly<Record<string, string>> {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, string>) : {};
  } catch {
    // Absent or damaged: the CLI is asked again and the file written anew.
    return {};
  }
}

/** Keeps only the latest answer: PATH rarely names two, and an old one is never asked for again. */
function remember(search: Search, file: string, memory: Readonly<Record<string, string>>): void {
  try {
    mkdirSync(search.cacheDir, { recursive: true });
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, `${JSON.stringify(memory)}\n`);
    renameSync(temporary, file);
  } catch (error) {
    search.report(`toolchain cache: the CLI's version could not be noted, so the next command asks again: ${messageOf(error)}`);
  }
}
