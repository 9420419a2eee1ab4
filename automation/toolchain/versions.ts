/** Which versions of the CLI will do, and which ones this project installs. Pure, but for reading the pins. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as path from "node:path";

/** The oldest CLI that every feature used here was tested with; also the one that tools/ pins. */
export const MINIMUM_VERSION = "3.220.0";
/** First version that promises nothing about compatibility. */
const NEXT_MAJOR = 4;

/** What `compatible` allows, in words for a message. */
export const ALLOWED_VERSIONS = `>= ${MINIMUM_VERSION} and < ${NEXT_MAJOR}.0.0`;

/** Major, minor and patch in the first line of `pulumi version`, as `3.220.0`; undefined when there are none. A pre-release counts as its release. */
export function parseVersion(text: string): string | undefined {
  return /^v?(\d+\.\d+\.\d+)(?:[-+]\S*)?$/.exec(text.trim().split("\n", 1)[0]?.trim() ?? "")?.[1];
}

/** Whether the driver works with the CLI of this version (`3.220.0`). */
export function compatible(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  const [minimumMajor = 0, minimumMinor = 0, minimumPatch = 0] = MINIMUM_VERSION.split(".").map(Number);
  if (major >= NEXT_MAJOR) return false;
  return (major - minimumMajor || minor - minimumMinor || patch - minimumPatch) >= 0;
}

const platform = `${process.platform}-${process.arch}`;

/** Name of the cache folder that holds the official release of this version. */
export function releaseKey(version: string): string {
  return `release-${version}-${platform}`;
}

/** Version of the official release that goes with the installed SDK: the two are released together. */
export function releaseVersion(packageRoot: string): string {
  const manifest = require.resolve("@pulumi/pulumi/package.json", { paths: [packageRoot] });
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return version;
}

/** The Go modules that are built, in the order of their size: folder below tools/, package, file name of the result. */
export const GO_TOOLS = [
  { folder: "language-nodejs", package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs", output: "pulumi-language-nodejs" },
  { folder: "pulumi", package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", output: "pulumi" },
] as const;

/** Name of the cache folder that holds what the pins of tools/ build to: changed pins make another folder. */
export function goKey(packageRoot: string): string {
  const hash = createHash("sha256");
  for (const tool of GO_TOOLS) hash.update(readFileSync(path.join(packageRoot, "tools", tool.folder, "go.mod")));
  return `go-${MINIMUM_VERSION}-${hash.digest("hex").slice(0, 12)}-${platform}`;
}
