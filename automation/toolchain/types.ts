/** What a search for the Pulumi CLI is given, and what it finds. */

/** File names that a toolchain of this project's own consists of; the CLI finds the others beside itself. */
export const CLI = "pulumi";
export const LANGUAGE_HOST = "pulumi-language-nodejs";

/** A Pulumi CLI that can run this project's programs. */
export interface Toolchain {
  /** Absolute path of the CLI. */
  readonly pulumi: string;
  /**
   * Folder to put first on PATH: holds the CLI and what local programs need beside it. Only in a toolchain found on PATH
   * the language host may lie in another folder of PATH.
   */
  readonly binDir: string;
  /** `3.220.0` */
  readonly version: string;
  /** Which step found it. What `release` and `go` install is found as `cache` from then on. */
  readonly source: "path" | "cache" | "release" | "go";
}

export interface ToolchainOptions {
  /** Gets one line for each step that fails or takes long. Nothing is printed by the search itself. */
  readonly report: (line: string) => void;
  /** Ends the search, a download or a build with all its processes. */
  readonly signal?: AbortSignal;
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv;
  /** Folder that holds this project's package.json and tools/. @default found from this file upwards */
  readonly packageRoot?: string;
}

/** One search, with all defaults filled in. */
export interface Search {
  readonly report: (line: string) => void;
  readonly signal?: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
  readonly packageRoot: string;
  /** Folder of the cache; need not exist. */
  readonly cacheDir: string;
}

/** A step either finds a toolchain or says on one line why not. */
export type StepResult = { readonly toolchain: Toolchain } | { readonly why: string };
