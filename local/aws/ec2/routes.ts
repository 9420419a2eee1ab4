/** Route tables with their inline routes, single routes, and associations with subnets. */
import { crc32 } from "node:zlib";
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CloudContext, Properties } from "../../model";
import { arn } from "../arn";
import type { Place } from "../arn";
import { contains, parseCidr } from "../cidr";
import { defineResource, list, object, text } from "../define";
import {
  inPlace,
  INTERNET_GATEWAY,
  NAT_GATEWAY,
  refuseWhenUsed,
  requireRouteTable,
  requireSubnet,
  requireVpc,
  ROUTE_TABLE,
  ROUTE_TABLE_ASSOCIATION,
  VPC,
} from "./shared";
import { requireRoutable } from "./peering";

const FILE = "local/aws/ec2/routes.ts";
const ROUTE = "aws:ec2/route:Route";

const inlineRoute = z.strictObject({ cidrBlock: z.string(), gatewayId: z.string().optional(), natGatewayId: z.string().optional(), vpcPeeringConnectionId: z.string().optional() });

interface RouteTarget {
  readonly cidrBlock: string;
  readonly gatewayId?: string | undefined;
  readonly natGatewayId?: string | undefined;
  readonly vpcPeeringConnectionId?: string | undefined;
}

export const routeTable = defineResource({
  type: ROUTE_TABLE,
  file: FILE,
  shape: { vpcId: z.string(), routes: z.array(inlineRoute).optional() },
  replaceOn: ["vpcId"],
  begin(inputs, scope, cloud) {
    requireVpc(cloud, scope, inputs.vpcId);
    checkRoutes(inputs.routes ?? [], inputs.vpcId, scope, cloud);
    const id = `rtb-${cloud.ids.hex(17)}`;
    const tableArn = arn(scope, "ec2", `route-table/${id}`);
    return {
      id,
      arn: tableArn,
      outputs: { arn: tableArn, ownerId: scope.account, routes: (inputs.routes ?? []).map(routeOutput), propagatingVgws: [] },
    };
  },
  async update(_record, inputs, scope, cloud) {
    checkRoutes(inputs.routes ?? [], inputs.vpcId, scope, cloud);
    return { routes: (inputs.routes ?? []).map(routeOutput) };
  },
  beforeDelete(record, cloud) {
    refuseWhenUsed(
      `routeTable '${record.id}'`,
      inPlace(cloud, ROUTE_TABLE_ASSOCIATION, record).filter((link) => link.outputs["routeTableId"] === record.id),
    );
  },
});

function routeOutput(route: RouteTarget): Properties {
  return { cidrBlock: route.cidrBlock, gatewayId: route.gatewayId ?? "", natGatewayId: route.natGatewayId ?? "", vpcPeeringConnectionId: route.vpcPeeringConnectionId ?? "" };
}

function checkRoutes(routes: readonly RouteTarget[], vpcId: string, place: Place, cloud: CloudContext): void {
  const seen = new Set<string>();
  for (const route of routes) {
    if (seen.has(route.cidrBlock))
      throw new ServiceError("RouteAlreadyExists", `The route identified by ${route.cidrBlock} already exists.`);
    seen.add(route.cidrBlock);
    checkTarget(route, vpcId, place, cloud);
  }
}

function checkTarget(route: RouteTarget, vpcId: string, place: Place, cloud: CloudContext): void {
  if (!parseCidr(route.cidrBlock))
    throw new ServiceError(
      "InvalidParameterValue",
      `Value (${route.cidrBlock}) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.`,
    );
  const where = { region: place.region, account: place.account };
  const { gatewayId, natGatewayId, vpcPeeringConnectionId } = route;
  if ([gatewayId, natGatewayId, vpcPeeringConnectionId].filter((target) => target !== undefined).length !== 1)
    throw new ServiceError("MissingParameter", "The request must contain exactly one of gatewayId, natGatewayId, vpcPeeringConnectionId");
  if (vpcPeeringConnectionId !== undefined) requireRoutable(cloud, vpcPeeringConnectionId, vpcId);
  const local = parseCidr(text(cloud.store.get(VPC, vpcId, where)?.outputs["cidrBlock"]));
  const destination = parseCidr(route.cidrBlock);
  // Source: VPC user guide, "Route tables": a static route may not be as specific as the local route, or more.
  if (local !== undefined && destination !== undefined && contains(local, destination) && gatewayId !== "local")
    throw new ServiceError("InvalidParameterValue", `The destination CIDR block ${route.cidrBlock} is equal to or more specific than one of this VPC's CIDR blocks.`);
  if (gatewayId !== undefined && gatewayId !== "local") {
    const gateway = cloud.store.get(INTERNET_GATEWAY, gatewayId, where);
    if (!gateway) throw new ServiceError("InvalidGatewayID.NotFound", `The gateway ID '${gatewayId}' does not exist`);
    if (gateway.outputs["vpcId"] !== vpcId)
      throw new ServiceError("InvalidParameterValue", `The gateway ${gatewayId} and the route table belong to different networks`);
  }
  if (natGatewayId !== undefined && !cloud.store.get(NAT_GATEWAY, natGatewayId, where)) {
    throw new ServiceError("InvalidNatGatewayID.NotFound", `The natGateway ID '${natGatewayId}' does not exist`);
  }
}

export const route = defineResource({
  type: ROUTE,
  file: FILE,
  taggable: false,
  shape: {
    routeTableId: z.string(),
    destinationCidrBlock: z.string(),
    gatewayId: z.string().optional(),
    natGatewayId: z.string().optional(),
    vpcPeeringConnectionId: z.string().optional(),
  },
  replaceOn: ["routeTableId", "destinationCidrBlock"],
  begin(inputs, scope, cloud) {
    const table = requireRouteTable(cloud, scope, inputs.routeTableId);
    checkTarget({ ...inputs, cidrBlock: inputs.destinationCidrBlock }, text(table.outputs["vpcId"]), scope, cloud);
    const taken =
      inPlace(cloud, ROUTE, scope).some(
        (other) => other.inputs["routeTableId"] === table.id && other.inputs["destinationCidrBlock"] === inputs.destinationCidrBlock,
      ) || list(table.outputs["routes"]).some((inline) => object(inline)["cidrBlock"] === inputs.destinationCidrBlock);
    if (taken) throw new ServiceError("RouteAlreadyExists", `The route identified by ${inputs.destinationCidrBlock} already exists.`);
    return {
      id: routeId(inputs.routeTableId, inputs.destinationCidrBlock),
      outputs: { origin: "CreateRoute", state: "active", instanceId: "", instanceOwnerId: "" },
    };
  },
  async update(_record, inputs, scope, cloud) {
    const table = requireRouteTable(cloud, scope, inputs.routeTableId);
    checkTarget({ ...inputs, cidrBlock: inputs.destinationCidrBlock }, text(table.outputs["vpcId"]), scope, cloud);
    return {};
  },
  importIds: (record) => [`${text(record.inputs["routeTableId"])}_${text(record.inputs["destinationCidrBlock"])}`],
});

/** The provider's own form: `r-<route table id><CRC-32 of the destination>`. */
function routeId(tableId: string, destination: string): string {
  return `r-${tableId}${crc32(destination)}`;
}

export const routeTableAssociation = defineResource({
  type: ROUTE_TABLE_ASSOCIATION,
  file: FILE,
  taggable: false,
  shape: { routeTableId: z.string(), subnetId: z.string() },
  replaceOn: ["subnetId"],
  begin(inputs, scope, cloud) {
    const table = requireRouteTable(cloud, scope, inputs.routeTableId);
    const subnet = requireSubnet(cloud, scope, inputs.subnetId);
    if (table.outputs["vpcId"] !== subnet.outputs["vpcId"])
      throw new ServiceError("InvalidParameterValue", `Route table ${table.id} and subnet ${subnet.id} belong to different networks`);
    const rival = inPlace(cloud, ROUTE_TABLE_ASSOCIATION, scope).find((link) => link.outputs["subnetId"] === subnet.id);
    if (rival)
      throw new ServiceError(
        "Resource.AlreadyAssociated",
        `the specified association for route table ${table.id} conflicts with an existing association (${rival.id})`,
      );
    return { id: `rtbassoc-${cloud.ids.hex(17)}`, outputs: {} };
  },
  async update(_record, inputs, scope, cloud) {
    requireRouteTable(cloud, scope, inputs.routeTableId);
    return {};
  },
  importIds: (record) => [`${text(record.outputs["subnetId"])}/${text(record.outputs["routeTableId"])}`],
});
