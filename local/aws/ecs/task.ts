/** One ECS task: its containers, its statuses, and how it becomes containers of the runtime. */
import { createHash } from "node:crypto";
import type { CloudContext, ResourceRecord } from "../../model";
import type { ContainerSpec, ContainerState } from "../../runtime/port";
import { nameOf } from "../arn";
import { localCredentials } from "../credentials";
import { list, object, text } from "../define";
import { FARGATE } from "../latencies";
import { discoveryName } from "../servicediscovery/namespace";
import { parseDefinitions } from "./definition";
import type { ContainerDefinition } from "./definition";

export type TaskStatus = "PROVISIONING" | "PENDING" | "RUNNING" | "DEPROVISIONING" | "STOPPED";

/** A task of a service. Mutable: only the controller changes it. */
export interface Task {
  readonly arn: string;
  readonly id: string;
  readonly region: string;
  readonly account: string;
  readonly clusterArn: string;
  readonly serviceArn: string;
  /** ARN of the task definition's revision. */
  readonly definition: string;
  /** Ids in the runtime, by container name; empty until the task starts. */
  containers: Map<string, string>;
  readonly createdAt: string;
  startedAt?: string;
  stoppedAt?: string;
  stoppedReason?: string;
  status: TaskStatus;
  desired: "RUNNING" | "STOPPED";
  /** It has been ready at least once. */
  wasReady: boolean;
  /** Ends the waits of a task that is still starting. */
  readonly abort: AbortController;
  /** Settled when the last container is gone. */
  stopping?: Promise<void>;
}

/** Labels that every container of a task carries: the tasks of a daemon that died are read back from them. */
export const LABEL = {
  region: "region",
  cluster: "cluster",
  service: "service",
  task: "task",
  stack: "stack",
  serviceArn: "ecs.service-arn",
  clusterArn: "ecs.cluster-arn",
  definition: "ecs.definition",
  account: "account",
  container: "ecs.container",
  createdAt: "ecs.created-at",
  essential: "ecs.essential",
} as const;

/** Seconds between SIGTERM and SIGKILL. Source: ECS container agent, `ECS_CONTAINER_STOP_TIMEOUT`. */
const DEFAULT_STOP_SECONDS = 30;

/** Simulated seconds this task needs to start: spread over the published range, the same for the same task. */
export function launchSeconds(taskId: string): number {
  const share = (createHash("sha256").update(taskId).digest()[0] ?? 0) / 255;
  return FARGATE.launchMinSeconds + share * (FARGATE.launchMaxSeconds - FARGATE.launchMinSeconds);
}

/** The containers of a task, as the runtime takes them. */
export function containerSpecs(task: Task, service: ResourceRecord, definition: ResourceRecord, cloud: CloudContext): ContainerSpec[] {
  const alias = discoveryName(cloud, text(object(service.inputs["serviceRegistries"])["registryArn"]));
  const network = vpcOf(service, cloud);
  return parseDefinitions(text(definition.inputs["containerDefinitions"])).map((container) => ({
    id: containerId(task.id, container.name),
    image: container.image,
    ...(container.command === undefined ? {} : { command: container.command }),
    environment: environmentOf(task, container, cloud),
    networks: [{ name: network, aliases: alias === undefined ? [] : [alias] }],
    ...(container.healthCheck === undefined ? {} : { healthCheck: healthCheckOf(container.healthCheck) }),
    // ECS never restarts a container of a task: it stops the task, and the service starts another.
    restart: "no",
    labels: {
      [LABEL.region]: task.region,
      [LABEL.account]: task.account,
      [LABEL.cluster]: nameOf(task.clusterArn),
      [LABEL.service]: text(service.outputs["name"]),
      [LABEL.task]: task.id,
      [LABEL.stack]: service.stack,
      [LABEL.serviceArn]: task.serviceArn,
      [LABEL.clusterArn]: task.clusterArn,
      [LABEL.definition]: task.definition,
      [LABEL.container]: container.name,
      [LABEL.createdAt]: task.createdAt,
      [LABEL.essential]: String(container.essential ?? true),
    },
    region: task.region,
  }));
}

/** `ecs-<task id>-<container name>` */
export function containerId(taskId: string, container: string): string {
  return `ecs-${taskId}-${container}`;
}

/** Containers of one VPC see each other by name. */
function vpcOf(service: ResourceRecord, cloud: CloudContext): string {
  const [subnet] = list(object(service.outputs["networkConfiguration"])["subnets"]);
  const record = cloud.store.get("aws:ec2/subnet:Subnet", text(subnet), { region: service.region, account: service.account });
  return text(record?.outputs["vpcId"], `${service.account}-${service.region}`);
}

function environmentOf(task: Task, container: ContainerDefinition, cloud: CloudContext): Record<string, string> {
  return {
    AWS_REGION: task.region,
    AWS_DEFAULT_REGION: task.region,
    AWS_EXECUTION_ENV: "AWS_ECS_FARGATE",
    AWS_ENDPOINT_URL: cloud.endpointUrl,
    ...localCredentials(task),
    ECS_CONTAINER_METADATA_URI_V4: `${cloud.endpointUrl}/_ecs/v4/${task.id}-${container.name}`,
    ...Object.fromEntries((container.environment ?? []).map(({ name, value }) => [name, value])),
  };
}

function healthCheckOf(check: NonNullable<ContainerDefinition["healthCheck"]>): NonNullable<ContainerSpec["healthCheck"]> {
  // Source of the defaults: ECS API, HealthCheck.
  return {
    command: check.command,
    intervalSeconds: check.interval ?? 30,
    timeoutSeconds: check.timeout ?? 5,
    retries: check.retries ?? 3,
    startPeriodSeconds: check.startPeriod ?? 0,
  };
}

/** Real seconds a task's containers get to end by themselves. */
export function stopSeconds(definition: ResourceRecord | undefined): number {
  const definitions = definition ? parseDefinitions(text(definition.inputs["containerDefinitions"])) : [];
  return Math.max(...definitions.map((container) => container.stopTimeout ?? DEFAULT_STOP_SECONDS), 2);
}

/** A task as its surviving containers tell it. */
export function adoptedTask(states: readonly ContainerState[]): Task | undefined {
  const [first] = states;
  if (!first) return undefined;
  const label = (name: string) => first.spec.labels[name] ?? "";
  const id = label(LABEL.task);
  return {
    arn: `${label(LABEL.clusterArn).replace(":cluster/", ":task/")}/${id}`,
    id,
    region: label(LABEL.region),
    account: label(LABEL.account),
    clusterArn: label(LABEL.clusterArn),
    serviceArn: label(LABEL.serviceArn),
    definition: label(LABEL.definition),
    createdAt: label(LABEL.createdAt),
    status: "RUNNING",
    desired: "RUNNING",
    containers: new Map(states.map((state) => [state.spec.labels[LABEL.container] ?? "", state.spec.id])),
    abort: new AbortController(),
    wasReady: false,
    ...(first.startedAt === undefined ? {} : { startedAt: first.startedAt }),
  };
}

/** Health of a task: that of its essential containers with a check. */
export function healthOf(task: Task, cloud: CloudContext): "HEALTHY" | "UNHEALTHY" | "UNKNOWN" {
  const checked = [...task.containers.values()].flatMap((id) => cloud.runtime.get(id) ?? []).filter((state) => state.spec.healthCheck);
  if (checked.some((state) => state.health === "unhealthy")) return "UNHEALTHY";
  return checked.length > 0 && checked.every((state) => state.health === "healthy") ? "HEALTHY" : "UNKNOWN";
}

/** Whether the task does its work: running, and healthy where a check says so. */
export function isReady(task: Task, cloud: CloudContext): boolean {
  if (task.status !== "RUNNING" || task.desired !== "RUNNING" || task.containers.size === 0) return false;
  return [...task.containers.values()].every((id) => {
    const state = cloud.runtime.get(id);
    if (state?.spec.labels[LABEL.essential] === "false") return true;
    return state?.status === "running" && (state.health === "none" || state.health === "healthy");
  });
}
