/** The two halves of a task's start: its registration, and its containers once Fargate has a place for it. */
import type { CloudContext, ResourceRecord } from "../../model";
import { arn } from "../arn";
import { text } from "../define";
import { wayOutFault } from "./reachability";
import { clusterArn } from "./shared";
import { containerSpecs, LABEL } from "./task";
import type { Task } from "./task";

/** A task of a service that has just been asked for. */
export function newTask(service: ResourceRecord, definition: string, cloud: CloudContext): Task {
  const id = cloud.ids.hex(32);
  const cluster = clusterArn(service, text(service.outputs["cluster"]));
  return {
    id,
    arn: arn(service, "ecs", `task/${cluster.split("/").at(-1) ?? ""}/${id}`),
    region: service.region,
    account: service.account,
    clusterArn: cluster,
    serviceArn: service.arn ?? service.id,
    definition,
    containers: new Map(),
    createdAt: cloud.clock.now().toISOString(),
    status: "PROVISIONING",
    desired: "RUNNING",
    abort: new AbortController(),
    wasReady: false,
  };
}

/** Starts the containers of a task, unless it is stopped meanwhile. @throws with the reason that ECS would give the stopped task */
export async function startContainers(
  task: Task,
  service: ResourceRecord | undefined,
  definition: ResourceRecord | undefined,
  cloud: CloudContext,
): Promise<void> {
  if (!service || !definition) throw new Error("the service or its task definition is gone");
  const fault = wayOutFault(service, cloud);
  if (fault !== undefined) throw new Error(fault);
  for (const spec of containerSpecs(task, service, definition, cloud)) {
    if (task.desired !== "RUNNING") return;
    // Noted first: a stop that comes while the container starts must find it.
    task.containers.set(spec.labels[LABEL.container] ?? spec.id, spec.id);
    await cloud.runtime.run(spec);
  }
  if (task.desired !== "RUNNING") return;
  task.status = "RUNNING";
  task.startedAt = cloud.clock.now().toISOString();
}
