/** The settings of buckets, to read: what the provider's types for them have put, or what every bucket has of itself. */
import { ServiceError } from "../../model";
import type { CloudContext, Properties, ResourceRecord } from "../../model";
import { list, object, text } from "../define";
import { BUCKET_POLICY, ENCRYPTIONS, OWNERSHIP_CONTROLS, PUBLIC_ACCESS_BLOCK, settingOf, VERSIONINGS } from "../s3/bucket";
import type { ApiRequest, ApiResponse } from "./protocol";
import { element, xml } from "./xml";

export const NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

/** The setting that a GET asks for, or nothing when it asks for something else. */
export function bucketSetting(request: ApiRequest, bucket: ResourceRecord, cloud: CloudContext): ApiResponse | undefined {
  const name = Object.keys(SETTINGS).find((key) => request.query.has(key));
  return name === undefined ? undefined : SETTINGS[name]?.(bucket.id, cloud);
}

const SETTINGS: Readonly<Record<string, (bucket: string, cloud: CloudContext) => ApiResponse>> = {
  publicAccessBlock(bucket, cloud) {
    const record = settingOf(cloud, bucket, PUBLIC_ACCESS_BLOCK);
    if (!record) throw new ServiceError("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", 404);
    const { outputs } = record;
    return xml(
      element(`PublicAccessBlockConfiguration ${NAMESPACE}`, {
        BlockPublicAcls: outputs["blockPublicAcls"] === true,
        IgnorePublicAcls: outputs["ignorePublicAcls"] === true,
        BlockPublicPolicy: outputs["blockPublicPolicy"] === true,
        RestrictPublicBuckets: outputs["restrictPublicBuckets"] === true,
      }),
    );
  },
  policy(bucket, cloud) {
    const record = settingOf(cloud, bucket, BUCKET_POLICY);
    if (!record) throw new ServiceError("NoSuchBucketPolicy", "The bucket policy does not exist", 404);
    return { status: 200, headers: { "content-type": "application/json" }, body: text(record.outputs["policy"]) };
  },
  // Source: S3 user guide, ACLs are disabled on new buckets since April 2023.
  ownershipControls(bucket, cloud) {
    const rule = object(settingOf(cloud, bucket, OWNERSHIP_CONTROLS)?.inputs["rule"]);
    return xml(
      element(`OwnershipControls ${NAMESPACE}`, { Rule: { ObjectOwnership: text(rule["objectOwnership"], "BucketOwnerEnforced") } }),
    );
  },
  // A bucket's encryption is always at least S3's own. Source: S3 user guide, default encryption since January 2023.
  encryption(bucket, cloud) {
    const rules = list(settingOf(cloud, bucket, ...ENCRYPTIONS)?.inputs["rules"]).map(object);
    return xml(
      element(`ServerSideEncryptionConfiguration ${NAMESPACE}`, { Rule: (rules.length > 0 ? rules : [{}]).map(encryptionRule) }),
    );
  },
  versioning(bucket, cloud) {
    const status = text(object(settingOf(cloud, bucket, ...VERSIONINGS)?.inputs["versioningConfiguration"])["status"]);
    return xml(element(`VersioningConfiguration ${NAMESPACE}`, status === "" || status === "Disabled" ? {} : { Status: status }));
  },
};

function encryptionRule(rule: Properties) {
  const byDefault = object(rule["applyServerSideEncryptionByDefault"]);
  return {
    ApplyServerSideEncryptionByDefault: {
      SSEAlgorithm: text(byDefault["sseAlgorithm"], "AES256"),
      KMSMasterKeyID: text(byDefault["kmsMasterKeyId"]) || undefined,
    },
    BucketKeyEnabled: rule["bucketKeyEnabled"] === true,
  };
}

/** Tags as S3 writes them. */
export function tagging(tags: Readonly<Record<string, string>>): ApiResponse {
  return xml(element(`Tagging ${NAMESPACE}`, { TagSet: { Tag: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) } }));
}
