/** The clients' side: a VPC that can be peered, and instances with the Aerospike tools. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { child } from "../arguments";
import type { CompleteArgs } from "./args";
import { type ClientNetwork, createClientNetwork } from "./client-network";
import { planClients } from "./plan";
import { toolsCommands } from "./tools";

const TYPE = "stackfleet:aerospike:ClientFleet";
/** The latest Amazon Linux 2023 for x86-64. Source: AWS, "Reference the latest AMIs using Systems Manager public parameters". */
const AMI_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
const SSM_POLICY = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";
/** Seconds that the tools may take to be installed, an instance's first start included. */
const TOOLS_TIMEOUT_SECONDS = 900;

/** Part `client` of {@link AerospikeClusterPeering}. */
export class ClientFleet extends pulumi.ComponentResource {
  readonly network: ClientNetwork;
  readonly instances: readonly aws.ec2.Instance[];
  /** Resolves when the tools work on every client. */
  readonly ready: pulumi.Output<string>;

  /** @param registered what must exist before anything of the clients: the registered cluster. A key, a place or a size that the service refuses then leaves nothing behind; the time is hidden in the provisioning */
  constructor(name: string, args: CompleteArgs, region: pulumi.Input<string>, registered: pulumi.Resource, opts: pulumi.ComponentResourceOptions) {
    super(TYPE, name, {}, opts);
    this.network = createClientNetwork(name, args, region, registered, this);
    const access = args.clientCount > 0 ? this.createAccess(name, args, registered) : undefined;
    this.instances = access === undefined ? [] : this.createInstances(name, args, access.profile, registered);
    const tools = access === undefined ? undefined : this.createTools(name, args, access.policy);
    this.ready = tools === undefined ? pulumi.output("none") : tools.associationId.apply(() => "complete");
    this.registerOutputs({ vpcId: this.network.vpc.id, instanceIds: this.instances.map(({ id }) => id) });
  }

  /** Systems Manager is the only way in: no key pair, no open port. */
  private createAccess(name: string, { transform = {} }: CompleteArgs, registered: pulumi.Resource): { profile: aws.iam.InstanceProfile; policy: aws.iam.RolePolicyAttachment } {
    const role = new aws.iam.Role(`${name}-client-role`, ...child(transform.role, {
      assumeRolePolicy: JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }] }),
    }, { parent: this, dependsOn: [registered] }));
    const policy = new aws.iam.RolePolicyAttachment(`${name}-client-ssm`, { role: role.name, policyArn: SSM_POLICY }, { parent: this });
    const profile = new aws.iam.InstanceProfile(`${name}-client-profile`, ...child(transform.instanceProfile, { role: role.name }, { parent: this }));
    return { profile, policy };
  }

  private createInstances(name: string, args: CompleteArgs, profile: aws.iam.InstanceProfile, registered: pulumi.Resource): readonly aws.ec2.Instance[] {
    const ami = aws.ssm.getParameterOutput({ name: AMI_PARAMETER }, { parent: this }).value;
    return planClients(args).subnetOfClient.map((subnet, index) => new aws.ec2.Instance(`${name}-client-${index + 1}`, ...child(args.transform?.instance, {
      ami, instanceType: args.clientInstanceType, iamInstanceProfile: profile.name,
      subnetId: this.network.subnets.apply((ids) => ids[subnet] ?? ""),
      vpcSecurityGroupIds: [this.network.securityGroup.id],
      associatePublicIpAddress: true, ebsOptimized: true, monitoring: true,
      metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
      rootBlockDevice: { encrypted: true, volumeSize: args.clientDiskSizeGiB, volumeType: "gp3" },
    }, {
      parent: this,
      dependsOn: [registered, ...this.network.routing],
      // A newer image is no reason to replace a client that works.
      ignoreChanges: ["ami"],
    })));
  }

  private createTools(name: string, args: CompleteArgs, policy: pulumi.Resource): aws.ssm.Association {
    return new aws.ssm.Association(`${name}-client-tools`, ...child(args.transform?.tools, {
      name: "AWS-RunShellScript",
      targets: [{ key: "InstanceIds", values: this.instances.map(({ id }) => id) }],
      parameters: { commands: toolsCommands(args.toolsVersion, args.toolsSha256) },
      waitForSuccessTimeoutSeconds: TOOLS_TIMEOUT_SECONDS,
    }, { parent: this, dependsOn: [policy] }));
  }
}
