/** EC2: the networks, to read. */
import { ServiceError } from "../../model";
import type { CloudContext, Properties, ResourceRecord } from "../../model";
import { dnsSuffix } from "../arn";
import type { Place } from "../arn";
import { parseCidr } from "../cidr";
import { list, object, text } from "../define";
import { EIP, inPlace, INTERNET_GATEWAY, NAT_GATEWAY, ROUTE_TABLE, ROUTE_TABLE_ASSOCIATION, SUBNET, VPC } from "../ec2/shared";
import { optInStatus } from "../functions/index";
import { requireEnabledRegion, regionsOfPartition, zonesOf } from "../regions";
import { queryService } from "./xml";
import { describe, tagSet } from "./ec2Describe";
import { securityGroupRules, securityGroups } from "./ec2Groups";
import { instances, tags } from "./ec2Instances";
import type { Described } from "./ec2Describe";

const FILE = "local/aws/api/ec2.ts";

function state(record: ResourceRecord): "pending" | "available" {
  return record.status === "creating" ? "pending" : "available";
}

function vpcs(cloud: CloudContext, place: Place): Described[] {
  return inPlace(cloud, VPC, place).map((record) => {
    const cidr = text(record.outputs["cidrBlock"]);
    return {
      id: record.id,
      tags: record.tags,
      attributes: {
        "vpc-id": [record.id],
        cidr: [cidr],
        state: [state(record)],
        "owner-id": [record.account],
        "is-default": ["false"],
        isDefault: ["false"],
      },
      xml: {
        vpcId: record.id,
        state: state(record),
        cidrBlock: cidr,
        ownerId: record.account,
        isDefault: false,
        instanceTenancy: text(record.outputs["instanceTenancy"]),
        dhcpOptionsId: text(record.outputs["dhcpOptionsId"]),
        cidrBlockAssociationSet: {
          item: [{ cidrBlock: cidr, associationId: `vpc-cidr-assoc-${record.id.slice(4)}`, cidrBlockState: { state: "associated" } }],
        },
        tagSet: tagSet(record.tags),
      },
    };
  });
}

/** EC2 keeps five addresses of each subnet. Source: VPC user guide, "Subnet sizing". */
const RESERVED_ADDRESSES = 5;

function subnets(cloud: CloudContext, place: Place): Described[] {
  return inPlace(cloud, SUBNET, place).map((record) => {
    const { outputs } = record;
    const [vpcId, cidr, zone] = [text(outputs["vpcId"]), text(outputs["cidrBlock"]), text(outputs["availabilityZone"])];
    return {
      id: record.id,
      tags: record.tags,
      attributes: {
        "subnet-id": [record.id],
        "vpc-id": [vpcId],
        "cidr-block": [cidr],
        state: [state(record)],
        "availability-zone": [zone],
        "availability-zone-id": [text(outputs["availabilityZoneId"])],
        "default-for-az": ["false"],
        "map-public-ip-on-launch": [String(outputs["mapPublicIpOnLaunch"] === true)],
      },
      xml: {
        subnetId: record.id,
        subnetArn: record.arn,
        state: state(record),
        vpcId,
        cidrBlock: cidr,
        availabilityZone: zone,
        availabilityZoneId: text(outputs["availabilityZoneId"]),
        availableIpAddressCount: 2 ** (32 - (parseCidr(cidr)?.prefix ?? 32)) - RESERVED_ADDRESSES,
        defaultForAz: false,
        mapPublicIpOnLaunch: outputs["mapPublicIpOnLaunch"] === true,
        ownerId: record.account,
        tagSet: tagSet(record.tags),
      },
    };
  });
}

function routeTables(cloud: CloudContext, place: Place): Described[] {
  const links = inPlace(cloud, ROUTE_TABLE_ASSOCIATION, place);
  const single = inPlace(cloud, "aws:ec2/route:Route", place);
  return inPlace(cloud, ROUTE_TABLE, place).map((record) => {
    const own = links.filter((link) => link.outputs["routeTableId"] === record.id);
    const vpcId = text(record.outputs["vpcId"]);
    const vpc = inPlace(cloud, VPC, place).find((each) => each.id === vpcId);
    const routes: Properties[] = [
      ...list(record.outputs["routes"]).map(object),
      ...single
        .filter((route) => route.inputs["routeTableId"] === record.id)
        .map(({ inputs }) => ({ ...inputs, cidrBlock: inputs["destinationCidrBlock"] ?? "" })),
    ];
    return {
      id: record.id,
      tags: record.tags,
      attributes: {
        "route-table-id": [record.id],
        "vpc-id": [vpcId],
        "association.subnet-id": own.map((link) => text(link.outputs["subnetId"])),
        "association.route-table-association-id": own.map((link) => link.id),
        "association.main": ["false"],
      },
      xml: {
        routeTableId: record.id,
        vpcId,
        ownerId: record.account,
        routeSet: {
          item: [
            { destinationCidrBlock: text(vpc?.outputs["cidrBlock"]), gatewayId: "local", state: "active", origin: "CreateRouteTable" },
            ...routes.map((route) => ({
              destinationCidrBlock: text(route["cidrBlock"]),
              gatewayId: text(route["gatewayId"]) || undefined,
              natGatewayId: text(route["natGatewayId"]) || undefined,
              vpcPeeringConnectionId: text(route["vpcPeeringConnectionId"]) || undefined,
              state: "active",
              origin: "CreateRoute",
            })),
          ],
        },
        associationSet: {
          item: own.map((link) => ({
            routeTableAssociationId: link.id,
            routeTableId: record.id,
            subnetId: text(link.outputs["subnetId"]),
            main: false,
            associationState: { state: "associated" },
          })),
        },
        tagSet: tagSet(record.tags),
      },
    };
  });
}

function internetGateways(cloud: CloudContext, place: Place): Described[] {
  return inPlace(cloud, INTERNET_GATEWAY, place).map((record) => {
    const vpcId = text(record.outputs["vpcId"]);
    return {
      id: record.id,
      tags: record.tags,
      attributes: {
        "internet-gateway-id": [record.id],
        "attachment.vpc-id": vpcId === "" ? [] : [vpcId],
        "attachment.state": vpcId === "" ? [] : ["available"],
      },
      xml: {
        internetGatewayId: record.id,
        ownerId: record.account,
        attachmentSet: { item: vpcId === "" ? [] : [{ vpcId, state: "available" }] },
        tagSet: tagSet(record.tags),
      },
    };
  });
}

function natGateways(cloud: CloudContext, place: Place): Described[] {
  return inPlace(cloud, NAT_GATEWAY, place).map((record) => ({
    id: record.id,
    tags: record.tags,
    attributes: { "nat-gateway-id": [record.id], "subnet-id": [text(record.inputs["subnetId"])], state: [state(record)] },
    xml: {
      natGatewayId: record.id,
      subnetId: text(record.inputs["subnetId"]),
      state: state(record),
      connectivityType: text(record.outputs["connectivityType"]),
      natGatewayAddressSet: {
        item: [
          {
            allocationId: text(record.inputs["allocationId"]) || undefined,
            publicIp: text(record.outputs["publicIp"]) || undefined,
            networkInterfaceId: text(record.outputs["networkInterfaceId"]),
          },
        ],
      },
      tagSet: tagSet(record.tags),
    },
  }));
}

function addresses(cloud: CloudContext, place: Place): Described[] {
  return inPlace(cloud, EIP, place).map((record) => ({
    id: record.id,
    tags: record.tags,
    attributes: { "allocation-id": [record.id], "public-ip": [text(record.outputs["publicIp"])] },
    xml: {
      allocationId: record.id,
      publicIp: text(record.outputs["publicIp"]),
      domain: "vpc",
      publicIpv4Pool: "amazon",
      tagSet: tagSet(record.tags),
    },
  }));
}

function zones(place: Place): Described[] {
  const region = requireEnabledRegion(place.region);
  return zonesOf(place.region).map((zone) => ({
    id: zone.name,
    tags: {},
    attributes: {
      "zone-name": [zone.name],
      "zone-id": [zone.id],
      state: ["available"],
      "region-name": [place.region],
      "opt-in-status": ["opt-in-not-required"],
      "zone-type": ["availability-zone"],
    },
    xml: {
      zoneName: zone.name,
      zoneId: zone.id,
      zoneState: "available",
      regionName: region.name,
      optInStatus: "opt-in-not-required",
      zoneType: "availability-zone",
      groupName: `${region.name}-zg-1`,
      networkBorderGroup: region.name,
      messageSet: { item: [] },
    },
  }));
}

function regions(place: Place, all: boolean): Described[] {
  return regionsOfPartition(place.region, all).map((region) => ({
    id: region.name,
    tags: {},
    attributes: {
      "region-name": [region.name],
      "opt-in-status": [optInStatus(region)],
      endpoint: [`ec2.${region.name}.${dnsSuffix(region.name)}`],
    },
    xml: { regionName: region.name, regionEndpoint: `ec2.${region.name}.${dnsSuffix(region.name)}`, optInStatus: optInStatus(region) },
  }));
}

export const ec2Api = queryService("ec2", FILE, "http://ec2.amazonaws.com/doc/2016-11-15/", "ec2", {
  DescribeVpcs: (parameters, cloud, place) =>
    describe(parameters, "vpcSet", vpcs(cloud, place), { ids: "VpcId", notFound: "InvalidVpcID.NotFound" }),
  DescribeSubnets: (parameters, cloud, place) =>
    describe(parameters, "subnetSet", subnets(cloud, place), { ids: "SubnetId", notFound: "InvalidSubnetID.NotFound" }),
  DescribeRouteTables: (parameters, cloud, place) =>
    describe(parameters, "routeTableSet", routeTables(cloud, place), { ids: "RouteTableId", notFound: "InvalidRouteTableID.NotFound" }),
  DescribeSecurityGroups: (parameters, cloud, place) =>
    describe(parameters, "securityGroupInfo", securityGroups(cloud, place), { ids: "GroupId", notFound: "InvalidGroup.NotFound" }),
  DescribeSecurityGroupRules: (parameters, cloud, place) =>
    describe(parameters, "securityGroupRuleSet", securityGroupRules(cloud, place), {
      ids: "SecurityGroupRuleId",
      notFound: "InvalidSecurityGroupRuleId.NotFound",
    }),
  DescribeInternetGateways: (parameters, cloud, place) =>
    describe(parameters, "internetGatewaySet", internetGateways(cloud, place), {
      ids: "InternetGatewayId",
      notFound: "InvalidInternetGatewayID.NotFound",
    }),
  DescribeNatGateways: (parameters, cloud, place) =>
    describe(parameters, "natGatewaySet", natGateways(cloud, place), { ids: "NatGatewayId", notFound: "NatGatewayNotFound" }),
  DescribeAddresses: (parameters, cloud, place) =>
    describe(parameters, "addressesSet", addresses(cloud, place), { ids: "AllocationId", notFound: "InvalidAllocationID.NotFound" }),
  DescribeInstances: (parameters, cloud, place) =>
    describe(parameters, "reservationSet", instances(cloud, place), { ids: "InstanceId", notFound: "InvalidInstanceID.NotFound" }),
  DescribeTags: (parameters, cloud, place) =>
    describe(parameters, "tagSet", tags(cloud, place), { ids: "ResourceId", notFound: "InvalidParameterValue" }),
  DescribeAvailabilityZones: (parameters, _cloud, place) =>
    describe(parameters, "availabilityZoneInfo", zones(place), { ids: "ZoneName", notFound: "InvalidParameterValue" }),
  DescribeRegions: (parameters, _cloud, place) =>
    describe(parameters, "regionInfo", regions(place, parameters.get("AllRegions") === "true"), {
      ids: "RegionName",
      notFound: "InvalidParameterValue",
    }),
  DescribeVpcAttribute(parameters, cloud, place) {
    const id = parameters.require("VpcId");
    const vpc = inPlace(cloud, VPC, place).find((each) => each.id === id);
    if (!vpc) throw new ServiceError("InvalidVpcID.NotFound", `The vpc ID '${id}' does not exist`);
    const attribute = parameters.require("Attribute");
    return { vpcId: id, [attribute]: { value: vpc.outputs[attribute] === true } };
  },
});
