/** The provider's program: prints its port, serves until the engine is gone. */
import { setTimeout as delay } from "node:timers/promises";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { AerospikeCloudClient } from "../api/client";
import { engineLog } from "./log";
import { providerService } from "./service";

/** Pulumi's own limit for one message, 400 MiB. Source: sdk/go/common/util/rpcutil. */
const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;
const PARENT_CHECK_MS = 1_000;

async function main(): Promise<void> {
  const log = engineLog();
  // The engine's address is the first argument that is no flag.
  log.connect(process.argv.slice(2).find((arg) => !arg.startsWith("-")) ?? "");
  const service = providerService({
    env: process.env, log, makeClient: (settings) => new AerospikeCloudClient(settings), now: Date.now,
    sleep: async (ms, signal) => {
      await delay(ms, undefined, { signal }).catch((error: unknown) => {
        throw signal.aborted ? signal.reason : error;
      });
    },
  });
  const server = new Server({ "grpc.max_receive_message_length": MAX_MESSAGE_BYTES, "grpc.max_send_message_length": MAX_MESSAGE_BYTES });
  server.addService(ResourceProviderService, service);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  process.stdout.write(`${port}\n`);
  exitWithParent();
}

/** An engine that was killed ends nobody: whoever lost its parent has nothing left to do. */
function exitWithParent(): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(0);
  }, PARENT_CHECK_MS);
}

main().catch((error: unknown) => {
  process.stderr.write(`pulumi-resource-aerospikecloud: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
