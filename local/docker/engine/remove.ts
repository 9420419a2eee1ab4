/** The end of a container: its process, its address, its files, and the volumes that only it knew. */
import type { CloudContext, ResourceRecord } from "../../model";
import { EngineError } from "../errors";
import type { ContainerView } from "./containers";
import { engineOf } from "./index";
import { runtimeId, volumeMounts } from "./spec";

/** @param graceSeconds 0: SIGKILL at once */
export async function endContainer(record: ResourceRecord, graceSeconds: number, withVolumes: boolean, cloud: CloudContext): Promise<void> {
  await cloud.runtime.remove(runtimeId(record), graceSeconds);
  if (!withVolumes) return;
  for (const { name } of volumeMounts(record).filter(({ anonymous }) => anonymous)) engineOf(cloud).volumes.discard(name);
}

/** Through the API: the stack that declared it finds it gone. @throws {EngineError} 409 while it runs, unless forced */
export async function removeContainer(container: ContainerView, options: { readonly force: boolean; readonly volumes: boolean }, cloud: CloudContext): Promise<void> {
  if (container.running && !options.force) {
    throw new EngineError(409, `cannot remove container "/${container.name}": container is running: stop the container before removing or force remove`);
  }
  await endContainer(container.record, 0, options.volumes, cloud);
  cloud.discard(container.record);
}
