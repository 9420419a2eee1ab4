/** Logins that outlive a command: a private file with one token for each cluster. */
import { randomBytes } from "node:crypto";
import { chmodSync, closeSync, fsyncSync, lstatSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import * as path from "node:path";
import { z } from "zod";
import { codeOf, fileError } from "./errors";

const sessionSchema = z.object({
  /** Where the endpoints came from: `stack:chunkstore`, `name:controller`, `given`. */
  source: z.string(),
  endpoints: z.array(z.string()),
  user: z.string(),
  token: z.string(),
  expiresAt: z.string(),
  /** The controller that did the last request. */
  lastGood: z.string().optional(),
});
const fileSchema = z.object({ version: z.literal(1), sessions: z.array(sessionSchema) });

export type Session = z.infer<typeof sessionSchema>;

/** Which cluster is meant. */
export interface Cluster { readonly source: string; readonly endpoints: readonly string[] }

/** Sessions that a file keeps; the oldest go first. */
const MOST_SESSIONS = 20;

/** `$XDG_CONFIG_HOME/stackfleet/chunks.json`, or below `~/.config`. */
export function userSessionFile(env: NodeJS.ProcessEnv): string {
  const given = env["XDG_CONFIG_HOME"];
  // The XDG specification has relative paths ignored.
  const base = given !== undefined && path.isAbsolute(given) ? given : path.join(env["HOME"] || homedir(), ".config");
  return path.join(base, "stackfleet", "chunks.json");
}

/** A file that can't be read, or isn't one of these, counts as empty: a login writes it anew. */
export class SessionStore {
  constructor(readonly file: string) {}

  /**
   * The login for a cluster: of the same source, or of a controller that was named at the login. {@link trusted} says which controllers may get its token.
   */
  find(cluster: Cluster): Session | undefined {
    return this.read().find((session) => matches(session, cluster));
  }

  /** Keeps a login in place of earlier ones for the same cluster. @throws ChunkStoreError `file-unusable` */
  save(session: Session): void {
    this.write([...this.read().filter((other) => !matches(other, session)), session].slice(-MOST_SESSIONS));
  }

  /** @returns true when there was one */
  remove(cluster: Cluster): boolean {
    const all = this.read();
    const rest = all.filter((session) => !matches(session, cluster));
    if (rest.length < all.length) this.write(rest);
    return rest.length < all.length;
  }

  private read(): Session[] {
    try {
      const parsed = fileSchema.safeParse(JSON.parse(readFileSync(this.file, "utf8")));
      return parsed.success ? parsed.data.sessions : [];
    } catch (error) {
      if (error instanceof SyntaxError || ["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "")) return [];
      throw fileError(error, "read the login", this.file, "give your user permission on it");
    }
  }

  private write(sessions: readonly Session[]): void {
    try {
      mkdirSync(path.dirname(this.file), { recursive: true, mode: 0o700 });
      writePrivate(this.file, `${JSON.stringify({ version: 1, sessions }, undefined, 2)}\n`);
    } catch (error) {
      throw fileError(error, "keep the login", this.file, "give your user permission on it, or set XDG_CONFIG_HOME to a folder of your own");
    }
  }
}

function matches(session: Cluster, cluster: Cluster): boolean {
  if (session.source !== GIVEN && session.source === cluster.source) return true;
  return session.endpoints.some((endpoint) => cluster.endpoints.includes(endpoint));
}

/**
 * Where a login's token may go: to whatever its own stack or network name leads to now, because nodes are replaced; otherwise only to
 * controllers that were named at the login, because who names others beside them doesn't say that they are of one cluster.
 */
export function trusted(session: Session, cluster: Cluster): readonly string[] {
  if (session.source !== GIVEN && session.source === cluster.source) return cluster.endpoints;
  return cluster.endpoints.filter((endpoint) => session.endpoints.includes(endpoint));
}

/** Source of endpoints that were named one by one. */
export const GIVEN = "given";

/** A reader sees the old content or the new one, and only the user sees any. */
function writePrivate(file: string, content: string): void {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    const descriptor = openSync(temporary, "wx", 0o600);
    try {
      writeFileSync(descriptor, content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if ((lstatSync(temporary).mode & 0o077) !== 0) chmodSync(temporary, 0o600);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
