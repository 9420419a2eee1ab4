/** The bodies of S3 objects: one file an object and one for its metadata, under the daemon's folder; an index in memory. */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { CloudContext } from "../../model";

/** What is kept of an object beside its body. */
export interface ObjectInfo {
  readonly key: string;
  /** MD5 of the body in hex, quoted where S3 quotes it. */
  readonly etag: string;
  readonly size: number;
  /** ISO 8601. */
  readonly lastModified: string;
  readonly contentType: string;
  /** `x-amz-meta-*` headers without their prefix. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The objects of all buckets of one cloud. Versions are not kept: a put replaces. */
export class ObjectStore {
  readonly #root: string;
  readonly #index = new Map<string, Map<string, ObjectInfo>>();

  constructor(root: string) {
    this.#root = root;
  }

  put(
    bucket: string,
    key: string,
    body: Uint8Array,
    about: { contentType?: string | undefined; metadata?: Record<string, string>; lastModified: string },
  ): ObjectInfo {
    const info: ObjectInfo = {
      key,
      etag: createHash("md5").update(body).digest("hex"),
      size: body.byteLength,
      lastModified: about.lastModified,
      contentType: about.contentType ?? "application/octet-stream",
      metadata: about.metadata ?? {},
    };
    const file = this.#file(bucket, key);
    mkdirSync(path.dirname(file), { recursive: true });
    // The body first: a crash between the two leaves a body without metadata, which nobody sees.
    replaceFile(`${file}.body`, body);
    replaceFile(`${file}.json`, JSON.stringify(info));
    this.#objects(bucket).set(key, info);
    return info;
  }

  head(bucket: string, key: string): ObjectInfo | undefined {
    return this.#objects(bucket).get(key);
  }

  get(bucket: string, key: string): { readonly info: ObjectInfo; readonly body: Buffer } | undefined {
    const info = this.head(bucket, key);
    return info && { info, body: readFileSync(`${this.#file(bucket, key)}.body`) };
  }

  /** Idempotent, as on S3. */
  delete(bucket: string, key: string): void {
    if (!this.#objects(bucket).delete(key)) return;
    const file = this.#file(bucket, key);
    rmSync(`${file}.json`, { force: true });
    rmSync(`${file}.body`, { force: true });
  }

  /** In the order of S3: by UTF-8 bytes of the key. */
  list(bucket: string, prefix = ""): ObjectInfo[] {
    return [...this.#objects(bucket).values()]
      .filter((info) => info.key.startsWith(prefix))
      .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  }

  /** Removes every object of a bucket. */
  clear(bucket: string): void {
    this.#index.delete(bucket);
    rmSync(path.join(this.#root, bucket), { recursive: true, force: true });
  }

  #file(bucket: string, key: string): string {
    // Keys have up to 1,024 bytes and any character; file names have neither.
    return path.join(this.#root, bucket, createHash("sha256").update(key).digest("hex"));
  }

  #objects(bucket: string): Map<string, ObjectInfo> {
    const known = this.#index.get(bucket);
    if (known) return known;
    const folder = path.join(this.#root, bucket);
    const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
    const infos = names.map((name) => JSON.parse(readFileSync(path.join(folder, name), "utf8")) as ObjectInfo);
    const objects = new Map(infos.map((info) => [info.key, info]));
    this.#index.set(bucket, objects);
    return objects;
  }
}

function replaceFile(file: string, content: Uint8Array | string): void {
  const temporary = `${file}.${randomUUID()}`;
  writeFileSync(temporary, content);
  renameSync(temporary, file);
}

const stores = new WeakMap<object, ObjectStore>();

/** The object store of a cloud. */
export function objectStore(cloud: Pick<CloudContext, "store" | "dataDir">): ObjectStore {
  const known = stores.get(cloud.store) ?? new ObjectStore(path.join(cloud.dataDir, "s3"));
  stores.set(cloud.store, known);
  return known;
}
