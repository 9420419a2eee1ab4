/** A chunkserver as a process. All settings come from the environment; see `contract/settings.ts`. */
import { startChunkserver } from "../chunkserver";
import { createLogger, dropPrivileges, loadNodeId, lockVolume, readSettings, runNode, type NodeLog } from "../node";

// Files are read, written and synced on libuv's threads. It reads this when the first of them starts, and its 4 would be what the disk waits for.
process.env["UV_THREADPOOL_SIZE"] ??= "12";

let log: NodeLog | undefined;

void runNode(async ({ signal }) => {
  const settings = readSettings(process.env, "chunkserver");
  if (settings.runAs !== undefined) dropPrivileges(settings.runAs, settings.dataDir);
  const lock = lockVolume(settings.dataDir);
  const nodeId = loadNodeId({ dataDir: settings.dataDir, override: settings.nodeId });
  log = createLogger({ role: "chunkserver", node: nodeId, level: settings.logLevel });
  const chunkserver = await startChunkserver({ settings, nodeId, log, signal });
  return {
    close: async () => {
      await chunkserver.close();
      lock.release();
    },
  };
}, () => log);
