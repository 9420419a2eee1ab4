/** `aws:s3/bucketObject` and `bucketObjectv2`: a file in a bucket, its body in the object store. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { ServiceError } from "../../model";
import type { Asset, CloudContext, ResourceRecord } from "../../model";
import { partitionOf } from "../arn";
import { defineResource, text } from "../define";
import { requireBucket } from "./bucket";
import { objectStore } from "./objects";

const FILE = "local/aws/s3/object.ts";
const asset = z.custom<Asset>(
  (value) => typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "asset",
  "a file asset is expected; archives are not modelled",
);

interface Body {
  readonly content?: string | undefined;
  readonly contentBase64?: string | undefined;
  readonly source?: Asset | undefined;
}

function defineObject(type: string) {
  return defineResource({
    type,
    file: FILE,
    shape: {
      bucket: z.string(),
      key: z.string().min(1).max(1024),
      content: z.string().optional(),
      contentBase64: z.string().optional(),
      source: asset.optional(),
      sourceHash: z.string().optional(),
      contentType: z.string().optional(),
      serverSideEncryption: z.string().optional(),
      forceDestroy: z.boolean().optional(),
    },
    replaceOn: ["bucket", "key"],
    autoname: { property: "key", maxLength: 1024 },
    // A put overwrites: a create that is sent twice leaves one object, and the ledger shows both.
    begin(inputs, scope, cloud) {
      requireBucket(cloud, inputs.bucket);
      const objectArn = `arn:${partitionOf(scope.region)}:s3:::${inputs.bucket}/${inputs.key}`;
      return {
        id: `${inputs.bucket}/${inputs.key}`,
        arn: objectArn,
        outputs: {
          arn: objectArn,
          contentType: inputs.contentType ?? "application/octet-stream",
          versionId: "",
          storageClass: "STANDARD",
          serverSideEncryption: inputs.serverSideEncryption ?? "AES256",
        },
      };
    },
    settle: async (record, _scope, cloud) => put(record, record.inputs as Body, cloud),
    update: async (record, inputs, _scope, cloud) => put(record, inputs, cloud),
    async destroy(record, _scope, cloud) {
      objectStore(cloud).delete(text(record.inputs["bucket"]), text(record.inputs["key"]));
    },
  });
}

async function put(record: ResourceRecord, body: Body, cloud: CloudContext) {
  const info = objectStore(cloud).put(text(record.inputs["bucket"]), text(record.inputs["key"]), await bytesOf(body), {
    contentType: text(record.outputs["contentType"]),
    lastModified: cloud.clock.now().toISOString(),
  });
  return { etag: info.etag };
}

async function bytesOf(body: Body): Promise<Uint8Array> {
  if (body.content !== undefined) return Buffer.from(body.content);
  if (body.contentBase64 !== undefined) return Buffer.from(body.contentBase64, "base64");
  return body.source === undefined ? Buffer.alloc(0) : readAsset(body.source);
}

/** Bytes of an asset. @throws {ServiceError} when its path is relative: the daemon doesn't run in the program's folder */
export async function readAsset(source: Asset): Promise<Uint8Array> {
  if (source.text !== undefined) return Buffer.from(source.text);
  return readFile(absolute(source.path ?? ""));
}

/** @throws {ServiceError} `InvalidParameterValue` for a relative path */
export function absolute(file: string): string {
  if (!path.isAbsolute(file))
    throw new ServiceError(
      "InvalidParameterValue",
      `the path of an asset must be absolute in the local cloud; got ${JSON.stringify(file)}; use path.resolve()`,
    );
  return file;
}

export const OBJECT_TYPES = ["aws:s3/bucketObject:BucketObject", "aws:s3/bucketObjectv2:BucketObjectv2"] as const;
export const objectModels = OBJECT_TYPES.map(defineObject);
