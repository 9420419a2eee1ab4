/** The controller as a program: settings from the environment, everything else finds itself. */
import { startController } from "../controller";
import { createLogger, dropPrivileges, loadNodeId, lockVolume, readSettings, runNode, type NodeLog } from "../node";

let log: NodeLog | undefined;

void runNode(async ({ signal }) => {
  const settings = readSettings(process.env, "controller");
  if (settings.runAs) dropPrivileges(settings.runAs, settings.dataDir);
  const lock = lockVolume(settings.dataDir);
  const nodeId = loadNodeId({ dataDir: settings.dataDir, override: settings.nodeId });
  log = createLogger({ role: "controller", node: nodeId, level: settings.logLevel });
  const controller = await startController({ settings, nodeId, log, signal });
  return {
    close: async () => {
      await controller.close();
      lock.release();
    },
  };
}, () => log);
