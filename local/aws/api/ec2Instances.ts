/** Instances, and the tags of everything that is EC2's, as EC2 describes them. */
import type { CloudContext } from "../../model";
import type { Place } from "../arn";
import { text } from "../define";
import { inPlace, INSTANCE } from "../ec2/shared";
import { tagSet } from "./ec2Describe";
import type { Described } from "./ec2Describe";

/** `InstanceState` codes. Source: EC2 API reference. */
const STATES = { creating: [0, "pending"], available: [16, "running"], updating: [16, "running"], deleting: [32, "shutting-down"] } as const;

/** One reservation each, as every instance here is launched by a call of its own. */
export function instances(cloud: CloudContext, place: Place): Described[] {
  return inPlace(cloud, INSTANCE, place).map((record) => {
    const [code, name] = STATES[record.status];
    const { outputs } = record;
    return {
      id: record.id,
      tags: record.tags,
      attributes: { "instance-id": [record.id], "instance-state-name": [name], "vpc-id": [], "subnet-id": [text(outputs["subnetId"])], "private-ip-address": [text(outputs["privateIp"])] },
      xml: {
        reservationId: `r-${record.id.slice(2)}`,
        ownerId: record.account,
        instancesSet: {
          item: [{
            instanceId: record.id, imageId: text(outputs["ami"]), instanceType: text(outputs["instanceType"]), instanceState: { code, name },
            privateIpAddress: text(outputs["privateIp"]), ipAddress: text(outputs["publicIp"]) || undefined, subnetId: text(outputs["subnetId"]),
            placement: { availabilityZone: text(outputs["availabilityZone"]) }, tagSet: tagSet(record.tags),
          }],
        },
      },
    };
  });
}

/** One a tag, whatever the resource's type. */
export function tags(cloud: CloudContext, place: Place): Described[] {
  const tagged = cloud.store.all().filter(({ type, region, account }) =>
    /^aws:(ec2|vpc)\//.test(type) && region === place.region && account === place.account);
  return tagged.flatMap(({ id, arn, tags: own }) => {
    const resourceType = arn?.split(":").at(-1)?.split("/")[0] ?? "";
    return Object.entries(own).map(([key, value]) => ({
      id,
      tags: { [key]: value },
      attributes: { "resource-id": [id], "resource-type": [resourceType], key: [key], value: [value] },
      xml: { resourceId: id, resourceType, key, value },
    }));
  });
}
