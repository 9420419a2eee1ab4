/** The Docker Engine API that the local cloud's daemon serves. */
import { connect } from "../../local/client";
import { DrillError } from "../errors";
import { engineHost, type EngineHost } from "./host";

/**
 * @param folder of the local cloud's daemon
 * @throws DrillError `local-cloud-not-running`, `local-cloud-too-old`
 */
export async function localEngine(folder: string): Promise<EngineHost> {
  const cloud = await connect(folder);
  if (cloud === undefined) throw new DrillError("local-cloud-not-running", "the local cloud is not running", { fix: "start it with stackfleet local start, or name a real engine with --docker" });
  const host = cloud.env()["DOCKER_HOST"];
  if (host === undefined) throw new DrillError("local-cloud-too-old", "the local cloud that runs serves no Docker API", { fix: "restart it: stackfleet local stop && stackfleet local start" });
  return engineHost({ DOCKER_HOST: host });
}
