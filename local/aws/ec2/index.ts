/** The EC2 and VPC models. */
import { eip, internetGateway, natGateway } from "./gateways";
import { instance } from "./instance";
import { vpcPeeringConnection, vpcPeeringConnectionAccepter } from "./peering";
import { route, routeTable, routeTableAssociation } from "./routes";
import { egressRule, ingressRule, securityGroup } from "./securityGroups";
import { subnet } from "./subnet";
import { vpc } from "./vpc";

export const ec2Models = [
  vpc,
  subnet,
  internetGateway,
  routeTable,
  route,
  routeTableAssociation,
  securityGroup,
  ingressRule,
  egressRule,
  eip,
  natGateway,
  instance,
  vpcPeeringConnection,
  vpcPeeringConnectionAccepter,
];
