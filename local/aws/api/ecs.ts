/** ECS: what the workloads and the driver ask of clusters, services and tasks. */
import { ServiceError } from "../../model";
import type { CloudContext, Properties, ResourceRecord } from "../../model";
import type { Place } from "../arn";
import { list, numeric, object, text } from "../define";
import { ecsController } from "../ecs/schedulers";
import { CLUSTER, clusterArn, findCluster, findService, findTaskDefinition, here, ECS_SERVICE, requireCluster } from "../ecs/shared";
import { healthOf, isReady } from "../ecs/task";
import type { Task } from "../ecs/task";
import { jsonService, optionalText, page, texts } from "./protocol";

type Input = Readonly<Record<string, unknown>>;

export const ecsApi = jsonService("ecs", "local/aws/api/ecs.ts", {
  DescribeClusters(input, cloud, place) {
    const wanted = texts(input["clusters"]);
    const found = (wanted.length === 0 ? ["default"] : wanted).map((name) => ({ name, record: findCluster(cloud, place, name) }));
    return {
      clusters: found.flatMap(({ record }) => (record ? [describeCluster(record, cloud, texts(input["include"]).includes("TAGS"))] : [])),
      failures: found.filter(({ record }) => !record).map(({ name }) => ({ arn: clusterArn(place, name), reason: "MISSING" })),
    };
  },
  ListClusters(input, cloud, place) {
    const { items, next } = page(here(cloud, CLUSTER, place), Number(input["maxResults"] ?? 100), optionalText(input["nextToken"]));
    return { clusterArns: items.map((record) => record.arn), ...(next === undefined ? {} : { nextToken: next }) };
  },
  ListServices(input, cloud, place) {
    const cluster = requireCluster(cloud, place, optionalText(input["cluster"]));
    const { items, next } = page(servicesOf(cloud, place, cluster), Number(input["maxResults"] ?? 10), optionalText(input["nextToken"]));
    return { serviceArns: items.map((record) => record.arn), ...(next === undefined ? {} : { nextToken: next }) };
  },
  DescribeServices(input, cloud, place) {
    const cluster = optionalText(input["cluster"]);
    if (cluster !== undefined) requireCluster(cloud, place, cluster);
    const found = texts(input["services"]).map((name) => ({ name, record: findService(cloud, place, cluster, name) }));
    return {
      services: found.flatMap(({ record }) => (record ? [describeService(record, cloud, texts(input["include"]).includes("TAGS"))] : [])),
      failures: found.filter(({ record }) => !record).map(({ name }) => ({ arn: name, reason: "MISSING" })),
    };
  },
  UpdateService: (input, cloud, place) => ({ service: describeService(updateService(input, cloud, place), cloud, false) }),
  ListTasks(input, cloud, place) {
    const cluster = requireCluster(cloud, place, optionalText(input["cluster"]));
    const serviceName = optionalText(input["serviceName"]);
    const service = serviceName === undefined ? undefined : requireService(cloud, place, cluster.arn, serviceName);
    const desired = optionalText(input["desiredStatus"]) ?? "RUNNING";
    const family = optionalText(input["family"]);
    const tasks = ecsController(cloud)
      .tasks({ clusterArn: cluster.arn ?? cluster.id })
      .filter(
        (task) =>
          task.desired === desired &&
          (!service || task.serviceArn === service.arn) &&
          (family === undefined || task.definition.includes(`/${family}:`)),
      );
    const { items, next } = page(tasks, Number(input["maxResults"] ?? 100), optionalText(input["nextToken"]));
    return { taskArns: items.map((task) => task.arn), ...(next === undefined ? {} : { nextToken: next }) };
  },
  DescribeTasks(input, cloud, place) {
    requireCluster(cloud, place, optionalText(input["cluster"]));
    const found = texts(input["tasks"]).map((name) => ({ name, task: ecsController(cloud).task(name) }));
    return {
      tasks: found.flatMap(({ task }) => (task ? [describeTask(task, cloud)] : [])),
      failures: found.filter(({ task }) => !task).map(({ name }) => ({ arn: name, reason: "MISSING" })),
    };
  },
  async StopTask(input, cloud, place) {
    requireCluster(cloud, place, optionalText(input["cluster"]));
    const task = ecsController(cloud).task(optionalText(input["task"]) ?? "");
    if (!task) throw new ServiceError("InvalidParameterException", "The referenced task was not found.");
    const stopping = ecsController(cloud).stopTask(task, optionalText(input["reason"]) ?? "Task stopped by a call of StopTask");
    // The real call returns while the task still stops.
    stopping.catch((error: unknown) => cloud.log.warn("ecs task could not be stopped", { task: task.id, error: String(error) }));
    return { task: describeTask(task, cloud) };
  },
  DescribeTaskDefinition(input, cloud, place) {
    const found = findTaskDefinition(cloud, place, optionalText(input["taskDefinition"]) ?? "");
    if (!found) throw new ServiceError("ClientException", "Unable to describe task definition.");
    return { taskDefinition: describeDefinition(found), tags: keyValues(found.tags) };
  },
});

function servicesOf(cloud: CloudContext, place: Place, cluster: ResourceRecord): ResourceRecord[] {
  return here(cloud, ECS_SERVICE, place).filter((service) => clusterArn(place, text(service.outputs["cluster"])) === cluster.arn);
}

function requireService(cloud: CloudContext, place: Place, cluster: string | undefined, name: string): ResourceRecord {
  const found = findService(cloud, place, cluster, name);
  if (!found) throw new ServiceError("ServiceNotFoundException", "Service not found.");
  return found;
}

function updateService(input: Input, cloud: CloudContext, place: Place): ResourceRecord {
  const cluster = requireCluster(cloud, place, optionalText(input["cluster"]));
  const service = requireService(cloud, place, cluster.arn, optionalText(input["service"]) ?? "");
  if (service.status === "deleting") throw new ServiceError("ServiceNotActiveException", "Service was not ACTIVE.");
  const unknown = Object.keys(input).find((key) => !["cluster", "service", "desiredCount", "taskDefinition"].includes(key));
  if (unknown !== undefined)
    throw new ServiceError(
      "InvalidParameterException",
      `argument "${unknown}" of UpdateService is not modelled by the local cloud; extend local/aws/api/ecs.ts`,
    );
  const changes: Properties = {};
  if (input["desiredCount"] !== undefined) changes["desiredCount"] = requireCount(input["desiredCount"]);
  if (input["taskDefinition"] !== undefined) {
    const definition = findTaskDefinition(cloud, place, String(input["taskDefinition"]));
    if (!definition) throw new ServiceError("ClientException", "TaskDefinition not found.");
    changes["taskDefinition"] = definition.arn ?? definition.id;
  }
  cloud.store.patch(service.key, changes);
  ecsController(cloud).reconcile(service.arn ?? service.id);
  return findService(cloud, place, cluster.arn, service.arn ?? service.id) ?? service;
}

function requireCount(value: unknown): number {
  // Source: ECS quotas, "Tasks per service".
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 5000)
    throw new ServiceError("InvalidParameterException", `desiredCount must be between 0 and 5000; got ${String(value)}`);
  return value;
}

function describeCluster(record: ResourceRecord, cloud: CloudContext, withTags: boolean): object {
  const tasks = ecsController(cloud).tasks({ clusterArn: record.arn ?? record.id });
  return {
    clusterArn: record.arn,
    clusterName: text(record.outputs["name"]),
    status: record.status === "creating" ? "PROVISIONING" : record.status === "deleting" ? "DEPROVISIONING" : "ACTIVE",
    registeredContainerInstancesCount: 0,
    runningTasksCount: tasks.filter((task) => task.status === "RUNNING").length,
    pendingTasksCount: tasks.filter((task) => task.status === "PENDING" || task.status === "PROVISIONING").length,
    activeServicesCount: servicesOf(cloud, record, record).length,
    settings: list(record.outputs["settings"]),
    capacityProviders: [],
    defaultCapacityProviderStrategy: [],
    ...(withTags ? { tags: keyValues(record.tags) } : {}),
  };
}

function describeService(record: ResourceRecord, cloud: CloudContext, withTags: boolean): object {
  const controller = ecsController(cloud);
  const serviceArn = record.arn ?? record.id;
  const tasks = controller.tasks({ serviceArn }).filter((task) => task.desired === "RUNNING");
  const definition =
    findTaskDefinition(cloud, record, text(record.outputs["taskDefinition"]))?.arn ?? text(record.outputs["taskDefinition"]);
  const network = object(record.outputs["networkConfiguration"]);
  const desired = numeric(record.outputs["desiredCount"]);
  return {
    serviceArn,
    serviceName: text(record.outputs["name"]),
    clusterArn: clusterArn(record, text(record.outputs["cluster"])),
    status: record.status === "deleting" ? "DRAINING" : "ACTIVE",
    desiredCount: desired,
    runningCount: ready(tasks, cloud),
    pendingCount: tasks.length - ready(tasks, cloud),
    launchType: "FARGATE",
    platformVersion: text(record.outputs["platformVersion"], "LATEST"),
    taskDefinition: definition,
    schedulingStrategy: "REPLICA",
    deploymentController: { type: "ECS" },
    deploymentConfiguration: {
      maximumPercent: numeric(record.outputs["deploymentMaximumPercent"], 200),
      minimumHealthyPercent: numeric(record.outputs["deploymentMinimumHealthyPercent"], 100),
    },
    deployments: deployments(record, tasks, definition, desired, cloud),
    events: controller.events(serviceArn).map((event) => ({ ...event, createdAt: Date.parse(event.createdAt) / 1000 })),
    createdAt: Date.parse(record.createdAt) / 1000,
    loadBalancers: [],
    serviceRegistries: registries(record),
    placementConstraints: [],
    placementStrategy: [],
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: list(network["subnets"]),
        securityGroups: list(network["securityGroups"]),
        assignPublicIp: network["assignPublicIp"] === true ? "ENABLED" : "DISABLED",
      },
    },
    propagateTags: text(record.outputs["propagateTags"], "NONE"),
    ...(withTags ? { tags: keyValues(record.tags) } : {}),
  };
}

function registries(record: ResourceRecord): object[] {
  const registryArn = text(object(record.inputs["serviceRegistries"])["registryArn"]);
  return registryArn === "" ? [] : [{ registryArn }];
}

/** Tasks that do their work: ECS counts a running task with a failing check as not yet there when it decides on steadiness. */
function ready(tasks: readonly Task[], cloud: CloudContext): number {
  return tasks.filter((task) => isReady(task, cloud)).length;
}

function deployments(record: ResourceRecord, tasks: readonly Task[], primary: string, desired: number, cloud: CloudContext): object[] {
  const old = [...new Set(tasks.map((task) => task.definition))].filter((definition) => definition !== primary);
  return [primary, ...old].map((definition) => {
    const own = tasks.filter((task) => task.definition === definition);
    const isPrimary = definition === primary;
    const running = ready(own, cloud);
    return {
      id: `ecs-svc/${Buffer.from(definition).toString("hex").slice(-19)}`,
      status: isPrimary ? "PRIMARY" : "ACTIVE",
      taskDefinition: definition,
      desiredCount: isPrimary ? desired : 0,
      pendingCount: own.length - running,
      runningCount: running,
      failedTasks: 0,
      launchType: "FARGATE",
      createdAt: Date.parse(record.createdAt) / 1000,
      rolloutState: isPrimary && running === desired && old.length === 0 ? "COMPLETED" : "IN_PROGRESS",
    };
  });
}

function describeTask(task: Task, cloud: CloudContext): object {
  const seconds = (iso: string | undefined) => (iso === undefined ? undefined : Date.parse(iso) / 1000);
  const definition = findTaskDefinition(cloud, task, task.definition);
  return {
    taskArn: task.arn,
    clusterArn: task.clusterArn,
    taskDefinitionArn: task.definition,
    group: `service:${task.serviceArn.split("/").at(-1) ?? ""}`,
    launchType: "FARGATE",
    lastStatus: task.status,
    desiredStatus: task.desired,
    healthStatus: healthOf(task, cloud),
    createdAt: seconds(task.createdAt),
    startedAt: seconds(task.startedAt),
    stoppedAt: seconds(task.stoppedAt),
    stoppedReason: task.stoppedReason,
    cpu: text(definition?.inputs["cpu"]),
    memory: text(definition?.inputs["memory"]),
    connectivity: task.status === "RUNNING" ? "CONNECTED" : undefined,
    ...(task.stoppedReason === undefined
      ? {}
      : {
          stopCode: task.stoppedReason.startsWith("Essential")
            ? "EssentialContainerExited"
            : task.stoppedReason.startsWith("Scaling")
              ? "ServiceSchedulerInitiated"
              : "TaskFailedToStart",
        }),
    containers: [...task.containers].map(([name, id]) => describeContainer(name, id, task, cloud)),
  };
}

function describeContainer(name: string, id: string, task: Task, cloud: CloudContext): object {
  const state = cloud.runtime.get(id);
  const health = { none: "UNKNOWN", starting: "UNKNOWN", healthy: "HEALTHY", unhealthy: "UNHEALTHY" }[state?.health ?? "none"];
  return {
    containerArn: `${task.arn.replace(":task/", ":container/")}/${name}`,
    taskArn: task.arn,
    name,
    image: state?.spec.image,
    runtimeId: `${task.id}-${name}`,
    lastStatus: state?.status === "running" ? "RUNNING" : task.status === "STOPPED" || state?.status === "exited" ? "STOPPED" : "PENDING",
    healthStatus: health,
    exitCode: state?.exitCode,
    networkInterfaces: state ? [{ attachmentId: task.id, privateIpv4Address: state.address }] : [],
  };
}

function describeDefinition(record: ResourceRecord): object {
  const { inputs } = record;
  return {
    taskDefinitionArn: record.arn,
    family: text(inputs["family"]),
    revision: numeric(record.outputs["revision"]),
    status: "ACTIVE",
    networkMode: text(inputs["networkMode"]),
    containerDefinitions: JSON.parse(text(inputs["containerDefinitions"], "[]")) as unknown,
    cpu: text(inputs["cpu"]),
    memory: text(inputs["memory"]),
    executionRoleArn: inputs["executionRoleArn"],
    taskRoleArn: inputs["taskRoleArn"],
    requiresCompatibilities: list(inputs["requiresCompatibilities"]),
    compatibilities: ["EC2", "FARGATE"],
    registeredAt: Date.parse(record.createdAt) / 1000,
  };
}

function keyValues(tags: Readonly<Record<string, string>>): object[] {
  return Object.entries(tags).map(([key, value]) => ({ key, value }));
}
