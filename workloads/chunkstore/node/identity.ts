/** A node's name for life: made at its first start, kept on its volume. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { nodeIdSchema } from "../contract/record";

const FILE = "node-id";
/** Leaves room for the timestamp in the 128 characters of an ID. */
const HOST_CHARACTERS = 100;

export interface IdentityOptions {
  readonly dataDir: string;
  /** What the environment says; wins, and is not kept, so that taking it away gives the node its own name back. */
  readonly override?: string | undefined;
  /** @default this machine's */
  readonly host?: string;
  /** Milliseconds since 1970. @default the clock's */
  readonly now?: number;
}

/**
 * The node's ID, `hostname-timestamp`; durable on return. Call it with the volume locked.
 * @throws {Error} when the file on the volume holds something else
 */
export function loadNodeId({ dataDir, override, host = hostname(), now = Date.now() }: IdentityOptions): string {
  if (override !== undefined) return override;
  const file = join(dataDir, FILE);
  const kept = readIfPresent(file)?.trim();
  if (kept === undefined) {
    const id = `${hostPart(host)}-${now}`;
    writeDurably(dataDir, file, `${id}\n`);
    return id;
  }
  if (nodeIdSchema.safeParse(kept).success) return kept;
  throw new Error(`${file}: holds no node ID; expected 1 to 128 of A-Z a-z 0-9 _ . -; remove the file and the node takes a new ID`);
}

function hostPart(host: string): string {
  const plain = host.replace(/[^A-Za-z0-9_.-]/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, HOST_CHARACTERS);
  return plain === "" ? "node" : plain;
}

function readIfPresent(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function writeDurably(folder: string, file: string, text: string): void {
  const temporary = `${file}.new`;
  const handle = openSync(temporary, "w", 0o644);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, file);
  const parent = openSync(folder, "r");
  try {
    fsyncSync(parent);
  } finally {
    closeSync(parent);
  }
}
