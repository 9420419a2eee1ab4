/** The task metadata endpoint (version 4) that containers find in ECS_CONTAINER_METADATA_URI_V4. */
import type { CloudContext } from "../../model";
import type { ContainerState } from "../../runtime/port";
import { ecsController } from "../ecs/schedulers";
import { nameOfDefinition } from "../ecs/shared";
import { containerId, LABEL } from "../ecs/task";
import type { Task } from "../ecs/task";
import { json } from "./protocol";
import type { ApiResponse } from "./protocol";

const PREFIX = "/_ecs/v4/";

/** The answer to a metadata call, or nothing when the call is another. The agent's endpoint takes no signature. */
export function ecsMetadata(url: string, cloud: CloudContext): ApiResponse | undefined {
  if (!url.startsWith(PREFIX)) return undefined;
  const [self = "", part = ""] = url.slice(PREFIX.length).split("?")[0]?.split("/") ?? [];
  // `<task id, 32 digits>-<container name>`
  const task = ecsController(cloud).task(self.slice(0, 32));
  const name = self.slice(33);
  if (!task || !task.containers.has(name))
    return json({ message: `no container ${self} is known` }, 404, { "content-type": "application/json" });
  if (part !== "" && part !== "task")
    return json({ message: `${part} is not modelled by the local cloud; extend local/aws/api/ecsMetadata.ts` }, 404, {
      "content-type": "application/json",
    });
  return json(part === "task" ? describeTask(task, cloud) : describeContainer(task, name, cloud), 200, {
    "content-type": "application/json",
  });
}

function describeTask(task: Task, cloud: CloudContext): object {
  const [family, revision] = nameOfDefinition(task.definition).split(":");
  return {
    Cluster: task.clusterArn,
    TaskARN: task.arn,
    Family: family,
    Revision: revision,
    DesiredStatus: task.desired,
    KnownStatus: task.status,
    LaunchType: "FARGATE",
    AvailabilityZone: `${task.region}a`,
    ServiceName: task.serviceArn.split("/").at(-1),
    Containers: [...task.containers.keys()].map((name) => describeContainer(task, name, cloud)),
  };
}

function describeContainer(task: Task, name: string, cloud: CloudContext): object {
  const state: ContainerState | undefined = cloud.runtime.get(containerId(task.id, name));
  return {
    DockerId: `${task.id}-${name}`,
    Name: name,
    DockerName: name,
    Image: state?.spec.image,
    Labels: {
      "com.amazonaws.ecs.cluster": task.clusterArn,
      "com.amazonaws.ecs.task-arn": task.arn,
      "com.amazonaws.ecs.container-name": state?.spec.labels[LABEL.container] ?? name,
    },
    DesiredStatus: task.desired,
    KnownStatus: state?.status === "running" ? "RUNNING" : "STOPPED",
    Type: "NORMAL",
    ContainerARN: `${task.arn.replace(":task/", ":container/")}/${name}`,
    Networks: [{ NetworkMode: "awsvpc", IPv4Addresses: state ? [state.address] : [] }],
  };
}
