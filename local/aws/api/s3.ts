/** S3 with addresses in the path (`forcePathStyle` in the SDK): buckets and objects. Addresses by host name are not served. */
import { randomUUID } from "node:crypto";
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import { allBuckets, requireBucket } from "../s3/bucket";
import { OBJECT_TYPES } from "../s3/object";
import { objectStore } from "../s3/objects";
import type { ObjectInfo } from "../s3/objects";
import { decodeChunks } from "./awsChunked";
import { notModelled, page, plainMessage } from "./protocol";
import type { ApiRequest, ApiResponse, ApiService } from "./protocol";
import { bucketSetting, NAMESPACE, tagging } from "./s3Settings";
import { element, xml } from "./xml";

const FILE = "local/aws/api/s3.ts";
/** Sub-resources that aren't modelled: a query key of these must not be taken for a plain call. */
const SUB_RESOURCES = [
  "acl",
  "cors",
  "lifecycle",
  "website",
  "replication",
  "uploads",
  "uploadId",
  "versions",
  "object-lock",
  "notification",
  "logging",
  "requestPayment",
  "accelerate",
  "inventory",
  "metrics",
  "analytics",
];

export const s3Api: ApiService = {
  file: FILE,
  error: (error) => xml(element("Error", { Code: error.code, Message: plainMessage(error), RequestId: randomUUID() }), error.httpStatus),
  async handle(request, cloud) {
    const [, rawBucket = "", ...rawKey] = request.rawPath.split("/");
    const bucket = decodeURIComponent(rawBucket);
    const key = decodeURIComponent(rawKey.join("/"));
    const sub = SUB_RESOURCES.find((name) => request.query.has(name));
    if (sub !== undefined) throw notModelled("s3", `${request.method} ?${sub}`, FILE);
    if (bucket === "") return listBuckets(request, cloud);
    return key === ""
      ? bucketCall(request, requireBucket(cloud, bucket), cloud)
      : objectCall(request, requireBucket(cloud, bucket), key, cloud);
  },
};

function listBuckets(request: ApiRequest, cloud: CloudContext): ApiResponse {
  if (request.method !== "GET") throw notModelled("s3", `${request.method} /`, FILE);
  const own = allBuckets(cloud).filter((bucket) => bucket.account === request.place.account);
  return xml(
    element(`ListAllMyBucketsResult ${NAMESPACE}`, {
      Owner: { ID: request.place.account },
      Buckets: { Bucket: own.map((bucket) => ({ Name: bucket.id, CreationDate: bucket.createdAt, BucketRegion: bucket.region })) },
    }),
  );
}

function bucketCall(request: ApiRequest, bucket: ResourceRecord, cloud: CloudContext): ApiResponse {
  const region = { "x-amz-bucket-region": bucket.region };
  if (request.method === "HEAD") return { status: 200, headers: region, body: "" };
  if (request.method === "POST" && request.query.has("delete")) return deleteObjects(request, bucket, cloud);
  if (request.method !== "GET") throw notModelled("s3", `${request.method} bucket`, FILE);
  const setting = bucketSetting(request, bucket, cloud);
  if (setting) return setting;
  if (request.query.has("location"))
    return xml(element(`LocationConstraint ${NAMESPACE}`, bucket.region === "us-east-1" ? "" : bucket.region), 200, region);
  if (request.query.has("tagging")) return tagging(bucket.tags);
  return listObjects(request, bucket, cloud);
}

function listObjects(request: ApiRequest, bucket: ResourceRecord, cloud: CloudContext): ApiResponse {
  if (request.query.get("list-type") !== "2") throw notModelled("s3", "ListObjects (version 1)", FILE);
  const prefix = request.query.get("prefix") ?? "";
  const delimiter = request.query.get("delimiter") ?? "";
  const after = request.query.get("start-after") ?? "";
  const entries = grouped(
    objectStore(cloud)
      .list(bucket.id, prefix)
      .filter((info) => info.key > after),
    prefix,
    delimiter,
  );
  const size = Math.min(1000, Number(request.query.get("max-keys") ?? 1000));
  const { items, next } = page(entries, size, request.query.get("continuation-token") ?? undefined);
  return xml(
    element(`ListBucketResult ${NAMESPACE}`, {
      Name: bucket.id,
      Prefix: prefix,
      KeyCount: items.length,
      MaxKeys: size,
      IsTruncated: next !== undefined,
      NextContinuationToken: next,
      Contents: items.flatMap((item) =>
        typeof item === "string"
          ? []
          : [{ Key: item.key, LastModified: item.lastModified, ETag: `"${item.etag}"`, Size: item.size, StorageClass: "STANDARD" }],
      ),
      CommonPrefixes: items.flatMap((item) => (typeof item === "string" ? [{ Prefix: item }] : [])),
    }),
  );
}

/** Objects, and common prefixes as texts, in order. */
function grouped(infos: readonly ObjectInfo[], prefix: string, delimiter: string): (ObjectInfo | string)[] {
  if (delimiter === "") return [...infos];
  const seen = new Map<string, ObjectInfo | string>();
  for (const info of infos) {
    const end = info.key.indexOf(delimiter, prefix.length);
    const group = end < 0 ? undefined : info.key.slice(0, end + delimiter.length);
    seen.set(group === undefined ? `object ${info.key}` : `prefix ${group}`, group ?? info);
  }
  return [...seen.values()];
}

function deleteObjects(request: ApiRequest, bucket: ResourceRecord, cloud: CloudContext): ApiResponse {
  const keys = [...request.body.toString("utf8").matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => unescape(match[1] ?? ""));
  for (const key of keys) objectStore(cloud).delete(bucket.id, key);
  return xml(element(`DeleteResult ${NAMESPACE}`, { Deleted: keys.map((Key) => ({ Key })) }));
}

function unescape(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&apos;", "'").replaceAll("&amp;", "&");
}

function objectCall(request: ApiRequest, bucket: ResourceRecord, key: string, cloud: CloudContext): ApiResponse {
  const store = objectStore(cloud);
  if (request.query.has("tagging")) return objectTags(request, bucket, key, cloud);
  switch (request.method) {
    case "PUT": {
      if (request.headers["x-amz-copy-source"] !== undefined) throw notModelled("s3", "CopyObject", FILE);
      const info = store.put(bucket.id, key, decodeChunks(request), {
        contentType: request.headers["content-type"],
        metadata: metadataOf(request),
        lastModified: cloud.clock.now().toISOString(),
      });
      return { status: 200, headers: { etag: `"${info.etag}"` }, body: "" };
    }
    case "GET":
    case "HEAD": {
      const found = store.get(bucket.id, key);
      if (!found)
        throw new ServiceError(request.method === "HEAD" ? "NotFound" : "NoSuchKey", `The specified key does not exist. (${key})`, 404);
      return objectAnswer(request, found.info, found.body);
    }
    case "DELETE":
      store.delete(bucket.id, key);
      return { status: 204, headers: {}, body: "" };
    default:
      throw notModelled("s3", `${request.method} object`, FILE);
  }
}

function objectTags(request: ApiRequest, bucket: ResourceRecord, key: string, cloud: CloudContext): ApiResponse {
  if (request.method !== "GET") throw notModelled("s3", `${request.method} object tagging`, FILE);
  if (!objectStore(cloud).head(bucket.id, key)) throw new ServiceError("NoSuchKey", `The specified key does not exist. (${key})`, 404);
  const record = OBJECT_TYPES.map((type) => cloud.store.get(type, `${bucket.id}/${key}`)).find((found) => found !== undefined);
  return tagging(record?.tags ?? {});
}

function metadataOf(request: ApiRequest): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) => (name.startsWith("x-amz-meta-") ? [[name.slice(11), value]] : [])),
  );
}

function objectAnswer(request: ApiRequest, info: ObjectInfo, body: Buffer): ApiResponse {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers["range"] ?? "");
  const headers = {
    "content-type": info.contentType,
    etag: `"${info.etag}"`,
    "last-modified": new Date(info.lastModified).toUTCString(),
    "accept-ranges": "bytes",
    ...Object.fromEntries(Object.entries(info.metadata).map(([name, value]) => [`x-amz-meta-${name}`, value])),
  };
  if (request.method === "HEAD") return { status: 200, headers: { ...headers, "content-length": String(info.size) }, body: "" };
  if (!range) return { status: 200, headers, body };
  const from = Number(range[1]);
  const to = Math.min(info.size - 1, range[2] === "" ? Infinity : Number(range[2]));
  if (from >= info.size || to < from) throw new ServiceError("InvalidRange", "The requested range is not satisfiable", 416);
  return { status: 206, headers: { ...headers, "content-range": `bytes ${from}-${to}/${info.size}` }, body: body.subarray(from, to + 1) };
}
