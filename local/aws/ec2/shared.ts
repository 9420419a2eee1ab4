/** What the EC2 models share: look-ups with EC2's error codes, and who uses a subnet or a security group. */
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import type { Place } from "../arn";
import { list, object, text } from "../define";

export const VPC = "aws:ec2/vpc:Vpc";
export const SUBNET = "aws:ec2/subnet:Subnet";
export const INTERNET_GATEWAY = "aws:ec2/internetGateway:InternetGateway";
export const ROUTE_TABLE = "aws:ec2/routeTable:RouteTable";
export const ROUTE_TABLE_ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation";
export const SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup";
export const INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
export const EGRESS_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";
export const EIP = "aws:ec2/eip:Eip";
export const NAT_GATEWAY = "aws:ec2/natGateway:NatGateway";
export const INSTANCE = "aws:ec2/instance:Instance";
export const PEERING_CONNECTION = "aws:ec2/vpcPeeringConnection:VpcPeeringConnection";
const ECS_SERVICE = "aws:ecs/service:Service";
const LAMBDA_FUNCTION = "aws:lambda/function:Function";

/** Records of a type in one place. */
export function inPlace(cloud: CloudContext, type: string, place: Place): ResourceRecord[] {
  return cloud.store.list(type, { region: place.region, account: place.account });
}

/** @throws {ServiceError} `InvalidVpcID.NotFound` */
export function requireVpc(cloud: CloudContext, place: Place, id: string): ResourceRecord {
  return required(cloud, place, VPC, id, "InvalidVpcID.NotFound", `The vpc ID '${id}' does not exist`);
}

/** @throws {ServiceError} `InvalidSubnetID.NotFound` */
export function requireSubnet(cloud: CloudContext, place: Place, id: string): ResourceRecord {
  return required(cloud, place, SUBNET, id, "InvalidSubnetID.NotFound", `The subnet ID '${id}' does not exist`);
}

/** @throws {ServiceError} `InvalidRouteTableID.NotFound` */
export function requireRouteTable(cloud: CloudContext, place: Place, id: string): ResourceRecord {
  return required(cloud, place, ROUTE_TABLE, id, "InvalidRouteTableID.NotFound", `The routeTable ID '${id}' does not exist`);
}

/** A group's VPC; the default group of a VPC counts. @throws {ServiceError} `InvalidGroup.NotFound` */
export function requireSecurityGroup(cloud: CloudContext, place: Place, id: string): { readonly vpcId: string } {
  const record = cloud.store.get(SECURITY_GROUP, id, { region: place.region, account: place.account });
  if (record) return { vpcId: text(record.outputs["vpcId"]) };
  const owner = inPlace(cloud, VPC, place).find((vpc) => vpc.outputs["defaultSecurityGroupId"] === id);
  if (owner) return { vpcId: owner.id };
  throw new ServiceError("InvalidGroup.NotFound", `The security group '${id}' does not exist`);
}

function required(cloud: CloudContext, place: Place, type: string, id: string, code: string, message: string): ResourceRecord {
  const record = cloud.store.get(type, id, { region: place.region, account: place.account });
  if (!record) throw new ServiceError(code, message);
  return record;
}

/** @throws {ServiceError} `DependencyViolation` when anything is in the list */
export function refuseWhenUsed(what: string, users: readonly ResourceRecord[]): void {
  const [first] = users;
  if (first) throw new ServiceError("DependencyViolation", `The ${what} has dependencies and cannot be deleted; ${first.id} uses it`);
}

/** What has network interfaces in a subnet: instances, services, functions and NAT gateways. */
export function usersOfSubnet(cloud: CloudContext, place: Place, id: string): ResourceRecord[] {
  return [
    ...inPlace(cloud, INSTANCE, place).filter((instance) => instance.outputs["subnetId"] === id),
    ...inPlace(cloud, NAT_GATEWAY, place).filter((gateway) => gateway.outputs["subnetId"] === id),
    ...inPlace(cloud, ECS_SERVICE, place).filter((service) => list(networkOf(service)["subnets"]).includes(id)),
    ...inPlace(cloud, LAMBDA_FUNCTION, place).filter((fn) => list(object(fn.inputs["vpcConfig"])["subnetIds"]).includes(id)),
  ];
}

/** What uses a security group: instances, services, functions, and rules of other groups. */
export function usersOfSecurityGroup(cloud: CloudContext, place: Place, id: string): ResourceRecord[] {
  return [
    ...inPlace(cloud, INSTANCE, place).filter((instance) => list(instance.outputs["vpcSecurityGroupIds"]).includes(id)),
    ...inPlace(cloud, ECS_SERVICE, place).filter((service) => list(networkOf(service)["securityGroups"]).includes(id)),
    ...inPlace(cloud, LAMBDA_FUNCTION, place).filter((fn) => list(object(fn.inputs["vpcConfig"])["securityGroupIds"]).includes(id)),
    ...[INGRESS_RULE, EGRESS_RULE]
      .flatMap((type) => inPlace(cloud, type, place))
      .filter((rule) => rule.inputs["referencedSecurityGroupId"] === id && rule.inputs["securityGroupId"] !== id),
    ...inPlace(cloud, SECURITY_GROUP, place).filter((group) => group.id !== id && inlineReferences(group).includes(id)),
  ];
}

/** The awsvpc settings of an ECS service. */
export function networkOf(service: ResourceRecord): ReturnType<typeof object> {
  return object(service.outputs["networkConfiguration"] ?? service.inputs["networkConfiguration"]);
}

function inlineReferences(group: ResourceRecord): unknown[] {
  return [...list(group.inputs["ingress"]), ...list(group.inputs["egress"])].flatMap((rule) => list(object(rule)["securityGroups"]));
}
