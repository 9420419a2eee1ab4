/** The tasks of a region: task definitions and services of the aggregator and of each group of generators. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { child, type Transform } from "../arguments";
import { physicalName } from "../naming";
import { TAG_KEYS } from "../tags";
import type { CompleteArgs, TaskSize } from "./args";
import type { Network } from "./network";
import type { TaskGroup } from "./plan";

/** What all tasks of a region share. */
export interface TaskSurroundings {
  readonly name: string;
  readonly args: CompleteArgs;
  readonly network: Network;
  readonly cluster: aws.ecs.Cluster;
  readonly parent: pulumi.Resource;
}

/** The service that collects its region's measurements and reports to the orchestrator. */
export function createAggregator(shared: TaskSurroundings, logGroup: aws.cloudwatch.LogGroup): aws.ecs.Service {
  const { name, args, network, parent } = shared;
  const { transform = {} } = args;
  const definition = createTaskDefinition(shared, {
    logicalName: `${name}-aggregator-task`, family: physicalName(name, "aggregator"), role: "aggregator", size: args.aggregatorSize,
    taskRoleArn: args.aggregatorRoleArn, logGroup, environment: {}, transform: transform.aggregatorTaskDefinition,
  });
  return createService(shared, {
    logicalName: `${name}-aggregator`, definition, tasks: 1, securityGroup: network.aggregatorSecurityGroup, transform: transform.aggregatorService, parent,
  });
}

/** One service a group, as all tasks of a service have the same definition and so the same number of users. */
export function createGenerators(shared: TaskSurroundings, groups: readonly TaskGroup[], logGroup: aws.cloudwatch.LogGroup): readonly aws.ecs.Service[] {
  const { name, args, network, parent } = shared;
  const { transform = {} } = args;
  return groups.map((group, index) => {
    const logicalName = `${name}-generators-${index + 1}`;
    const definition = createTaskDefinition(shared, {
      logicalName: `${logicalName}-task`, family: physicalName(logicalName, String(group.virtualUsers)), role: "generator", size: args.generatorSize,
      taskRoleArn: args.generatorRoleArn, logGroup, environment: { VIRTUAL_USERS: String(group.virtualUsers) }, transform: transform.generatorTaskDefinition,
    });
    return createService(shared, {
      logicalName, physicalName: physicalName(logicalName, `${group.tasks}x${group.virtualUsers}`), definition, tasks: group.tasks,
      securityGroup: network.generatorSecurityGroup, transform: transform.generatorService, parent,
    });
  });
}

interface TaskDefinitionSpec {
  readonly logicalName: string;
  readonly family: string;
  /** Names the container and is its command. */
  readonly role: "aggregator" | "generator";
  readonly size: TaskSize;
  readonly taskRoleArn: pulumi.Input<string>;
  readonly logGroup: aws.cloudwatch.LogGroup;
  readonly environment: Readonly<Record<string, string>>;
  readonly transform: Transform<aws.ecs.TaskDefinitionArgs> | undefined;
}

function createTaskDefinition({ args, parent }: TaskSurroundings, spec: TaskDefinitionSpec): aws.ecs.TaskDefinition {
  const environment = {
    AWS_REGION: args.region, HOME_REGION: args.homeRegion, ORCHESTRATOR_FUNCTION: args.orchestratorArn, PORT: String(args.port), ...spec.environment,
  };
  const container = {
    name: spec.role, image: args.image, essential: true, command: [spec.role],
    portMappings: [{ containerPort: args.port, hostPort: args.port, protocol: "tcp" }],
    environment: Object.entries(environment).map(([key, value]) => ({ name: key, value })),
    // Intervals in seconds. The aggregator is healthy only once the orchestrator knows its region, which may take some retries.
    healthCheck: { command: ["CMD", "node", "healthcheck.js"], interval: 10, timeout: 5, retries: 6, startPeriod: 60 },
    logConfiguration: { logDriver: "awslogs", options: { "awslogs-group": spec.logGroup.name, "awslogs-region": args.region, "awslogs-stream-prefix": spec.role } },
  };
  return new aws.ecs.TaskDefinition(spec.logicalName, ...child(spec.transform, {
    family: spec.family, requiresCompatibilities: ["FARGATE"], networkMode: "awsvpc",
    cpu: String(spec.size.cpuUnits), memory: String(spec.size.memoryMiB),
    executionRoleArn: args.executionRoleArn, taskRoleArn: spec.taskRoleArn, containerDefinitions: pulumi.jsonStringify([container]),
  }, { parent }));
}

interface ServiceSpec {
  readonly logicalName: string;
  readonly physicalName?: string;
  readonly definition: aws.ecs.TaskDefinition;
  readonly tasks: number;
  readonly securityGroup: aws.ec2.SecurityGroup;
  readonly transform: Transform<aws.ecs.ServiceArgs> | undefined;
  readonly parent: pulumi.Resource;
}

function createService({ cluster, network }: TaskSurroundings, spec: ServiceSpec): aws.ecs.Service {
  return new aws.ecs.Service(spec.logicalName, ...child(spec.transform, {
    ...(spec.physicalName !== undefined && { name: spec.physicalName }),
    cluster: cluster.arn, taskDefinition: spec.definition.arn, desiredCount: spec.tasks, launchType: "FARGATE", waitForSteadyState: true,
    networkConfiguration: { subnets: network.subnets.map(({ id }) => id), securityGroups: [spec.securityGroup.id], assignPublicIp: true },
    // Named here although every resource gets it: the orchestrator may scale services with this tag only.
    tags: { [TAG_KEYS.project]: pulumi.getProject() },
  }, {
    parent: spec.parent,
    dependsOn: [...network.routing],
    // When a test ends, the orchestrator scales the services to 0, and the next `up` must leave them there. A plan that changed must
    // still take effect: a group's plan is part of its service's name, so that it replaces the service, and for a
    // replacement the engine takes the program's inputs, the ignored ones included.
    ignoreChanges: ["desiredCount"],
    // A replacement for another reason keeps the name, which a cluster has once only.
    deleteBeforeReplace: true,
  }));
}
