/** Pulls a chunk from another chunkserver. */
import { request } from "undici";
import type { NodeClient } from "../contract/ports";
import type { ReplicateRequest } from "../contract/nodeApi";
import { hostOf, unlessAborted } from "../transport";

export type Source = ReplicateRequest["sources"][number];

/** A source didn't give the chunk; the message says why. */
export class SourceFailed extends Error {
  override readonly name = "SourceFailed";
}

/** Opens a chunk's bytes at a source, unverified. @throws {SourceFailed} */
export type OpenChunk = (source: Source, upload: string, index: number, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;

/** Answers and bodies that stall for so long are given up; the next source is asked. */
const SILENCE_MS = 5_000;

export function chunkSource(client: Pick<NodeClient, "dispatcher">): OpenChunk {
  return async ({ address, port }, upload, index, signal) => {
    const { statusCode, body } = await unlessAborted(request(`https://${hostOf(address)}:${port}/v1/chunks/${upload}/${index}`, {
      dispatcher: client.dispatcher, signal, headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS,
    }), signal).catch((error: unknown) => {
      throw new SourceFailed(error instanceof Error && "code" in error ? String(error.code) : String(error), { cause: error });
    });
    if (statusCode === 200) return body as AsyncIterable<Uint8Array>;
    await body.dump();
    throw new SourceFailed(`answered ${statusCode}`);
  };
}
