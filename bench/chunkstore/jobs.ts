/** What the benchmark's worker processes do, as messages: so many at once, timed as a whole. */

/** A file of this machine and its name in the store. */
export interface Item { readonly file: string; readonly name: string }

export type Job =
  /** Each lane is a client of its own, whose first controller differs from its neighbour's. */
  | { readonly kind: "upload"; readonly items: readonly Item[]; readonly lanes: number; readonly endpoints: readonly string[]; readonly user: string; readonly password: string }
  | { readonly kind: "download"; readonly items: readonly Item[]; readonly lanes: number; readonly endpoints: readonly string[]; readonly user: string; readonly password: string }
  /** Copies each item's file into every folder under its name, with SHA-256 and as durably as the store does. */
  | { readonly kind: "copy"; readonly items: readonly Item[]; readonly lanes: number; readonly folders: readonly string[] }
  /** Plain GETs whose bodies are thrown away. */
  | { readonly kind: "get"; readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly count: number; readonly lanes: number };

export interface JobResult {
  readonly seconds: number;
  /** Of content, once. */
  readonly bytes: number;
}

export type WorkerMessage = { readonly ok: JobResult } | { readonly failed: string };
