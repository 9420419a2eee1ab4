/** Look-ups per type for what the tagging API can't search: IAM, associations, and what lives inside another resource. */
import { isDeepStrictEqual } from "node:util";
import { crc32 } from "node:zlib";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { clientSettings, type AwsAccess } from "./aws-access";
import { NOTHING, unless, type Find } from "./aws-call";
import { iamLookups } from "./aws-iam";
import { s3Lookups } from "./aws-s3";
import { CantTell, stringInput, type Found, type Sought } from "./lookup";

/** By Pulumi type token. The SDK clients are loaded when a look-up runs: recovery is rare and they are large. */
export function untaggedLookups(access: AwsAccess): ReadonlyMap<string, (sought: Sought) => Promise<readonly Found[]>> {
  return new Map(Object.entries(LOOKUPS).map(([type, find]) => [type, (sought) => find(clientSettings(access, sought.region), sought)]));
}

const routeTableAssociation: Find = async (settings, sought) => {
  const { DescribeRouteTablesCommand, EC2Client } = await import("@aws-sdk/client-ec2");
  const table = stringInput(sought, "routeTableId");
  const reply = await unless(["InvalidRouteTableID.NotFound"], new EC2Client(settings).send(new DescribeRouteTablesCommand({ RouteTableIds: [table] })));
  const associations = reply?.RouteTables?.flatMap(({ Associations }) => Associations ?? []) ?? [];
  const { subnetId, gatewayId } = sought.inputs;
  return associations.flatMap((association) => {
    const same = subnetId !== undefined ? association.SubnetId === subnetId : association.GatewayId === gatewayId;
    return same && association.RouteTableAssociationId !== undefined ? [{ id: association.RouteTableAssociationId }] : [];
  });
};

const route: Find = async (settings, sought) => {
  const { DescribeRouteTablesCommand, EC2Client } = await import("@aws-sdk/client-ec2");
  const table = stringInput(sought, "routeTableId");
  const destination = sought.inputs["destinationCidrBlock"] ?? sought.inputs["destinationIpv6CidrBlock"] ?? sought.inputs["destinationPrefixListId"];
  const reply = await unless(["InvalidRouteTableID.NotFound"], new EC2Client(settings).send(new DescribeRouteTablesCommand({ RouteTableIds: [table] })));
  const exists = reply?.RouteTables?.some(({ Routes }) => Routes?.some((known) =>
    [known.DestinationCidrBlock, known.DestinationIpv6CidrBlock, known.DestinationPrefixListId].includes(String(destination))));
  // The provider's route ID (terraform-provider-aws, internal/service/ec2, routeCreateID): table and CRC-32 of the destination.
  return exists ? [{ id: `r-${table}${crc32(String(destination))}` }] : NOTHING;
};

const lambdaPermission: Find = async (settings, sought) => {
  const { GetPolicyCommand, LambdaClient } = await import("@aws-sdk/client-lambda");
  const [name, statement] = [stringInput(sought, "function"), stringInput(sought, "statementId")];
  const reply = await unless(["ResourceNotFoundException"], new LambdaClient(settings).send(new GetPolicyCommand({ FunctionName: name })));
  const { Statement: statements = [] } = JSON.parse(reply?.Policy ?? "{}") as { Statement?: { Sid?: string }[] };
  return statements.some(({ Sid }) => Sid === statement) ? [{ id: statement }] : NOTHING;
};

/** The provider puts an item only where none is: one that is there and is not what was sent is somebody else's, or has been changed since. */
const tableItem: Find = async (settings, sought) => {
  const { DynamoDBClient, GetItemCommand } = await import("@aws-sdk/client-dynamodb");
  const table = stringInput(sought, "tableName");
  const names = ["hashKey", ...(sought.inputs["rangeKey"] === undefined ? [] : ["rangeKey"])].map((key) => stringInput(sought, key));
  const item = JSON.parse(stringInput(sought, "item")) as Record<string, AttributeValue>;
  const key = Object.fromEntries(names.flatMap((name) => (item[name] ? [[name, item[name]]] : [])));
  const call = new DynamoDBClient(settings).send(new GetItemCommand({ TableName: table, Key: key, ConsistentRead: true }));
  const reply = await unless(["ResourceNotFoundException"], call);
  if (!reply?.Item) return NOTHING;
  if (!isDeepStrictEqual({ ...reply.Item }, item)) throw new CantTell(`table ${table} has another item under its key`);
  return [{ id: [table, ...names.slice(0, 1), ...names.map((name) => String(Object.values(item[name] ?? {})[0]))].join("|") }];
};

/** Of the secret's versions, the current one, unless the state has it: a secret has one current version, whoever put it. */
const secretVersion: Find = async (settings, sought) => {
  const { SecretsManagerClient, paginateListSecretVersionIds } = await import("@aws-sdk/client-secrets-manager");
  const secret = stringInput(sought, "secretId");
  const current = async (): Promise<readonly Found[]> => {
    for await (const page of paginateListSecretVersionIds({ client: new SecretsManagerClient(settings) }, { SecretId: secret })) {
      const version = page.Versions?.find(({ VersionStages }) => VersionStages?.includes("AWSCURRENT"))?.VersionId;
      if (version !== undefined) return [{ id: `${secret}|${version}` }];
    }
    return NOTHING;
  };
  return await unless(["ResourceNotFoundException"], current()) ?? NOTHING;
};

/** An alias of that name for another key is somebody else's. */
const keyAlias: Find = async (settings, sought) => {
  const { KMSClient, paginateListAliases } = await import("@aws-sdk/client-kms");
  const [name, key] = [stringInput(sought, "name"), stringInput(sought, "targetKeyId")];
  const exists = async (): Promise<boolean> => {
    for await (const page of paginateListAliases({ client: new KMSClient(settings) }, { KeyId: key })) {
      if (page.Aliases?.some(({ AliasName }) => AliasName === name)) return true;
    }
    return false;
  };
  return await unless(["NotFoundException"], exists()) ? [{ id: name }] : NOTHING;
};

/** The provider's ID (terraform-provider-aws, internal/service/route53, zoneAssociationCreateResourceID): zone and VPC, and the region when the program names it. */
const zoneAssociation: Find = async (settings, sought) => {
  const { ListHostedZonesByVPCCommand, Route53Client } = await import("@aws-sdk/client-route-53");
  const [zone, vpc] = [stringInput(sought, "zoneId"), stringInput(sought, "vpcId")];
  const region = sought.inputs["vpcRegion"] === undefined ? sought.region : stringInput(sought, "vpcRegion");
  const route53 = new Route53Client(settings);
  for (let token: string | undefined, more = true; more; more = token !== undefined) {
    const page = await unless(["InvalidInput"], route53.send(new ListHostedZonesByVPCCommand({ VPCId: vpc, VPCRegion: region as "us-east-1", NextToken: token })));
    if (page?.HostedZoneSummaries?.some(({ HostedZoneId }) => HostedZoneId === zone)) return [{ id: `${zone}:${vpc}` }];
    token = page?.NextToken;
  }
  return NOTHING;
};

const LOOKUPS: Readonly<Record<string, Find>> = {
  ...iamLookups,
  ...s3Lookups,
  "aws:ec2/routeTableAssociation:RouteTableAssociation": routeTableAssociation,
  "aws:ec2/route:Route": route,
  "aws:route53/zoneAssociation:ZoneAssociation": zoneAssociation,
  "aws:lambda/permission:Permission": lambdaPermission,
  "aws:dynamodb/tableItem:TableItem": tableItem,
  "aws:secretsmanager/secretVersion:SecretVersion": secretVersion,
  "aws:kms/alias:Alias": keyAlias,
};
