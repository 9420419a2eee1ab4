/** Secrets Manager: secrets and the ids of their versions, to read. */
import type { CloudContext, ResourceRecord } from "../../model";
import type { Place } from "../arn";
import { text } from "../define";
import { requireSecret, SECRET_VERSION } from "../security/models";
import { jsonService, optionalText, page } from "./protocol";

export const secretsManagerApi = jsonService("secretsmanager", "local/aws/api/secretsManager.ts", {
  DescribeSecret(input, cloud, place) {
    const secret = requireSecret(cloud, place, optionalText(input["SecretId"]) ?? "");
    return {
      ARN: secret.arn,
      Name: text(secret.outputs["name"]),
      Description: text(secret.inputs["description"]),
      CreatedDate: Date.parse(secret.createdAt) / 1000,
      Tags: Object.entries(secret.tags).map(([Key, Value]) => ({ Key, Value })),
      VersionIdsToStages: Object.fromEntries(versions(cloud, place, secret).map(({ id, stages }) => [id, stages])),
    };
  },
  ListSecretVersionIds(input, cloud, place) {
    const secret = requireSecret(cloud, place, optionalText(input["SecretId"]) ?? "");
    const { items, next } = page(versions(cloud, place, secret), Number(input["MaxResults"] ?? 100), optionalText(input["NextToken"]));
    return {
      ARN: secret.arn,
      Name: text(secret.outputs["name"]),
      Versions: items.map(({ id, stages, createdAt }) => ({ VersionId: id, VersionStages: stages, CreatedDate: createdAt })),
      ...(next === undefined ? {} : { NextToken: next }),
    };
  },
});

/** A secret's versions, the newest first: that one is current, the one before previous, older ones have no stage. */
function versions(cloud: CloudContext, place: Place, secret: ResourceRecord): { id: string; stages: string[]; createdAt: number }[] {
  const stages = [["AWSCURRENT"], ["AWSPREVIOUS"]];
  return cloud.store
    .list(SECRET_VERSION, { region: place.region, account: place.account })
    .filter((version) => version.outputs["secretArn"] === secret.arn)
    .toReversed()
    .map((version, age) => ({
      id: text(version.outputs["versionId"]),
      stages: stages[age] ?? [],
      createdAt: Date.parse(version.createdAt) / 1000,
    }));
}
