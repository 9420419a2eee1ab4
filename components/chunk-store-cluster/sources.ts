/** What the nodes' image is built from: the package's Dockerfile and bundles, and a digest of both. */
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";

const DOCKERFILE = path.posix.join("workloads", "chunkstore", "Dockerfile");
const BUNDLES = path.join("dist", "bundles", "chunkstore", "entry");
const PROGRAMS = ["chunks", "chunkserver", "controller", "healthcheck"] as const;

export interface ImageSources {
  /** Absolute; the package's root, of which `.dockerignore` lets little through. */
  readonly context: string;
  /** Relative to the context. */
  readonly dockerfile: string;
  /** SHA-256 of all that goes into the image, 64 hex digits. */
  readonly digest: string;
}

/**
 * @param root the package's folder @default found from this file
 * @throws {pulumi.RunError} when the bundles have not been made
 */
export function imageSources(root = packageRoot(__dirname)): ImageSources {
  const files = [path.join(root, DOCKERFILE), ...PROGRAMS.map((program) => path.join(root, BUNDLES, `${program}.js`))];
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined) {
    throw new pulumi.RunError(`image: a file that it is built from is missing; got ${JSON.stringify(missing)}; expected the package's bundles; run \`npm run build\` in the stackfleet package, or name an image`);
  }
  const hash = createHash("sha256");
  // Of digests, so that no two sets of files run into one another.
  for (const file of files) hash.update(createHash("sha256").update(readFileSync(file)).digest());
  return { context: root, dockerfile: DOCKERFILE, digest: hash.digest("hex") };
}

/** The nearest folder upwards with a package.json: this file runs compiled, from `dist`, and as source. */
function packageRoot(from: string): string {
  const parent = path.dirname(from);
  return existsSync(path.join(from, "package.json")) || parent === from ? from : packageRoot(parent);
}
