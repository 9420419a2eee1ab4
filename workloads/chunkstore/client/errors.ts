/** The client's errors: a stable code, one line that says what happened, and what to do. */
import type { ErrorCode } from "../contract/clientApi";

/** What the client finds out by itself; all other codes are the controllers' ({@link ErrorCode}). */
export type ClientErrorCode =
  /** Wrong arguments. Exit code 2. */ | "usage"
  | "not-logged-in"
  /** Every controller was tried, and none could do it. */ | "no-controller"
  /** A controller's answer is not one of this protocol. */ | "bad-answer"
  /** The file on this machine changed while it was sent; nothing was stored. */ | "source-changed"
  /** Content that can't be read again was under way when the connection broke. */ | "upload-interrupted"
  | "target-exists" | "file-unusable" | "output-failed" | "interrupted";

/** Base of all errors that the client reports. Holds neither token nor password. */
export class ChunkStoreError extends Error {
  constructor(
    readonly code: ErrorCode | ClientErrorCode,
    message: string,
    readonly options: {
      /** One line that says what to do. */
      readonly fix?: string;
      /** Further lines, such as what each controller said. */
      readonly details?: readonly string[];
      /** HTTP status when a controller refused. */
      readonly status?: number;
      /** Seconds after which a controller asks to try again. */
      readonly retryAfterSeconds?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "ChunkStoreError";
  }

  /** 2: wrong usage, 130: interrupted, 1: all else. */
  get exitCode(): 1 | 2 | 130 {
    return this.code === "usage" ? 2 : this.code === "interrupted" ? 130 : 1;
  }
}

/** An attempt that failed in a way that says nothing about the request: another controller may do better. */
export class AttemptFailed extends Error {
  constructor(
    readonly endpoint: string,
    /** One clause, such as `connection refused`. */
    readonly reason: string,
    /** What a controller answered, if one did. */
    readonly refusal?: ChunkStoreError,
  ) {
    super(`${endpoint}: ${reason}`);
    this.name = "AttemptFailed";
  }
}

export function interrupted(cause?: unknown): ChunkStoreError {
  return new ChunkStoreError("interrupted", "interrupted", { cause });
}

/** `ENOENT`, `UND_ERR_SOCKET`… of an error or of what caused it. */
export function codeOf(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    const { code } = at as { code?: unknown };
    if (typeof code === "string") return code;
    if (at instanceof AggregateError && at.errors.length > 0) return codeOf(at.errors[0]);
  }
  return undefined;
}

const NETWORK_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused", ECONNRESET: "connection reset", EPIPE: "connection closed", UND_ERR_SOCKET: "connection closed",
  UND_ERR_CONNECT_TIMEOUT: "no connection in time", ETIMEDOUT: "no connection in time", ENOTFOUND: "name not found", EAI_AGAIN: "name can't be looked up",
  EHOSTUNREACH: "host unreachable", ENETUNREACH: "network unreachable", UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "the answer ended early",
};

/** A clause for a failed connection. */
export function networkReason(error: unknown): string {
  const code = codeOf(error);
  if (code !== undefined && code in NETWORK_REASONS) return NETWORK_REASONS[code] ?? code;
  if (code?.startsWith("HPE_") === true) return "the answer is not HTTP";
  return error instanceof Error ? error.message : String(error);
}

const FILE_REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder", EACCES: "no permission", EPERM: "no permission", EISDIR: "it is a folder", ENOTDIR: "a part of the path is not a folder", EEXIST: "a file is in the way",
  ENOSPC: "the disk is full", EDQUOT: "the disk quota is used up", EROFS: "the file system is read-only", ENAMETOOLONG: "the name is too long", ELOOP: "too many symbolic links", EIO: "input/output error",
};

/** An error of this machine's file system, told by path; anything else comes back as it is. */
export function fileError(error: unknown, doing: string, file: string, fix?: string): unknown {
  const code = codeOf(error);
  const reason = code === undefined ? undefined : FILE_REASONS[code];
  if (error instanceof ChunkStoreError || reason === undefined) return error;
  return new ChunkStoreError("file-unusable", `can't ${doing}; got ${file}: ${reason}`, { cause: error, ...(fix !== undefined && { fix }) });
}
