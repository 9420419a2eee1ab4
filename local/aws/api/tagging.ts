/** Resource Groups Tagging API: finds resources by their tags, those that are still being made included. */
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import type { Place } from "../arn";
import { jsonService, optionalText, page, texts } from "./protocol";

/** Types that the real API doesn't list although they have tags. Source: its user guide, "Services that support the API" (IAM roles are not among them). */
const UNLISTED = /^aws:(iam\/|s3\/bucketObject)/;

export const taggingApi = jsonService("tagging", "local/aws/api/tagging.ts", {
  GetResources(input, cloud, place) {
    const filters = (Array.isArray(input["TagFilters"]) ? input["TagFilters"] : []) as { Key?: string; Values?: string[] }[];
    const types = texts(input["ResourceTypeFilters"]);
    const arns = texts(input["ResourceARNList"]);
    const found = listed(cloud, place)
      .filter((record) => arns.length === 0 || arns.includes(record.arn ?? ""))
      .filter((record) => types.length === 0 || types.some((type) => isOfType(record.arn ?? "", type)))
      .filter((record) => filters.every((filter) => matches(record, filter)));
    // Source of the page size: the API's reference, ResourcesPerPage.
    const size = Number(input["ResourcesPerPage"] ?? 50);
    if (!(size >= 1 && size <= 100))
      throw new ServiceError(
        "InvalidParameterException",
        `ResourcesPerPage must be between 1 and 100; got ${String(input["ResourcesPerPage"])}`,
      );
    const { items, next } = page(found, size, optionalText(input["PaginationToken"]));
    return {
      PaginationToken: next ?? "",
      ResourceTagMappingList: items.map((record) => ({
        ResourceARN: record.arn,
        Tags: Object.entries(record.tags).map(([Key, Value]) => ({ Key, Value })),
      })),
    };
  },
});

/** Tagged resources of a place, each ARN once. */
function listed(cloud: CloudContext, place: Place): ResourceRecord[] {
  const all = cloud.store
    .all()
    .filter(
      (record) =>
        record.arn !== undefined &&
        record.region === place.region &&
        record.account === place.account &&
        Object.keys(record.tags).length > 0 &&
        !UNLISTED.test(record.type),
    );
  return [...new Map(all.map((record) => [record.arn, record])).values()];
}

function matches(record: ResourceRecord, filter: { Key?: string; Values?: string[] }): boolean {
  const value = filter.Key === undefined ? undefined : record.tags[filter.Key];
  return value !== undefined && (filter.Values === undefined || filter.Values.length === 0 || filter.Values.includes(value));
}

/** `ec2:vpc` or `ecs`, against the service and resource parts of an ARN. */
function isOfType(arn: string, filter: string): boolean {
  const [, , service, , , ...resource] = arn.split(":");
  const [wantedService, wantedType] = filter.split(":");
  // S3's ARNs name no resource type.
  const type = service === "s3" ? "bucket" : (resource.join(":").split(/[/:]/)[0] ?? "");
  return service === wantedService && (wantedType === undefined || wantedType === type);
}
