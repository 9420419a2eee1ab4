/** `aws:route53/zoneAssociation:ZoneAssociation`: a private hosted zone that a VPC resolves names in. */
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import { defineResource, list, text } from "../define";
import { requireVpc } from "../ec2/shared";

export const ZONE = "aws:route53/zone:Zone";
const NAMESPACE = "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace";
export const ZONE_ASSOCIATION = "aws:route53/zoneAssociation:ZoneAssociation";

export const zoneAssociation = defineResource({
  type: ZONE_ASSOCIATION,
  file: "local/aws/route53/zoneAssociation.ts",
  global: true,
  taggable: false,
  shape: { zoneId: z.string(), vpcId: z.string(), vpcRegion: z.string().optional() },
  replaceOn: ["zoneId", "vpcId", "vpcRegion"],
  begin(inputs, scope, cloud) {
    const region = inputs.vpcRegion ?? scope.region;
    requireVpc(cloud, { region, account: scope.account }, inputs.vpcId);
    const zone = findZone(cloud, inputs.zoneId);
    if (!zone) throw new ServiceError("NoSuchHostedZone", `No hosted zone found with ID: ${inputs.zoneId}`, 404);
    // A zone of another account takes a VPC that its owner has authorised, and no other.
    if (zone.account !== scope.account && !list(zone.outputs["authorizedVpcs"]).includes(inputs.vpcId)) {
      throw new ServiceError("NotAuthorizedException", `The VPC ${inputs.vpcId} is not authorized to be associated with the hosted zone ${inputs.zoneId}.`, 401);
    }
    const taken = cloud.store.list(ZONE_ASSOCIATION).find((other) => other.inputs["zoneId"] === inputs.zoneId && other.inputs["vpcId"] === inputs.vpcId);
    if (taken) throw new ServiceError("ConflictingDomainExists", `The VPC ${inputs.vpcId} is already associated with the hosted zone ${inputs.zoneId}.`);
    return { id: `${inputs.zoneId}:${inputs.vpcId}`, outputs: { vpcRegion: region, owningAccount: zone.account } };
  },
  importIds: (record) => [`${text(record.inputs["zoneId"])}:${text(record.inputs["vpcId"])}:${text(record.outputs["vpcRegion"])}`],
});

/** A zone of another account that was made known here, or the one that Cloud Map made for a private namespace. */
export function findZone(cloud: CloudContext, id: string): ResourceRecord | undefined {
  return cloud.store.list(ZONE, { id })[0] ?? cloud.store.list(NAMESPACE).find(({ outputs }) => outputs["hostedZone"] === id);
}
