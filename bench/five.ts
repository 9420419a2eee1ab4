/** The program of the benchmark's stacks: five resources, each depending on the one before. */
import * as aws from "@pulumi/aws";

/** Runs under every contender: as an inline program and as a local one. */
export const program = async (): Promise<Record<string, unknown>> => {
  const vpc = new aws.ec2.Vpc("vpc", { cidrBlock: "10.0.0.0/16", tags: { team: "bench" } });
  const subnet = new aws.ec2.Subnet("subnet", { vpcId: vpc.id, cidrBlock: "10.0.1.0/24", tags: { team: "bench" } });
  const group = new aws.ec2.SecurityGroup("group", { vpcId: subnet.vpcId, description: "bench", tags: { team: "bench" } });
  const logs = new aws.cloudwatch.LogGroup("logs", { retentionInDays: 7, tags: { group: group.id } });
  const cluster = new aws.ecs.Cluster("cluster", { tags: { logs: logs.name } });
  return { vpcId: vpc.id, clusterArn: cluster.arn };
};
