/** KMS: keys and aliases, to read. */
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import type { Place } from "../arn";
import { text } from "../define";
import { aliasesOf, KEY } from "../security/models";
import { jsonService, optionalText, page } from "./protocol";

export const kmsApi = jsonService("kms", "local/aws/api/kms.ts", {
  DescribeKey(input, cloud, place) {
    const key = requireKey(cloud, place, optionalText(input["KeyId"]) ?? "");
    const enabled = key.outputs["isEnabled"] === true;
    return {
      KeyMetadata: {
        KeyId: key.id,
        Arn: key.arn,
        AWSAccountId: key.account,
        CreationDate: Date.parse(key.createdAt) / 1000,
        Description: text(key.inputs["description"]),
        Enabled: enabled,
        // Keys have no waiting period here: a deletion is at once.
        KeyState: enabled ? "Enabled" : "Disabled",
        KeyUsage: text(key.outputs["keyUsage"]),
        KeySpec: text(key.outputs["customerMasterKeySpec"]),
        KeyManager: "CUSTOMER",
        Origin: "AWS_KMS",
        MultiRegion: false,
      },
    };
  },
  ListAliases(input, cloud, place) {
    const wanted = optionalText(input["KeyId"]);
    const key = wanted === undefined ? undefined : requireKey(cloud, place, wanted);
    const all = aliasesOf(cloud, place).filter(({ target }) => key === undefined || target === key.arn);
    const { items, next } = page(all, Number(input["Limit"] ?? 50), optionalText(input["Marker"]));
    return {
      Aliases: items.map(({ name, arn, target }) => ({ AliasName: name, AliasArn: arn, TargetKeyId: target.split("/").at(-1) })),
      Truncated: next !== undefined,
      ...(next === undefined ? {} : { NextMarker: next }),
    };
  },
});

function requireKey(cloud: CloudContext, place: Place, idOrArn: string): ResourceRecord {
  const found = cloud.store
    .list(KEY, { region: place.region, account: place.account })
    .find((key) => key.id === idOrArn || key.arn === idOrArn);
  if (!found) throw new ServiceError("NotFoundException", `Key '${idOrArn}' does not exist`);
  return found;
}
