/** Where everything of one fleet lies on disk. Pure: makes no folder. */
import { existsSync } from "node:fs";
import * as path from "node:path";

export type Target = "local" | "cloud";
export const TARGETS = ["local", "cloud"] as const;

/** Paths under one `.stackfleet`. */
export interface Layout {
  /** Folder that holds `.stackfleet`. */
  readonly root: string;
  /** `.stackfleet` itself. */
  readonly home: string;
  /** Folder of the local cloud's daemon. */
  readonly localCloud: string;
  readonly runs: string;
  /** Lock of the live run. */
  readonly runLock: string;
  target(target: Target): TargetLayout;
  run(id: string): RunLayout;
}

export interface TargetLayout {
  /** Pulumi project folder: `Pulumi.yaml`, `Pulumi.<stack>.yaml`, the entry of by-hand runs. */
  readonly project: string;
  /** Folder of the `file://` backend. */
  readonly state: string;
  /** PULUMI_HOME of the local target. */
  readonly pulumiHome: string;
  /** Secrets that the local target made up, one file each. */
  readonly secrets: string;
  /** Locks of its drills, and what they still have to put back. */
  readonly drills: string;
}

export interface RunLayout { readonly dir: string; readonly journal: string; log(stack: string): string }

export function layoutAt(root: string): Layout {
  const home = path.join(root, ".stackfleet");
  return {
    root,
    home,
    localCloud: path.join(home, "local", "cloud"),
    runs: path.join(home, "runs"),
    runLock: path.join(home, "run.lock"),
    target: (target) => ({
      project: path.join(home, target, "project"),
      state: path.join(home, target, "state"),
      pulumiHome: path.join(home, target, "pulumi-home"),
      secrets: path.join(home, target, "secrets"),
      drills: path.join(home, target, "drills"),
    }),
    run: (id) => {
      const dir = path.join(home, "runs", id);
      return { dir, journal: path.join(dir, "journal.jsonl"), log: (stack) => path.join(dir, "logs", `${stack}.log`) };
    },
  };
}

/**
 * The folder whose `.stackfleet` a command works on: `STACKFLEET_ROOT`, else the nearest folder from `cwd` upwards that has
 * a `.stackfleet` or a `fleet.config.*`, else `cwd`.
 */
export function findRoot(cwd: string, env: NodeJS.ProcessEnv = process.env): string {
  const given = env["STACKFLEET_ROOT"];
  if (given) return path.resolve(cwd, given);
  for (let dir = path.resolve(cwd); ; dir = path.dirname(dir)) {
    if ([".stackfleet", ...CONFIG_NAMES].some((name) => existsSync(path.join(dir, name)))) return dir;
    if (dir === path.dirname(dir)) return path.resolve(cwd);
  }
}

/** Names a fleet config is looked for under, in this order. */
export const CONFIG_NAMES = ["fleet.config.ts", "fleet.config.mts", "fleet.config.cts", "fleet.config.js", "fleet.config.mjs", "fleet.config.cjs"] as const;
