/** Whether a task in a subnet can fetch its image: the mistake with public addresses and routes that every new VPC makes once. */
import type { CloudContext, ResourceRecord } from "../../model";
import { list, object, text } from "../define";
import { NAT_GATEWAY, ROUTE_TABLE, ROUTE_TABLE_ASSOCIATION } from "../ec2/shared";

const ANYWHERE = "0.0.0.0/0";

/**
 * Why a task of this service could not start for want of a way out; nothing when there is one. A subnet needs a route to an internet
 * gateway and a public address, or a route to a NAT gateway. VPC endpoints are not modelled.
 */
export function wayOutFault(service: ResourceRecord, cloud: CloudContext): string | undefined {
  const network = object(service.outputs["networkConfiguration"]);
  const bad = list(network["subnets"])
    .map((id) => text(id))
    .find((id) => !hasWayOut(id, network["assignPublicIp"] === true, service, cloud));
  return bad === undefined
    ? undefined
    : `ResourceInitializationError: unable to pull secrets or registry auth: subnet ${bad} has no way to the internet; ` +
        "it needs a route 0.0.0.0/0 to an internet gateway and assignPublicIp, or one to a NAT gateway";
}

function hasWayOut(subnetId: string, publicIp: boolean, service: ResourceRecord, cloud: CloudContext): boolean {
  const where = { region: service.region, account: service.account };
  const link = cloud.store.list(ROUTE_TABLE_ASSOCIATION, where).find((association) => association.outputs["subnetId"] === subnetId);
  const table = link && cloud.store.get(ROUTE_TABLE, text(link.outputs["routeTableId"]), where);
  if (!table) return false;
  const inline = list(table.outputs["routes"])
    .map(object)
    .filter((route) => route["cidrBlock"] === ANYWHERE);
  const alone = cloud.store
    .list("aws:ec2/route:Route", where)
    .filter((route) => route.inputs["routeTableId"] === table.id && route.inputs["destinationCidrBlock"] === ANYWHERE)
    .map((route) => route.inputs);
  return [...inline, ...alone].some((route) =>
    text(route["gatewayId"]).startsWith("igw-") ? publicIp : cloud.store.get(NAT_GATEWAY, text(route["natGatewayId"]), where) !== undefined,
  );
}
