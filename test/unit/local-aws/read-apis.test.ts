import {
  DescribeAvailabilityZonesCommand,
  DescribeInternetGatewaysCommand,
  DescribeRegionsCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  EC2Client,
  RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  CreateUserCommand,
  GetInstanceProfileCommand,
  GetPolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListPoliciesCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
  ListRoleTagsCommand,
} from "@aws-sdk/client-iam";
import { GetResourcesCommand, ResourceGroupsTaggingAPIClient } from "@aws-sdk/client-resource-groups-tagging-api";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HOME } from "./fake";
import type { FakeCloud } from "./fake";
import { createNetwork, failure, serveCloud } from "./served";
import type { ServedCloud } from "./served";

let served: ServedCloud;
let cloud: FakeCloud;
let settings: ServedCloud["settings"];
beforeEach(async () => {
  served = await serveCloud();
  ({ cloud, settings } = served);
});
afterEach(async () => served.close());

describe("the front", () => {
  it("takes region and account from the signature", async () => {
    expect(await new STSClient({ ...settings, region: "us-gov-west-1" }).send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: HOME.account,
      Arn: "arn:aws-us-gov:iam::123456789012:user/local-cloud",
    });
  });

  it("names the file to extend for an operation and for a service that it hasn't", async () => {
    expect(await failure(new IAMClient(settings).send(new CreateUserCommand({ UserName: "u" })))).toMatch(
      /^NotImplemented: iam:CreateUser is not modelled.*local\/aws\/api\/iam\.ts/,
    );
    expect(await failure(new EC2Client(settings).send(new RunInstancesCommand({ MinCount: 1, MaxCount: 1 })))).toMatch(
      /^NotImplemented: ec2:RunInstances.*local\/aws\/api\/ec2\.ts/,
    );
    const response = await fetch(settings.endpoint, {
      headers: { authorization: "AWS4-HMAC-SHA256 Credential=k/20260101/eu-west-1/rds/aws4_request, SignedHeaders=host, Signature=x" },
    });
    expect(await response.json()).toMatchObject({
      __type: "NotImplemented",
      message: expect.stringContaining("local/aws/api/index.ts") as string,
    });
  });

  it("refuses calls without a signature", async () => {
    expect((await fetch(settings.endpoint)).status).toBe(403);
  });
});

describe("EC2", () => {
  it("describes a network, with filters, and says what isn't there", async () => {
    const client = new EC2Client(settings);
    const { vpc, subnet, group, table, link, gateway } = await createNetwork(cloud);
    const { Vpcs: vpcs = [] } = await client.send(new DescribeVpcsCommand({ Filters: [{ Name: "tag:Name", Values: ["<main*"] }] }));
    expect(vpcs).toMatchObject([
      { VpcId: vpc.id, State: "available", CidrBlock: "10.0.0.0/16", IsDefault: false, Tags: [{ Key: "Name", Value: "<main & co>" }] },
    ]);
    expect((await client.send(new DescribeSubnetsCommand({ Filters: [{ Name: "vpc-id", Values: [vpc.id] }] }))).Subnets).toMatchObject([
      { SubnetId: subnet.id, AvailableIpAddressCount: 251, MapPublicIpOnLaunch: true, AvailabilityZoneId: "euc1-az1" },
    ]);
    const { RouteTables: tables = [] } = await client.send(new DescribeRouteTablesCommand({ RouteTableIds: [table.id] }));
    expect(tables[0]?.Routes).toMatchObject([{ GatewayId: "local" }, { DestinationCidrBlock: "0.0.0.0/0", GatewayId: gateway.id }]);
    expect(tables[0]?.Associations).toMatchObject([
      { RouteTableAssociationId: link.id, SubnetId: subnet.id, Main: false, AssociationState: { State: "associated" } },
    ]);
    expect(
      (await client.send(new DescribeInternetGatewaysCommand({ Filters: [{ Name: "attachment.vpc-id", Values: [vpc.id] }] })))
        .InternetGateways,
    ).toMatchObject([{ InternetGatewayId: gateway.id }]);
    const { SecurityGroups: groups = [] } = await client.send(new DescribeSecurityGroupsCommand({ GroupIds: [group.id] }));
    expect(groups).toMatchObject([
      { GroupName: "tasks", IpPermissions: [], IpPermissionsEgress: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }] },
    ]);
    expect(
      (await client.send(new DescribeSecurityGroupRulesCommand({ Filters: [{ Name: "group-id", Values: [group.id] }] })))
        .SecurityGroupRules,
    ).toMatchObject([{ IsEgress: true, CidrIpv4: "0.0.0.0/0", FromPort: 0 }]);
    expect(await failure(client.send(new DescribeVpcsCommand({ VpcIds: ["vpc-none"] })))).toMatch(/^InvalidVpcID\.NotFound: /);
    expect(await failure(client.send(new DescribeVpcsCommand({ Filters: [{ Name: "odd", Values: ["x"] }] })))).toMatch(
      /^InvalidParameterValue: The filter 'odd'/,
    );
  });

  it("shows a VPC that is still being made as pending", async () => {
    const { record } = cloud.begin("aws:ec2/vpc:Vpc", { cidrBlock: "10.0.0.0/16" }, { settle: false });
    expect((await new EC2Client(settings).send(new DescribeVpcsCommand({ VpcIds: [record.id] }))).Vpcs?.[0]?.State).toMatch(
      /pending|available/,
    );
  });

  it("lists regions and zones", async () => {
    const client = new EC2Client(settings);
    const { Regions: enabled = [] } = await client.send(new DescribeRegionsCommand({}));
    expect(enabled.map((region) => region.RegionName)).toContain("eu-west-1");
    expect(enabled.map((region) => region.RegionName)).not.toContain("me-south-1");
    const { Regions: all = [] } = await client.send(new DescribeRegionsCommand({ AllRegions: true }));
    expect(all.find((region) => region.RegionName === "me-south-1")?.OptInStatus).toBe("not-opted-in");
    expect((await client.send(new DescribeAvailabilityZonesCommand({}))).AvailabilityZones?.map((zone) => zone.ZoneName)).toEqual([
      "eu-central-1a",
      "eu-central-1b",
      "eu-central-1c",
    ]);
  });
});

describe("the tagging API", () => {
  const find = (more: object = {}) =>
    new ResourceGroupsTaggingAPIClient(settings).send(new GetResourcesCommand({ TagFilters: [{ Key: "hash", Values: ["x"] }], ...more }));

  it("finds resources by tag from the start of their creation, and no IAM roles", async () => {
    const { record } = cloud.begin("aws:amp/workspace:Workspace", { tags: { hash: "x" } });
    await cloud.create("aws:iam/role:Role", { name: "r", assumeRolePolicy: "{}", tags: { hash: "x" } });
    await cloud.create("aws:ec2/vpc:Vpc", { cidrBlock: "10.0.0.0/16", tags: { hash: "y" } });
    await cloud.create("aws:ec2/vpc:Vpc", { cidrBlock: "10.0.0.0/16", tags: { hash: "x" } }, { region: "us-east-1" });
    expect((await find()).ResourceTagMappingList).toEqual([{ ResourceARN: record.arn, Tags: [{ Key: "hash", Value: "x" }] }]);
  });

  it("filters by type and goes page by page", async () => {
    for (let n = 0; n < 5; n += 1) await cloud.create("aws:ec2/vpc:Vpc", { cidrBlock: "10.0.0.0/16", tags: { hash: "x" } });
    await cloud.create("aws:cloudwatch/logGroup:LogGroup", { name: "g", tags: { hash: "x" } });
    const arns: string[] = [];
    let token: string | undefined;
    let pages = 0;
    do {
      const answer = await find({ ResourcesPerPage: 2, ResourceTypeFilters: ["ec2:vpc"], ...(token ? { PaginationToken: token } : {}) });
      arns.push(...(answer.ResourceTagMappingList ?? []).map((mapping) => mapping.ResourceARN ?? ""));
      token = answer.PaginationToken;
      pages += 1;
    } while (token);
    expect([pages, new Set(arns).size]).toEqual([3, 5]);
    expect((await find({ ResourceTypeFilters: ["logs"] })).ResourceTagMappingList).toHaveLength(1);
  });
});

describe("IAM", () => {
  it("reads roles, their policies and their tags", async () => {
    const client = new IAMClient(settings);
    const trust = JSON.stringify({ Version: "2012-10-17", Statement: [] });
    await cloud.create("aws:iam/role:Role", { name: "worker", assumeRolePolicy: trust, tags: { hash: "x" } });
    await cloud.create("aws:iam/rolePolicy:RolePolicy", { name: "own", role: "worker", policy: trust });
    const policy = await cloud.create("aws:iam/policy:Policy", { name: "shared", policy: trust, tags: { k: "v" } });
    await cloud.create("aws:iam/rolePolicyAttachment:RolePolicyAttachment", { role: "worker", policyArn: policy.id });
    await cloud.create("aws:iam/instanceProfile:InstanceProfile", { name: "profile", role: "worker" });
    const { Role: role } = await client.send(new GetRoleCommand({ RoleName: "worker" }));
    expect(role).toMatchObject({ RoleName: "worker", Arn: "arn:aws:iam::123456789012:role/worker", Tags: [{ Key: "hash", Value: "x" }] });
    expect(decodeURIComponent(role?.AssumeRolePolicyDocument ?? "")).toBe(trust);
    expect(role?.CreateDate).toBeInstanceOf(Date);
    expect((await client.send(new ListRolesCommand({}))).Roles).toHaveLength(1);
    expect((await client.send(new ListRoleTagsCommand({ RoleName: "worker" }))).Tags).toEqual([{ Key: "hash", Value: "x" }]);
    expect((await client.send(new ListRolePoliciesCommand({ RoleName: "worker" }))).PolicyNames).toEqual(["own"]);
    expect(
      decodeURIComponent((await client.send(new GetRolePolicyCommand({ RoleName: "worker", PolicyName: "own" }))).PolicyDocument ?? ""),
    ).toBe(trust);
    expect((await client.send(new ListAttachedRolePoliciesCommand({ RoleName: "worker" }))).AttachedPolicies).toEqual([
      { PolicyName: "shared", PolicyArn: policy.id },
    ]);
    expect((await client.send(new GetPolicyCommand({ PolicyArn: policy.id }))).Policy).toMatchObject({
      PolicyName: "shared",
      Tags: [{ Key: "k", Value: "v" }],
    });
    expect((await client.send(new ListPoliciesCommand({ Scope: "Local" }))).Policies).toMatchObject([{ PolicyName: "shared" }]);
    expect((await client.send(new GetInstanceProfileCommand({ InstanceProfileName: "profile" }))).InstanceProfile?.Roles).toMatchObject([
      { RoleName: "worker" },
    ]);
    expect(await failure(client.send(new GetRoleCommand({ RoleName: "none" })))).toMatch(/^NoSuchEntity/);
    expect(await failure(client.send(new GetRolePolicyCommand({ RoleName: "worker", PolicyName: "none" })))).toMatch(/^NoSuchEntity/);
  });
});
