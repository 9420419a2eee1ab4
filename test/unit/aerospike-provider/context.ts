/** The context of a resource call, with a clock that moves by the sleeps only. */
import type { AerospikeCloudClient } from "../../../providers/aerospike-cloud/api/client";
import type { CallContext } from "../../../providers/aerospike-cloud/provider/handler";

export interface TestContext extends CallContext {
  readonly progressed: string[];
  readonly told: string[];
  readonly warned: string[];
  /** Every sleep, in milliseconds. */
  readonly slept: number[];
  cancel(): void;
}

export function contextOf(client: AerospikeCloudClient, changes: Partial<CallContext> = {}): TestContext {
  const abort = new AbortController();
  const [progressed, told, warned, slept]: [string[], string[], string[], number[]] = [[], [], [], []];
  let now = Date.parse("2026-01-01T00:00:00.000Z");
  return {
    client, urn: "urn:pulumi:s::p::aerospikecloud:index:Cluster::one", timeScale: 1, timeoutSeconds: 0, signal: abort.signal,
    now: () => now,
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      slept.push(ms);
      now += ms;
    },
    progress: async (message) => void progressed.push(message), info: (message) => void told.push(message), warn: (message) => void warned.push(message),
    progressed, told, warned, slept, cancel: () => abort.abort(new Error("cancelled")),
    ...changes,
  };
}
