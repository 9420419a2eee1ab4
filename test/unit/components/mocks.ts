/** Runs a Pulumi program against mocks that know exactly the types it may create, and records what it created. */
import * as pulumi from "@pulumi/pulumi";
import type { AsyncLocalStorage } from "node:async_hooks";
import { createRequire } from "node:module";

export interface Created {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
  readonly options: pulumi.CustomResourceOptions;
}

export interface Ran {
  readonly outputs: Record<string, unknown>;
  readonly created: readonly Created[];
  /** The resources of a type. */
  of(type: string): readonly Created[];
  /** The resource of that name. @throws when there is none */
  named(name: string): Created;
}

const ACCOUNT = "123456789012";

/** Outputs that each known type adds to its inputs. A type that isn't here fails the program. */
const KNOWN: Readonly<Record<string, (name: string, region: string) => Record<string, unknown>>> = {
  "aws:ec2/vpc:Vpc": () => ({}),
  "aws:ec2/subnet:Subnet": () => ({}),
  "aws:ec2/internetGateway:InternetGateway": () => ({}),
  "aws:ec2/routeTable:RouteTable": () => ({}),
  "aws:ec2/routeTableAssociation:RouteTableAssociation": () => ({}),
  "aws:ec2/securityGroup:SecurityGroup": () => ({}),
  "aws:ecs/cluster:Cluster": (name, region) => ({ name, arn: `arn:aws:ecs:${region}:${ACCOUNT}:cluster/${name}` }),
  "aws:ecs/taskDefinition:TaskDefinition": (name, region) => ({ arn: `arn:aws:ecs:${region}:${ACCOUNT}:task-definition/${name}:1` }),
  "aws:ecs/service:Service": (name, region) => ({ arn: `arn:aws:ecs:${region}:${ACCOUNT}:service/cluster/${name}` }),
  "aws:cloudwatch/logGroup:LogGroup": (name, region) => ({ arn: `arn:aws:logs:${region}:${ACCOUNT}:log-group:${name}` }),
  "aws:iam/role:Role": (name) => ({ name, arn: `arn:aws:iam::${ACCOUNT}:role/${name}` }),
  "aws:iam/rolePolicy:RolePolicy": () => ({}),
  "aws:dynamodb/table:Table": (name, region) => ({ name, arn: `arn:aws:dynamodb:${region}:${ACCOUNT}:table/${name}` }),
  "aws:s3/bucket:Bucket": (name) => ({ bucket: name, arn: `arn:aws:s3:::${name}` }),
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": () => ({}),
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": () => ({}),
  "aws:lambda/function:Function": (name, region) => ({ name, arn: `arn:aws:lambda:${region}:${ACCOUNT}:function:${name}` }),
  "aws:amp/workspace:Workspace": (name, region) => ({ arn: `arn:aws:aps:${region}:${ACCOUNT}:workspace/ws-${name}`, prometheusEndpoint: `https://aps-workspaces.${region}.amazonaws.com/workspaces/ws-${name}/` }),
  "docker:index/network:Network": () => ({}),
  "docker:index/volume:Volume": (name) => ({ name }),
  "docker:index/remoteImage:RemoteImage": (name) => ({ imageId: `sha256:${name}` }),
  "docker:index/container:Container": (name) => ({ name: `${name}-1a2b3c4`, networkDatas: [{ networkName: "bridge", ipAddress: "172.17.0.2" }, { networkName: "dfs-network", ipAddress: `address-of-${name}` }] }),
  "pulumi:providers:docker": () => ({}),
  "aws:ec2/route:Route": () => ({}),
  "aws:ec2/instance:Instance": () => ({ privateIp: "10.0.0.9" }),
  "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": () => ({}),
  "aws:iam/instanceProfile:InstanceProfile": (name) => ({ name }),
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": () => ({}),
  "aws:route53/zoneAssociation:ZoneAssociation": () => ({}),
  "aws:ssm/association:Association": () => ({ associationId: "a-1" }),
  "aerospikecloud:index:Cluster": () => ({ cidrBlock: "10.128.0.0/19", detected: false }),
  "aerospikecloud:index:ClusterReady": () => ({ host: "db.asdb.io", tlsCertificate: "PEM" }),
  "aerospikecloud:index:VpcPeering": () => ({ peeringId: "pcx-1" }),
  "aerospikecloud:index:VpcPeeringReady": () => ({ privateHostedZoneId: "Z1" }),
  "pulumi:pulumi:StackReference": () => ({}),
};

export interface MockOptions {
  readonly stack?: string;
  readonly region?: string;
  readonly preview?: boolean;
  readonly config?: Record<string, string>;
  /** Outputs of other stacks by full name, for stack references. */
  readonly stacks?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** A store of its own for each run, as the SDK gives each program: what a failed one left in flight doesn't reach the next. */
const stores = (globalThis as unknown as { asyncLocalStorage: AsyncLocalStorage<unknown> }).asyncLocalStorage;
const { LocalStore } = createRequire(__filename)("@pulumi/pulumi/runtime/state") as { LocalStore: new () => unknown };

/** Runs the program as one stack of project `fleet`. @throws what the program throws, or one of its outputs */
export function runMocked(program: () => unknown, options: MockOptions = {}): Promise<Ran> {
  return stores.run(new LocalStore(), () => run(program, options));
}

async function run(program: () => unknown, options: MockOptions): Promise<Ran> {
  const { stack = "dev", region = "eu-west-1" } = options;
  const created: Created[] = [];
  const seen = new Map<string, pulumi.CustomResourceOptions>();
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs, custom }) => {
      if (!custom || type === "pulumi:pulumi:Stack") return { id: "", state: inputs };
      const outputs = KNOWN[type];
      if (!outputs) throw new Error(`the mocks don't know the type ${type}`);
      created.push({ type, name, inputs, options: seen.get(`${type} ${name}`) ?? {} });
      const state = type === "pulumi:pulumi:StackReference" ? referenced(String(inputs["name"]), options) : outputs(name, region);
      return { id: `${name}-id`, state: { ...inputs, ...state } };
    },
    call: ({ token }) => {
      switch (token) {
        case "aws:index/getAvailabilityZones:getAvailabilityZones": return { names: ["a", "b", "c"].map((zone) => `${region}${zone}`) };
        case "aws:index/getCallerIdentity:getCallerIdentity": return { accountId: ACCOUNT, arn: `arn:aws:iam::${ACCOUNT}:user/me` };
        case "aws:index/getRegion:getRegion": return { region, name: region };
        case "aws:ssm/getParameter:getParameter": return { value: "ami-1" };
        default: throw new Error(`the mocks don't know the function ${token}`);
      }
    },
  }, "fleet", stack, options.preview ?? false, "organization");
  pulumi.runtime.setAllConfig({ "aws:region": region, ...options.config });
  // Failures are kept and thrown here: the stack resource would also report them as unhandled rejections.
  let outcome: { readonly outputs: Record<string, unknown> } | { readonly error: unknown } = { outputs: {} };
  await pulumi.runtime.runInPulumiStack(async () => {
    pulumi.runtime.registerStackTransformation(({ type, name, opts }) => { seen.set(`${type} ${name}`, opts); return undefined; });
    try {
      outcome = { outputs: await settled(pulumi.output((await program() ?? {}) as Record<string, unknown>)) };
    } catch (error) {
      outcome = { error };
    }
  });
  await pulumi.runtime.disconnect();
  if ("error" in outcome) throw outcome.error;
  return {
    outputs: outcome.outputs, created,
    of: (type) => created.filter((one) => one.type === type),
    named: (name) => {
      const found = created.find((one) => one.name === name);
      if (!found) throw new Error(`no resource ${name}; there are ${created.map((one) => one.name).join(", ")}`);
      return found;
    },
  };
}

function referenced(name: string, { stacks = {} }: MockOptions): Record<string, unknown> {
  const outputs = stacks[name];
  if (!outputs) throw new Error(`unknown stack "${name}"`);
  return { outputs, secretOutputNames: [] };
}

/** The value of an output; rejects when it fails. `promise` is the member that `apply` itself waits for. */
export function settled<T>(output: pulumi.Output<T>): Promise<T> {
  return (output as unknown as { promise(withUnknowns?: boolean): Promise<T> }).promise();
}
