/** `aws:ecs/service:Service`: keeps its desired count of tasks running, as real processes. */
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CallScope, CloudContext, Properties, ResourceRecord } from "../../model";
import { arn } from "../arn";
import { defineResource, text } from "../define";
import { requireSecurityGroup, requireSubnet } from "../ec2/shared";
import { STEADY_STATE_TIMEOUT_SECONDS } from "../latencies";
import { launchSeconds } from "./task";
import { DISCOVERY_SERVICE } from "../servicediscovery/namespace";
import { ecsController } from "./schedulers";
import { ECS_SERVICE, findService, findTaskDefinition, requireCluster, ecsName } from "./shared";

const FILE = "local/aws/ecs/service.ts";
/** However fast simulated time runs, processes start in real time: a wait for them lasts at least so many real seconds. */
const LEAST_REAL_WAIT_SECONDS = 180;

const network = z.strictObject({
  subnets: z.array(z.string()).min(1).max(16),
  securityGroups: z.array(z.string()).max(5).optional(),
  assignPublicIp: z.boolean().optional(),
});

export const service = defineResource({
  type: ECS_SERVICE,
  file: FILE,
  shape: {
    name: ecsName.optional(),
    cluster: z.string().optional(),
    taskDefinition: z.string(),
    desiredCount: z.number().int().min(0).max(5000).optional(),
    // Without it ECS takes EC2, for which a cluster needs instances; the local cloud has Fargate only.
    launchType: z.literal("FARGATE", "only FARGATE runs in the local cloud; set launchType"),
    networkConfiguration: network,
    serviceRegistries: z.strictObject({ registryArn: z.string() }).optional(),
    waitForSteadyState: z.boolean().optional(),
    deploymentMinimumHealthyPercent: z.number().int().min(0).max(100).optional(),
    deploymentMaximumPercent: z.number().int().min(100).max(200).optional(),
    forceNewDeployment: z.literal(false).optional(),
    forceDelete: z.boolean().optional(),
    schedulingStrategy: z.literal("REPLICA").optional(),
    deploymentCircuitBreaker: z.strictObject({ enable: z.boolean(), rollback: z.literal(false) }).optional(),
    // Kept, without effect here.
    platformVersion: z.string().optional(),
    propagateTags: z.enum(["SERVICE", "TASK_DEFINITION", "NONE"]).optional(),
    enableEcsManagedTags: z.boolean().optional(),
    enableExecuteCommand: z.boolean().optional(),
    availabilityZoneRebalancing: z.enum(["ENABLED", "DISABLED"]).optional(),
    healthCheckGracePeriodSeconds: z.number().int().optional(),
  },
  replaceOn: ["name", "cluster", "launchType", "schedulingStrategy"],
  autoname: { property: "name", maxLength: 255 },
  begin(inputs, scope, cloud) {
    const cluster = requireCluster(cloud, scope, inputs.cluster);
    const name = inputs.name ?? `terraform-${cloud.ids.hex(26)}`;
    // CreateService is idempotent for the same client token only, and the provider sends a new one each time.
    if (findService(cloud, scope, cluster.arn, name))
      throw new ServiceError("InvalidParameterException", `Creation of service was not idempotent. (${name})`);
    checkReferences(inputs, scope, cloud);
    const serviceArn = arn(scope, "ecs", `service/${text(cluster.outputs["name"])}/${name}`);
    return {
      id: serviceArn,
      arn: serviceArn,
      outputs: {
        arn: serviceArn,
        name,
        cluster: cluster.arn ?? cluster.id,
        desiredCount: inputs.desiredCount ?? 0,
        schedulingStrategy: "REPLICA",
        platformVersion: inputs.platformVersion ?? "LATEST",
        deploymentMinimumHealthyPercent: inputs.deploymentMinimumHealthyPercent ?? 100,
        deploymentMaximumPercent: inputs.deploymentMaximumPercent ?? 200,
        networkConfiguration: networkOutput(inputs.networkConfiguration),
        propagateTags: inputs.propagateTags ?? "NONE",
        waitForSteadyState: inputs.waitForSteadyState ?? false,
      },
    };
  },
  async settle(record, scope, cloud) {
    const controller = ecsController(cloud);
    controller.adopt(record.id);
    controller.reconcile(record.id);
    if (record.inputs["waitForSteadyState"] === true) await waitSteady(record, scope, cloud);
  },
  async restore(record, cloud) {
    ecsController(cloud).adopt(record.id);
    ecsController(cloud).reconcile(record.id);
  },
  async update(record, inputs, scope, cloud) {
    checkReferences(inputs, scope, cloud);
    const live = cloud.store.get(ECS_SERVICE, record.id, { region: record.region, account: record.account }) ?? record;
    // The provider sends the count only when the program changed it: what UpdateService set meanwhile stays.
    const changedCount = inputs.desiredCount !== record.inputs["desiredCount"];
    const changes: Properties = {
      desiredCount: changedCount ? (inputs.desiredCount ?? 0) : (live.outputs["desiredCount"] ?? 0),
      taskDefinition: inputs.taskDefinition,
      networkConfiguration: networkOutput(inputs.networkConfiguration),
      cluster: live.outputs["cluster"] ?? null,
      deploymentMinimumHealthyPercent: inputs.deploymentMinimumHealthyPercent ?? 100,
      deploymentMaximumPercent: inputs.deploymentMaximumPercent ?? 200,
    };
    cloud.store.patch(record.key, changes);
    ecsController(cloud).reconcile(record.id);
    if (inputs.waitForSteadyState === true) await waitSteady(record, scope, cloud);
    return changes;
  },
  async destroy(record, _scope, cloud) {
    await ecsController(cloud).drain(record.id);
  },
  settleSeconds: (record, cloud) => (record.inputs["waitForSteadyState"] === true ? Math.max(0, ...ecsController(cloud).tasks({ serviceArn: record.id }).map(({ id }) => launchSeconds(id))) : 0),
  importIds: (record) => [record.id.split(":service/").at(-1) ?? record.id],
});

function networkOutput(configuration: z.output<typeof network>): Properties {
  return {
    subnets: configuration.subnets,
    securityGroups: configuration.securityGroups ?? [],
    assignPublicIp: configuration.assignPublicIp ?? false,
  };
}

interface References {
  readonly taskDefinition: string;
  readonly networkConfiguration: z.output<typeof network>;
  readonly serviceRegistries?: { registryArn: string } | undefined;
}

function checkReferences(inputs: References, scope: CallScope, cloud: CloudContext): void {
  if (!findTaskDefinition(cloud, scope, inputs.taskDefinition))
    throw new ServiceError("ClientException", `TaskDefinition not found. (${inputs.taskDefinition})`);
  const vpcs = new Set(inputs.networkConfiguration.subnets.map((id) => text(requireSubnet(cloud, scope, id).outputs["vpcId"])));
  for (const id of inputs.networkConfiguration.securityGroups ?? []) vpcs.add(requireSecurityGroup(cloud, scope, id).vpcId);
  if (vpcs.size > 1)
    throw new ServiceError(
      "InvalidParameterException",
      `subnets and security groups must belong to the same network; got ${[...vpcs].join(", ")}`,
    );
  const registry = inputs.serviceRegistries?.registryArn;
  if (registry !== undefined && cloud.store.byArn(registry)?.type !== DISCOVERY_SERVICE)
    throw new ServiceError("InvalidParameterException", `service registry ${registry} does not exist`);
}

/** The provider's wait; the tasks go on when it ends before it is done. @throws {ServiceError} when it takes too long */
async function waitSteady(record: ResourceRecord, scope: CallScope, cloud: CloudContext): Promise<void> {
  const ended = new AbortController();
  const timeoutSeconds = Math.max(STEADY_STATE_TIMEOUT_SECONDS, LEAST_REAL_WAIT_SECONDS * cloud.clock.timeScale);
  const signal = AbortSignal.any([scope.signal, ended.signal]);
  const timeout = cloud.clock.sleep(timeoutSeconds, signal).then(() => "timeout" as const);
  const steady = ecsController(cloud)
    .steady(record.id, signal)
    .then(() => "steady" as const);
  // The loser of the race ends by the abort below: that is no failure.
  for (const loser of [timeout, steady]) loser.catch(() => undefined);
  try {
    if ((await Promise.race([steady, timeout])) === "timeout") {
      const last = ecsController(cloud).lastStop(record.id);
      throw new ServiceError(
        "ServiceNotSteady",
        `service ${text(record.outputs["name"])} did not reach a steady state in time${last === undefined ? "" : `; its last stopped task: ${last}`}`,
      );
    }
  } finally {
    ended.abort();
  }
}
