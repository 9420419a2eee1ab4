/** Reads a file through any controller; goes on at another one, where it stopped, when a connection breaks. */
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { AttemptFailed, ChunkStoreError } from "./errors";
import type { Answer } from "./exchange";
import { allFailed, realPause, tryEach } from "./failover";
import { filePath, type TransferContext } from "./upload";

export interface ReadOptions { readonly signal?: AbortSignal | undefined }

/** A file that is being read: one version of it, whatever is written meanwhile. */
export interface OpenFile {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  /** The version's id. */
  readonly upload: string;
  /** Controllers that took part, in order. */
  readonly controllers: readonly string[];
  /**
   * The content, once; constant memory.
   * @throws ChunkStoreError `file-changed`, `chunk-unavailable`, `no-controller`; `checksum-mismatch` after the last piece
   */
  pieces(): AsyncGenerator<Buffer, void, undefined>;
  /** For a file that is not read to its end. */
  discard(): void;
}

/** Breaks in a row without a new byte, for each controller. */
const FRUITLESS_BREAKS = 3;
const FRUITLESS_PAUSE_MS = 200;

/** @throws ChunkStoreError `file-not-found`, `no-controller`, … */
export async function openFile(name: string, { signal }: ReadOptions, context: TransferContext): Promise<OpenFile> {
  const path = filePath(name);
  const { exchange, authorization, endpoints, failover } = context;
  const first = await tryEach(async (endpoint) => {
    const answer = await exchange.open(endpoint, { method: "GET", path, headers: authorization(), signal, watchdog: exchange.answerWatchdog(exchange.timeouts.stallMs) });
    return { answer, head: checked(answer, () => headOf(answer)) };
  }, { ...failover, endpoints, signal, doubtful: { codes: ["file-not-found"] } });
  return new ResumingFile(name, path, first, signal, context);
}

interface Head { readonly size: number; readonly sha256: string; readonly upload: string }

class ResumingFile implements OpenFile {
  readonly size: number;
  readonly sha256: string;
  readonly upload: string;
  readonly controllers: string[];
  private answer: Answer;
  private fruitless = 0;

  constructor(readonly name: string, private readonly path: string, first: { readonly answer: Answer; readonly head: Head }, private readonly signal: AbortSignal | undefined, private readonly context: TransferContext) {
    ({ size: this.size, sha256: this.sha256, upload: this.upload } = first.head);
    this.answer = first.answer;
    this.controllers = [first.answer.endpoint];
  }

  discard(): void {
    this.answer.discard();
  }

  async *pieces(): AsyncGenerator<Buffer, void, undefined> {
    const hash = createHash("sha256");
    let offset = 0;
    for (;;) {
      try {
        for await (const piece of this.answer.pieces()) {
          offset += piece.length;
          if (offset > this.size) throw new ChunkStoreError("bad-answer", `${this.answer.endpoint} sent more than the ${this.size} bytes it announced`);
          this.fruitless = 0;
          hash.update(piece);
          yield piece;
        }
        if (offset < this.size) throw new AttemptFailed(this.answer.endpoint, `the answer ended after ${offset} of ${this.size} bytes`);
        break;
      } catch (error) {
        if (!(error instanceof AttemptFailed)) throw error;
        if (offset === this.size) break; // all is here: how the connection ended doesn't matter
        await this.resume(offset, error);
      }
    }
    const actual = hash.digest("hex");
    if (actual !== this.sha256) {
      throw new ChunkStoreError("checksum-mismatch", `what arrived is not ${this.name}; got SHA-256 ${actual}; expected ${this.sha256}`, { details: [`sent by ${this.controllers.join(", ")}`], fix: "run it again" });
    }
  }

  private async resume(offset: number, broken: AttemptFailed): Promise<void> {
    const { exchange, authorization, endpoints, failover } = this.context;
    const order = endpoints.orderAfter(broken.endpoint);
    if (++this.fruitless > FRUITLESS_BREAKS * order.length) throw allFailed([broken]);
    if (this.fruitless > order.length) await (failover.pause ?? realPause)(FRUITLESS_PAUSE_MS * this.fruitless, this.signal);
    if (order[0] !== undefined && order[0] !== broken.endpoint) failover.onFailover?.(broken, order[0]);
    const headers = { ...authorization(), range: `bytes=${offset}-`, "if-match": `"${this.upload}"` };
    try {
      this.answer = await tryEach(async (endpoint) => {
        const answer = await exchange.open(endpoint, { method: "GET", path: this.path, headers, signal: this.signal, watchdog: exchange.answerWatchdog(exchange.timeouts.stallMs) });
        checked(answer, () => this.checkRest(answer, offset));
        return answer;
        // One that does not know the version yet, or knows a newer one only, says nothing about the others.
      }, { ...failover, endpoints, order, signal: this.signal, doubtful: { codes: ["file-not-found", "file-changed", "range-not-satisfiable"], always: true } });
      this.controllers.push(this.answer.endpoint);
    } catch (error) {
      if (!(error instanceof ChunkStoreError) || !["file-not-found", "file-changed", "range-not-satisfiable"].includes(error.code)) throw error;
      throw new ChunkStoreError("file-changed", `${this.name} was ${error.code === "file-not-found" ? "deleted" : "replaced"} while it was read`, { ...error.options, fix: "run it again" });
    }
  }

  private checkRest(answer: Answer, offset: number): void {
    const { endpoint, status, headers } = answer;
    const range = `bytes ${offset}-${this.size - 1}/${this.size}`;
    if (status !== 206 || headers["content-range"] !== range) throw new AttemptFailed(endpoint, `was asked to go on and did not; got status ${status}, range ${String(headers["content-range"])}; expected 206, ${range}`);
    if (headers.etag !== `"${this.upload}"`) throw new AttemptFailed(endpoint, "went on with another version of the file");
  }
}

/** What is announced ahead of the content. @throws AttemptFailed */
function headOf({ endpoint, status, headers }: { readonly endpoint: string; readonly status: number; readonly headers: IncomingHttpHeaders }): Head {
  const size = Number(headers["content-length"]);
  const sha256 = headers["x-content-sha256"];
  const upload = /^"([A-Za-z0-9-]{1,64})"$/.exec(headers.etag ?? "")?.[1];
  const whole = status === 200 && /^\d{1,15}$/.test(headers["content-length"] ?? "");
  if (!whole || typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256) || upload === undefined) {
    throw new AttemptFailed(endpoint, "the answer is not what a controller says: content needs status 200, a length, an ETag and X-Content-SHA256");
  }
  return { size, sha256, upload };
}

/** Ends the connection when its answer is refused. */
function checked<T>(answer: Answer, check: () => T): T {
  try {
    return check();
  } catch (error) {
    answer.discard();
    throw error;
  }
}
