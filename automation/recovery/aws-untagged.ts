/** Look-ups per type for what the tagging API can't search: IAM, associations, and settings that live inside another resource. */
import { crc32 } from "node:zlib";
import { clientSettings, type AwsAccess } from "./aws";
import { stringInput, type Found, type Sought } from "./lookup";
import { URN_HASH_TAG, urnHash } from "./urn";

type Find = (sought: Sought) => Promise<readonly Found[]>;

/** By Pulumi type token. The SDK clients are loaded when a look-up runs: recovery is rare and they are large. */
export function untaggedLookups(access: AwsAccess): ReadonlyMap<string, Find> {
  const settings = (sought: Sought): ReturnType<typeof clientSettings> => clientSettings(access, sought.region);
  return new Map<string, Find>([
    ["aws:iam/role:Role", (sought) => iamRole(settings(sought), sought)],
    ["aws:iam/policy:Policy", (sought) => iamPolicy(settings(sought), sought)],
    ["aws:iam/rolePolicy:RolePolicy", (sought) => iamRolePolicy(settings(sought), sought)],
    ["aws:iam/rolePolicyAttachment:RolePolicyAttachment", (sought) => iamAttachment(settings(sought), sought)],
    ["aws:iam/instanceProfile:InstanceProfile", (sought) => iamInstanceProfile(settings(sought), sought)],
    ["aws:ec2/routeTableAssociation:RouteTableAssociation", (sought) => routeTableAssociation(settings(sought), sought)],
    ["aws:ec2/route:Route", (sought) => route(settings(sought), sought)],
    ["aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", (sought) => publicAccessBlock(settings(sought), sought)],
    // Every bucket has an encryption setting and a versioning state of its own: writing one again is the same setting.
    ["aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", bucketSetting],
    ["aws:s3/bucketVersioning:BucketVersioning", bucketSetting],
    ["aws:lambda/permission:Permission", (sought) => lambdaPermission(settings(sought), sought)],
  ]);
}

type Settings = ReturnType<typeof clientSettings>;
type Tags = readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] | undefined;

/** A name that is taken by somebody else's resource is not what we left behind. */
function ours(tags: Tags, sought: Sought): boolean {
  return tags?.some(({ Key, Value }) => Key === URN_HASH_TAG && Value === urnHash(sought.urn)) ?? false;
}

/** `undefined` when the call fails with one of these error names. */
async function unless<T>(names: readonly string[], call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Error && names.includes(error.name)) return undefined;
    throw error;
  }
}

const NO_ENTITY = ["NoSuchEntityException", "NoSuchEntity"];

async function iamRole(settings: Settings, sought: Sought): Promise<readonly Found[]> {
  const { GetRoleCommand, IAMClient } = await import("@aws-sdk/client-iam");
  const name = stringInput(sought, "name");
  const reply = await unless(NO_ENTITY, new IAMClient(settings).send(new GetRoleCommand({ RoleName: name })));
  return reply?.Role && ours(reply.Role.Tags, sought) ? [{ id: name, ...(reply.Role.Arn && { arn: reply.Role.Arn }) }] : [];
}

async function iamPolicy(settings: Settings, sought: Sought): Promise<readonly Found[]> {
  const { GetPolicyCommand, IAMClient, paginateListPolicies } = await import("@aws-sdk/client-iam");
  const client = new IAMClient(settings);
  const name = stringInput(sought, "name");
  for await (const page of paginateListPolicies({ client }, { Scope: "Local" })) {
    const arn = page.Policies?.find(({ PolicyName }) => PolicyName === name)?.Arn;
    if (arn === undefined) continue;
    const { Policy: policy } = await client.send(new GetPolicyCommand({ PolicyArn: arn }));
    return ours(policy?.Tags, sought) ? [{ id: arn, arn }] : [];
  }
  return [];
}

async function iamRolePolicy(settings: Settings, sought: Sought): Promise<readonly Found[]> {
  const { GetRolePolicyCommand, IAMClient } = await import("@aws-sdk/client-iam");
  const [role, name] = [stringInput(sought, "role"), stringInput(sought, "name")];
  const reply = await unless(NO_ENTITY, new IAMClient(settings).send(new GetRolePolicyCommand({ RoleName: role, PolicyName: name })));
  return reply ? [{ id: `${role}:${name}` }] : [];
}

async function iamAttachment(settings: Settings, sought: Sought): Promise<readonly Found[]> {
  const { IAMClient, ListAttachedRolePoliciesCommand } = await import("@aws-sdk/client-iam");
  const [role, arn] = [stringInput(sought, "role"), stringInput(sought, "policyArn")];
  const reply = await unless(NO_ENTITY, new IAMClient(settings).send(new ListAttachedRolePoliciesCommand({ RoleName: role })));
  return reply?.AttachedPolicies?.some(({ PolicyArn }) => PolicyArn === arn) ? [{ id: `${role}/${arn}` }] : [];
}

async function iamInstanceProfile(settings: Settings, sought: Sought): Promise<readonly Found[]> {
  const { GetInstanceProfileCommand, IAMClient } = await import("@aws-sdk/client-iam");
  const name = stringInput(sought, "name");
  const reply = await unless(NO_ENTITY, new IAMClient(settings).send(new GetInstanceProfileCommand({ InstanceProfileName: name })));
  const profile = reply?.InstanceProfile;
  return profile && ours(profile.Tags, sought) ? [{ id: name, ...(profile.Arn && { arn: profile.Arn }) }] : [];
}

async function routeTableAssociation(settings: Settings, sought: Sought): Promise<readonly Found[]> {
  const { DescribeRouteTablesCommand, EC2Client } = await import("@aws-sdk/client-ec2");
  const table = stringInput(sought, "routeTableId");
  const reply = await unless(["InvalidRouteTableID.NotFound"], new EC2Client(settings).send(new DescribeRouteTablesCommand({ RouteTableIds: [table] })));
  const associations = reply?.RouteTables?.flatMap(({ Associations }) => Associations ?? []) ?? [];
  const { subnetId, gatewayId } = sought.inputs;
  return associations.flatMap((association) => {
    const same = subnetId !== undefined ? association.SubnetId === subnetId : association.GatewayId === gatewayId;
    return same && association.RouteTableAssociationId !== undefined ? [{ id: association.RouteTableAssociationId }] : [];
  });
}

async function route(settings: Settings, sought: Sought): Promise<readonly Found[]> {
  const { DescribeRouteTablesCommand, EC2Client } = await import("@aws-sdk/client-ec2");
  const table = stringInput(sought, "routeTableId");
  const destination = sought.inputs["destinationCidrBlock"] ?? sought.inputs["destinationIpv6CidrBlock"] ?? sought.inputs["destinationPrefixListId"];
  const reply = await unless(["InvalidRouteTableID.NotFound"], new EC2Client(settings).send(new DescribeRouteTablesCommand({ RouteTableIds: [table] })));
  const exists = reply?.RouteTables?.some(({ Routes }) => Routes?.some((known) =>
    [known.DestinationCidrBlock, known.DestinationIpv6CidrBlock, known.DestinationPrefixListId].includes(String(destination))));
  // The provider's route ID (terraform-provider-aws, internal/service/ec2, routeCreateID): table and CRC-32 of the destination.
  return exists ? [{ id: `r-${table}${crc32(String(destination))}` }] : [];
}

async function publicAccessBlock(settings: Settings, sought: Sought): Promise<readonly Found[]> {
  const { GetPublicAccessBlockCommand, S3Client } = await import("@aws-sdk/client-s3");
  const bucket = stringInput(sought, "bucket");
  const client = new S3Client({ ...settings, forcePathStyle: settings.endpoint !== undefined });
  const reply = await unless(["NoSuchPublicAccessBlockConfiguration", "NoSuchBucket"], client.send(new GetPublicAccessBlockCommand({ Bucket: bucket })));
  return reply ? [{ id: bucket }] : [];
}

async function bucketSetting(sought: Sought): Promise<readonly Found[]> {
  return [{ id: stringInput(sought, "bucket") }];
}

async function lambdaPermission(settings: Settings, sought: Sought): Promise<readonly Found[]> {
  const { GetPolicyCommand, LambdaClient } = await import("@aws-sdk/client-lambda");
  const [name, statement] = [stringInput(sought, "function"), stringInput(sought, "statementId")];
  const reply = await unless(["ResourceNotFoundException"], new LambdaClient(settings).send(new GetPolicyCommand({ FunctionName: name })));
  return reply?.Policy?.includes(`"${statement}"`) ? [{ id: statement }] : [];
}

