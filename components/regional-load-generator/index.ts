/** One region of a load test: a network, an ECS cluster, an aggregator, and as many generator tasks as its virtual users need. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { child, refuseFaults } from "../arguments";
import { type CompleteArgs, faultsOf, type RegionalLoadGeneratorArgs, withDefaults } from "./args";
import { createNetwork } from "./network";
import { planTaskGroups, type TaskGroup } from "./plan";
import { createAggregator, createGenerators } from "./tasks";

export { DEFAULTS, type RegionalLoadGeneratorArgs, type RegionalLoadGeneratorTransforms, type TaskSize } from "./args";
export type { TaskGroup } from "./plan";

const TYPE = "stackfleet:loadtest:RegionalLoadGenerator";

/**
 * Load generators in the region of the `aws` provider, and the aggregator they report to.
 *
 * Nothing is reachable from outside. All tasks are in public subnets with public addresses, which needs no NAT gateway and gives
 * each generator an address of its own towards the system under test.
 *
 * @throws {pulumi.RunError} with every fault of the arguments
 * @example
 * new RegionalLoadGenerator("load", {
 *   region: "eu-west-1", virtualUsers: 777, homeRegion: home.region, orchestratorArn: home.orchestratorArn,
 *   executionRoleArn: home.executionRoleArn, aggregatorRoleArn: home.aggregatorRoleArn, generatorRoleArn: home.generatorRoleArn,
 *   logGroupPrefix: home.logGroupPrefix,
 * });
 */
export class RegionalLoadGenerator extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  readonly subnetIds: pulumi.Output<string[]>;
  readonly clusterArn: pulumi.Output<string>;
  readonly aggregatorServiceArn: pulumi.Output<string>;
  /** One a group of `taskGroups`, in its order. */
  readonly generatorServiceArns: pulumi.Output<string[]>;
  /** How the virtual users are dealt out. */
  readonly taskGroups: pulumi.Output<TaskGroup[]>;

  constructor(name: string, args: RegionalLoadGeneratorArgs, opts?: pulumi.ComponentResourceOptions) {
    super(TYPE, name, {}, opts);
    const complete = withDefaults(args);
    refuseFaults("RegionalLoadGenerator", name, faultsOf(complete));
    const groups = planTaskGroups(complete.virtualUsers, complete.usersPerTask);

    const network = createNetwork(name, complete, this);
    const cluster = new aws.ecs.Cluster(`${name}-cluster`, ...child(complete.transform?.cluster, {}, { parent: this }));
    const shared = { name, args: complete, network, cluster, parent: this };
    const aggregator = createAggregator(shared, this.createLogGroup(name, complete, "aggregator"));
    const generators = createGenerators(shared, groups, this.createLogGroup(name, complete, "generator"));

    this.vpcId = network.vpc.id;
    this.subnetIds = pulumi.all(network.subnets.map(({ id }) => id));
    this.clusterArn = cluster.arn;
    this.aggregatorServiceArn = aggregator.arn;
    this.generatorServiceArns = pulumi.all(generators.map(({ arn }) => arn));
    this.taskGroups = pulumi.output([...groups]);
    this.registerOutputs({
      vpcId: this.vpcId, subnetIds: this.subnetIds, clusterArn: this.clusterArn, aggregatorServiceArn: this.aggregatorServiceArn,
      generatorServiceArns: this.generatorServiceArns, taskGroups: this.taskGroups,
    });
  }

  private createLogGroup(name: string, args: CompleteArgs, role: "aggregator" | "generator"): aws.cloudwatch.LogGroup {
    return new aws.cloudwatch.LogGroup(`${name}-${role}-logs`, ...child(args.transform?.logGroup, {
      name: pulumi.interpolate`${args.logGroupPrefix}/${args.region}/${role}`, retentionInDays: args.logRetentionDays,
    }, { parent: this }));
  }
}
