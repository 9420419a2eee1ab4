/** Arguments of a regional load generator: what they mean, their defaults, and what is wrong with them. */
import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { type ArgumentFault, integerFaults, regionFaults, type Transform } from "../arguments";
import { parseCidr, VPC_PREFIX } from "../cidr";
import { retentionFaults } from "../logs";
import { planTaskGroups, taskAddresses } from "./plan";

/** CPU units (1024 a vCPU) and memory of a Fargate task. */
export interface TaskSize { readonly cpuUnits: number; readonly memoryMiB: number }

export interface RegionalLoadGeneratorArgs {
  /** Code of the region that the provider works in, e.g. `eu-west-1`. */
  readonly region: string;
  /** Users that this region simulates; whole, at least 1. Decides how many tasks there are. */
  readonly virtualUsers: number;
  /** Code of the region of the shared resources, see `LoadTestHome`. */
  readonly homeRegion: pulumi.Input<string>;
  /** ARN of the orchestrator function that aggregators and generators call. */
  readonly orchestratorArn: pulumi.Input<string>;
  /** ARN of the role that starts the tasks: pulls the image, writes the logs. */
  readonly executionRoleArn: pulumi.Input<string>;
  /** ARN of the aggregator's own role. */
  readonly aggregatorRoleArn: pulumi.Input<string>;
  /** ARN of the generators' own role. */
  readonly generatorRoleArn: pulumi.Input<string>;
  /** Start of the log groups' names; the execution role may write below `<prefix>/<region>/` only. */
  readonly logGroupPrefix: pulumi.Input<string>;
  /**
   * Container image, whose command takes the role: `aggregator` or `generator`. Must be one that needs no login, or one whose registry
   * the execution role may read.
   * @default "stackfleet/loadtest:1"
   */
  readonly image?: pulumi.Input<string>;
  /** Most users that one task carries. @default 200 */
  readonly usersPerTask?: number;
  /** IPv4 block of the VPC, /16 to /28. Nothing is peered with it, so all regions may use the same. @default "10.0.0.0/16" */
  readonly cidrBlock?: string;
  /** Number of availability zones, one public subnet in each. @default 2 */
  readonly availabilityZoneCount?: number;
  /** TCP port that the tasks answer their health checks on; no security group opens it. @default 8080 */
  readonly port?: number;
  /** @default 1 vCPU, 2048 MiB */
  readonly aggregatorSize?: TaskSize;
  /** @default 1 vCPU, 2048 MiB */
  readonly generatorSize?: TaskSize;
  /** Days that logs are kept; a value that CloudWatch Logs has. @default 14 */
  readonly logRetentionDays?: number;
  /** Changes a child's arguments and options, after everything else. `(args) => { args.enableDnsHostnames = true; }` */
  readonly transform?: RegionalLoadGeneratorTransforms;
}

/** One key per child; children of one kind share it. */
export interface RegionalLoadGeneratorTransforms {
  readonly vpc?: Transform<aws.ec2.VpcArgs>;
  readonly internetGateway?: Transform<aws.ec2.InternetGatewayArgs>;
  readonly routeTable?: Transform<aws.ec2.RouteTableArgs>;
  readonly subnet?: Transform<aws.ec2.SubnetArgs>;
  readonly routeTableAssociation?: Transform<aws.ec2.RouteTableAssociationArgs>;
  readonly aggregatorSecurityGroup?: Transform<aws.ec2.SecurityGroupArgs>;
  readonly generatorSecurityGroup?: Transform<aws.ec2.SecurityGroupArgs>;
  readonly cluster?: Transform<aws.ecs.ClusterArgs>;
  readonly logGroup?: Transform<aws.cloudwatch.LogGroupArgs>;
  readonly aggregatorTaskDefinition?: Transform<aws.ecs.TaskDefinitionArgs>;
  readonly generatorTaskDefinition?: Transform<aws.ecs.TaskDefinitionArgs>;
  readonly aggregatorService?: Transform<aws.ecs.ServiceArgs>;
  readonly generatorService?: Transform<aws.ecs.ServiceArgs>;
}

export const DEFAULTS = {
  image: "stackfleet/loadtest:1",
  usersPerTask: 200,
  cidrBlock: "10.0.0.0/16",
  availabilityZoneCount: 2,
  port: 8080,
  aggregatorSize: { cpuUnits: 1024, memoryMiB: 2048 },
  generatorSize: { cpuUnits: 1024, memoryMiB: 2048 },
  logRetentionDays: 14,
} as const;

type Defaulted = keyof typeof DEFAULTS;
export type CompleteArgs = RegionalLoadGeneratorArgs & Required<Pick<RegionalLoadGeneratorArgs, Defaulted>>;

/** Arguments with the defaults where nothing, or `undefined`, was given. */
export function withDefaults(args: RegionalLoadGeneratorArgs): CompleteArgs {
  const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined)) as unknown as RegionalLoadGeneratorArgs;
  return { ...DEFAULTS, ...given };
}

/** Most tasks of one service. Source: Amazon ECS service quotas, "Tasks per service". */
const MAX_TASKS_PER_SERVICE = 5000;
/** Memory for each CPU size of Fargate on Linux, in MiB. Source: Amazon ECS Developer Guide, "Task CPU and memory". */
const FARGATE_MEMORY_MIB: Readonly<Record<number, readonly number[]>> = {
  256: [512, 1024, 2048],
  512: gibibytes(1, 4, 1), 1024: gibibytes(2, 8, 1), 2048: gibibytes(4, 16, 1), 4096: gibibytes(8, 30, 1),
  8192: gibibytes(16, 60, 4), 16384: gibibytes(32, 120, 8),
};

function gibibytes(from: number, to: number, step: number): readonly number[] {
  return Array.from({ length: (to - from) / step + 1 }, (_, index) => (from + index * step) * 1024);
}

/** Everything that is wrong with the arguments; empty when nothing is. */
export function faultsOf(args: CompleteArgs): readonly ArgumentFault[] {
  const counts = [
    ...integerFaults("virtualUsers", args.virtualUsers, { min: 1, max: MAX_TASKS_PER_SERVICE * 10_000 }, "give the region at least one user, or leave the region out"),
    ...integerFaults("usersPerTask", args.usersPerTask, { min: 1, max: 10_000 }, `leave it out for ${DEFAULTS.usersPerTask}`),
    ...integerFaults("availabilityZoneCount", args.availabilityZoneCount, { min: 1, max: 6 }, `leave it out for ${DEFAULTS.availabilityZoneCount}`),
  ];
  return [
    ...regionFaults("region", args.region),
    ...counts,
    ...integerFaults("port", args.port, { min: 1, max: 65_535 }, `leave it out for ${DEFAULTS.port}`),
    ...sizeFaults("aggregatorSize", args.aggregatorSize),
    ...sizeFaults("generatorSize", args.generatorSize),
    ...retentionFaults(args.logRetentionDays),
    // Capacity can be judged only when the counts make sense.
    ...(counts.length === 0 ? capacityFaults(args) : []),
  ];
}

function sizeFaults(path: string, { cpuUnits, memoryMiB }: TaskSize): ArgumentFault[] {
  const memories = FARGATE_MEMORY_MIB[cpuUnits];
  if (!memories) return [{ path: `${path}.cpuUnits`, problem: "not a size of Fargate", got: cpuUnits, expected: `one of ${Object.keys(FARGATE_MEMORY_MIB).join(", ")}`, fix: "use 1024 for one vCPU" }];
  if (memories.includes(memoryMiB)) return [];
  return [{ path: `${path}.memoryMiB`, problem: `not a size of Fargate with ${cpuUnits} CPU units`, got: memoryMiB, expected: `one of ${memories.join(", ")}`, fix: "use the next larger one" }];
}

function capacityFaults(args: CompleteArgs): ArgumentFault[] {
  const block = parseCidr(args.cidrBlock);
  if (!block || block.prefix < VPC_PREFIX.min || block.prefix > VPC_PREFIX.max) {
    return [{ path: "cidrBlock", problem: "not the block of a VPC", got: args.cidrBlock, expected: "an IPv4 block from /16 to /28 without host bits", fix: `leave it out for ${DEFAULTS.cidrBlock}` }];
  }
  const groups = planTaskGroups(args.virtualUsers, args.usersPerTask);
  const needed = 1 + groups.reduce((sum, { tasks }) => sum + tasks, 0);
  const addresses = taskAddresses(block.prefix, args.availabilityZoneCount);
  return [
    ...(groups.some(({ tasks }) => tasks > MAX_TASKS_PER_SERVICE)
      ? [{ path: "virtualUsers", problem: `needs more than ${MAX_TASKS_PER_SERVICE} tasks in one service`, got: args.virtualUsers, expected: `at most ${MAX_TASKS_PER_SERVICE * args.usersPerTask} users`, fix: "raise usersPerTask or use more regions" }]
      : []),
    ...(needed > addresses
      ? [{ path: "cidrBlock", problem: `has fewer addresses than the ${needed} tasks`, got: args.cidrBlock, expected: `${needed} free addresses in ${args.availabilityZoneCount} subnets`, fix: "use a larger block or fewer zones" }]
      : []),
  ];
}
