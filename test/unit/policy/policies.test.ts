import { describe, expect, it } from "vitest";
import { TAG_KEYS } from "../../../components/tags/keys";
import { urnHash } from "../../../components/tags/urn-hash";
import { isPublic, noPublicIngress } from "../../../policy/no-public-ingress";
import { documentViolations, noWildcardIam } from "../../../policy/no-wildcard-iam";
import { tagsPresent } from "../../../policy/tags-present";

const URN = "urn:pulumi:dev::fleet::aws:ec2/vpc:Vpc::main";
const TAGS = { [TAG_KEYS.project]: "fleet", [TAG_KEYS.stack]: "dev", [TAG_KEYS.urnHash]: urnHash(URN) };

describe("tags-present", () => {
  const check = (tags: unknown, type = "aws:ec2/vpc:Vpc"): readonly string[] => tagsPresent.check({ type, urn: URN, props: { tags } });

  it("accepts a resource with the fleet's tags, whatever others it has", () => {
    expect(check({ ...TAGS, Name: "main" })).toEqual([]);
  });

  it("names each tag that is missing", () => {
    expect(check(undefined)).toHaveLength(3);
    expect(check({ ...TAGS, [TAG_KEYS.stack]: "" })).toEqual([expect.stringMatching(/^tags\["stackfleet:stack"\]: wrong; got ""; /)]);
  });

  it("refuses the hash of another URN, by which recovery would adopt the wrong resource", () => {
    expect(check({ ...TAGS, [TAG_KEYS.urnHash]: urnHash(`${URN}2`) })).toEqual([expect.stringMatching(/urn-hash"\]: wrong/)]);
  });

  it("asks nothing of types that carry no tags", () => {
    expect(check(undefined, "aws:ec2/routeTableAssociation:RouteTableAssociation")).toEqual([]);
    expect(check(undefined, "kubernetes:core/v1:Pod")).toEqual([]);
  });
});

describe("no-public-ingress", () => {
  const check = (type: string, props: Record<string, unknown>): readonly string[] => noPublicIngress.check({ type, urn: URN, props });
  const group = (ingress: unknown): readonly string[] => check("aws:ec2/securityGroup:SecurityGroup", { ingress });

  it("accepts groups without ingress, from other groups and from known blocks", () => {
    expect(check("aws:ec2/securityGroup:SecurityGroup", { egress: [{ cidrBlocks: ["0.0.0.0/0"] }] })).toEqual([]);
    expect(group([{ protocol: "tcp", fromPort: 8080, toPort: 8080, securityGroups: ["sg-1"] }])).toEqual([]);
    expect(group([{ cidrBlocks: ["10.0.0.0/8", "203.0.113.7/32"], ipv6CidrBlocks: ["2001:db8::/32"] }])).toEqual([]);
  });

  it("names every rule that is open to the internet", () => {
    expect(group([{ cidrBlocks: ["10.0.0.0/8"] }, { cidrBlocks: ["10.0.0.0/8", "0.0.0.0/0"], ipv6CidrBlocks: ["::/0"] }])).toEqual([
      expect.stringMatching(/^ingress\[1\]\.cidrBlocks\[1\]: open to the internet; got "0\.0\.0\.0\/0"; /),
      expect.stringMatching(/^ingress\[1\]\.ipv6CidrBlocks\[0\]: open to the internet; got "::\/0"; /),
    ]);
  });

  it.each(["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0", "0:0:0:0:0:0:0:0/0", "2000::/3", " 0.0.0.0/0 ", "1.2.3.4/0"])("takes %j for the internet", (block) => {
    expect(isPublic(block)).toBe(true);
  });

  it.each(["10.0.0.0/8", "172.16.0.0/12", "203.0.113.0/24", "fd00::/16", "2001:db8::/32", "sg-1", "", undefined, 0])("doesn't take %j for the internet", (block) => {
    expect(isPublic(block)).toBe(false);
  });

  it("checks rules that are resources of their own", () => {
    expect(check("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", { cidrIpv4: "0.0.0.0/0" })).toHaveLength(1);
    expect(check("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", { cidrIpv6: "::/0" })).toHaveLength(1);
    expect(check("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", { cidrIpv4: "0.0.0.0/0" })).toEqual([]);
    expect(check("aws:ec2/securityGroupRule:SecurityGroupRule", { type: "ingress", cidrBlocks: ["0.0.0.0/0"] })).toHaveLength(1);
    expect(check("aws:ec2/securityGroupRule:SecurityGroupRule", { type: "egress", cidrBlocks: ["0.0.0.0/0"] })).toEqual([]);
  });

  it("checks what a prefix list holds, not who uses it", () => {
    expect(group([{ prefixListIds: ["pl-1"] }])).toEqual([]);
    expect(check("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", { prefixListId: "pl-1" })).toEqual([]);
    expect(check("aws:ec2/managedPrefixList:ManagedPrefixList", { entries: [{ cidr: "10.0.0.0/8" }, { cidr: "0.0.0.0/0" }] })).toEqual([expect.stringMatching(/^entries\[1\]\.cidr: /)]);
    expect(check("aws:ec2/managedPrefixListEntry:ManagedPrefixListEntry", { cidr: "::/0" })).toHaveLength(1);
  });
});

const allow = (statement: Record<string, unknown>): unknown => ({ Version: "2012-10-17", Statement: [{ Effect: "Allow", ...statement }] });
const READ_ONE = { Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket/scripts/*" };

describe("no-wildcard-iam", () => {
  const problemsOf = (statement: Record<string, unknown>): readonly string[] => documentViolations("policy", allow(statement));

  it("accepts named actions on named resources, as object or as text, one statement or several", () => {
    expect(problemsOf(READ_ONE)).toEqual([]);
    expect(documentViolations("policy", JSON.stringify(allow(READ_ONE)))).toEqual([]);
    expect(documentViolations("policy", { Statement: { Effect: "Allow", ...READ_ONE } })).toEqual([]);
  });

  it.each(["*", "s3:*", "s3:Get*", "iam:?etUser"])("refuses the action %j, alone or in a list", (action) => {
    expect(problemsOf({ ...READ_ONE, Action: action })).toEqual([expect.stringMatching(/^policy\.Statement\[0\]\.Action: wildcard action; /)]);
    expect(problemsOf({ ...READ_ONE, Action: ["s3:GetObject", action] })).toHaveLength(1);
  });

  it.each(["*", "arn:aws:s3:::*", "arn:aws:*:eu-west-1:123456789012:table/t", "arn:aws:dynamodb:eu-west-1:123456789012:table/*", "arn:aws:logs:eu-west-1:123456789012:log-group:*"])("refuses the resource %j", (resource) => {
    expect(problemsOf({ ...READ_ONE, Resource: [resource] })).toEqual([expect.stringMatching(/Resource: wildcard resource; /)]);
  });

  it("accepts all resources of a type where a condition narrows them", () => {
    const condition = { Condition: { StringEquals: { "aws:ResourceTag/stackfleet:project": "fleet" } } };
    expect(problemsOf({ Action: "ecs:UpdateService", Resource: "arn:aws:ecs:eu-west-1:123456789012:service/*", ...condition })).toEqual([]);
    expect(problemsOf({ Action: "ecs:UpdateService", Resource: "*", ...condition })).toHaveLength(1);
    expect(problemsOf({ Action: "ecs:UpdateService", Resource: "arn:aws:ecs:eu-west-1:123456789012:service/*", Condition: {} })).toHaveLength(1);
  });

  it("accepts all resources for actions that know no resource, and only for them", () => {
    expect(problemsOf({ Action: "ecr:GetAuthorizationToken", Resource: "*" })).toEqual([]);
    expect(problemsOf({ Action: ["ecr:GetAuthorizationToken", "ecr:BatchGetImage"], Resource: "*" })).toHaveLength(1);
  });

  it.each(["NotAction", "NotResource", "NotPrincipal"])("refuses %s, which allows all the rest", (key) => {
    expect(problemsOf({ [key]: ["iam:GetUser"] })).toEqual([expect.stringContaining(`Statement[0].${key}: allows everything that it doesn't name`)]);
  });

  it("accepts any breadth in what is denied", () => {
    expect(documentViolations("policy", { Statement: [{ Effect: "Deny", NotAction: "iam:*", Resource: "*", Principal: "*" }] })).toEqual([]);
  });

  it.each(["*", { AWS: "*" }, { AWS: ["arn:aws:iam::123456789012:root", "*"] }, { AWS: "arn:aws:iam::*:root" }, { Service: "*" }])("refuses roles that %j may assume", (principal) => {
    const props = { assumeRolePolicy: JSON.stringify(allow({ Action: "sts:AssumeRole", Principal: principal })) };
    expect(noWildcardIam.check({ type: "aws:iam/role:Role", urn: URN, props })).toEqual([expect.stringMatching(/^assumeRolePolicy\.Statement\[0\]\.Principal: anybody; /)]);
  });

  it("accepts roles that one service may assume", () => {
    const props = { assumeRolePolicy: allow({ Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } }) };
    expect(noWildcardIam.check({ type: "aws:iam/role:Role", urn: URN, props })).toEqual([]);
  });

  it("checks inline policies and the managed ones that are as wide", () => {
    const props = { inlinePolicies: [{ name: "a", policy: JSON.stringify(allow({ Action: "*", Resource: "*" })) }], managedPolicyArns: ["arn:aws:iam::aws:policy/AmazonS3FullAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess"] };
    expect(noWildcardIam.check({ type: "aws:iam/role:Role", urn: URN, props })).toHaveLength(3);
    const attached = (policyArn: string): readonly string[] => noWildcardIam.check({ type: "aws:iam/rolePolicyAttachment:RolePolicyAttachment", urn: URN, props: { policyArn } });
    expect(attached("arn:aws:iam::aws:policy/AdministratorAccess")).toHaveLength(1);
    expect(attached("arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")).toEqual([]);
    expect(attached("arn:aws:iam::123456789012:policy/OurFullAccess")).toEqual([]);
  });

  it("checks policies of resources and permissions of functions", () => {
    const bucket = { policy: allow({ Action: "s3:GetObject", Resource: "arn:aws:s3:::b/x", Principal: "*" }) };
    expect(noWildcardIam.check({ type: "aws:s3/bucketPolicy:BucketPolicy", urn: URN, props: bucket })).toHaveLength(1);
    expect(noWildcardIam.check({ type: "aws:lambda/permission:Permission", urn: URN, props: { action: "lambda:*", principal: "*" } })).toHaveLength(2);
    expect(noWildcardIam.check({ type: "aws:lambda/permission:Permission", urn: URN, props: { action: "lambda:InvokeFunction", principal: "s3.amazonaws.com" } })).toEqual([]);
  });

  it("refuses what is no policy document", () => {
    expect(documentViolations("policy", "{")).toEqual([expect.stringMatching(/^policy: not a policy document; got "\{"; /)]);
    expect(documentViolations("policy", "[]")).toHaveLength(1);
    expect(documentViolations("policy", undefined)).toEqual([]);
  });
});
