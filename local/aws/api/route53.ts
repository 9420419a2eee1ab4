/** Route 53: which private hosted zones a VPC resolves names in. */
import { randomUUID } from "node:crypto";
import { ServiceError } from "../../model";
import { text } from "../define";
import { findZone, ZONE_ASSOCIATION } from "../route53/zoneAssociation";
import { notModelled, plainMessage } from "./protocol";
import type { ApiService } from "./protocol";
import { element, xml } from "./xml";

const FILE = "local/aws/api/route53.ts";
const NAMESPACE = 'xmlns="https://route53.amazonaws.com/doc/2013-04-01/"';

export const route53Api: ApiService = {
  file: FILE,
  error: (error) => xml(element(`ErrorResponse ${NAMESPACE}`, { Error: { Type: "Sender", Code: error.code, Message: plainMessage(error) }, RequestId: randomUUID() }), error.httpStatus),
  async handle(request, cloud) {
    if (request.method !== "GET" || !/^\/2013-04-01\/hostedzonesbyvpc\/?$/.test(request.path)) throw notModelled("route53", `${request.method} ${request.path}`, FILE);
    const vpcId = request.query.get("vpcid");
    if (vpcId === null) throw new ServiceError("InvalidInput", "vpcid is missing");
    const zones = cloud.store.list(ZONE_ASSOCIATION, { account: request.place.account })
      .filter(({ inputs }) => inputs["vpcId"] === vpcId).map(({ inputs }) => text(inputs["zoneId"]));
    return xml(element(`ListHostedZonesByVPCResponse ${NAMESPACE}`, {
      HostedZoneSummaries: {
        HostedZoneSummary: zones.map((id) => {
          const zone = findZone(cloud, id);
          return { HostedZoneId: id, Name: `${text(zone?.outputs["name"])}.`, Owner: { OwningAccount: zone?.account ?? "" } };
        }),
      },
      MaxItems: 100,
    }));
  },
};
