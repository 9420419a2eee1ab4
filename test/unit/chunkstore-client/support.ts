/** Clients and folders that a test's end takes away. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { onTestFinished } from "vitest";
import { ChunkStoreClient, ChunkStoreError, type ClientOptions } from "../../../workloads/chunkstore/client";
import type { FakeController } from "./fake-controller";

export function folder(): string {
  const dir = fs.mkdtempSync(path.join(tmpdir(), "chunks-client-"));
  onTestFinished(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export function clientOf(controllers: readonly (FakeController | string)[], options: Partial<ClientOptions> = {}): ChunkStoreClient {
  const client = new ChunkStoreClient({
    endpoints: controllers.map((one) => (typeof one === "string" ? one : one.endpoint)), token: "token", pause: () => Promise.resolve(),
    timeouts: { connectMs: 2_000, answerMs: 2_000, stallMs: 2_000, commitMs: 2_000 }, ...options,
  });
  onTestFinished(() => client.close());
  return client;
}

/** The error that a promise rejects with. */
export async function faultOf(promise: Promise<unknown>): Promise<ChunkStoreError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ChunkStoreError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** Content that differs from byte to byte. */
export function bytes(size: number): Buffer {
  const content = Buffer.allocUnsafe(size);
  for (let at = 0; at < size; at++) content[at] = (at * 31 + (at >> 8)) & 0xff;
  return content;
}
