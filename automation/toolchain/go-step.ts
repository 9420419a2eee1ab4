/** Last step: the CLI and its language host, built from the Go modules that tools/ pins. */
import { chmodSync, copyFileSync } from "node:fs";
import * as path from "node:path";
import { publish, withStaging, type Staging } from "./cache";
import { runGuarded, type GuardedResult } from "./guarded";
import { onPath } from "./path-step";
import { elapsed, lastLine } from "./text";
import { CLI, type Search, type StepResult } from "./types";
import { GO_TOOLS, goKey, MINIMUM_VERSION, parseVersion } from "./versions";

/** Scripts beside the CLI that run dynamic providers and policy packs; they lie in the module of the SDK. */
const SCRIPTS = ["pulumi-resource-pulumi-nodejs", "pulumi-analyzer-policy"] as const;
const SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3";

/** How often a build says that it is still at it. */
const HEARTBEAT_MS = 30_000;

/** Builds into the cache. Call under the lock. */
export async function fromGo(search: Search): Promise<StepResult> {
  const go = onPath(search.env, "go");
  if (go === undefined) return { why: "go build: no go on PATH" };
  const started = Date.now();
  search.report(`go build: building Pulumi ${MINIMUM_VERSION} from its Go modules, once; takes 1 to 5 min`);
  return withStaging(search, "go build", async (staging) => {
    const builder = new Builder(search, go, staging);
    // One after the other: each build uses all cores by itself, and the second finds the first one's packages compiled.
    for (const tool of GO_TOOLS) await builder.build(tool);
    await builder.copyScripts();
    const version = await builder.builtVersion();
    const toolchain = publish(search, staging, goKey(search.packageRoot), version, "go");
    search.report(`go build: Pulumi ${version} ready after ${elapsed(Date.now() - started)}`);
    return { toolchain };
  });
}

class Builder {
  constructor(private readonly search: Search, private readonly go: string, private readonly staging: Staging) {}

  async build(tool: (typeof GO_TOOLS)[number]): Promise<void> {
    const started = Date.now();
    const { report } = this.search;
    report(`go build: ${tool.output} started`);
    const heartbeat = setInterval(() => report(`go build: ${tool.output} still building after ${elapsed(Date.now() - started)}`), HEARTBEAT_MS);
    try {
      const stampVersion = `-X ${SDK_MODULE}/go/common/version.Version=v${MINIMUM_VERSION}`;
      const output = path.join(this.staging.bin, tool.output);
      await this.run(tool.folder, tool.output, [this.go, "build", "-trimpath", "-ldflags", `-s -w ${stampVersion}`, "-o", output, tool.package]);
    } finally {
      clearInterval(heartbeat);
    }
    report(`go build: ${tool.output} built in ${elapsed(Date.now() - started)}`);
  }

  async copyScripts(): Promise<void> {
    const listed = await this.run("pulumi", `go list of ${SDK_MODULE}`, [this.go, "list", "-m", "-f", "{{.Dir}}", SDK_MODULE]);
    for (const script of SCRIPTS) {
      const target = path.join(this.staging.bin, script);
      copyFileSync(path.join(listed.stdout.trim(), "nodejs", "dist", script), target);
      // Files of Go's module cache are read-only and not executable.
      chmodSync(target, 0o755);
    }
  }

  /** Starts what was built, so that nothing broken gets into the cache. */
  async builtVersion(): Promise<string> {
    const { stdout } = await this.run("pulumi", "the built CLI", [path.join(this.staging.bin, CLI), "version"]);
    const version = parseVersion(stdout);
    if (version !== MINIMUM_VERSION) throw new Error(`the built CLI calls itself "${lastLine(stdout)}", not ${MINIMUM_VERSION}`);
    return version;
  }

  private async run(folder: string, what: string, command: readonly string[]): Promise<GuardedResult> {
    const result = await runGuarded({
      command,
      cwd: path.join(this.search.packageRoot, "tools", folder),
      // Go's work folder goes with the staging folder when the build is killed; a user's workspace has no say in a pinned build.
      env: { ...this.search.env, TMPDIR: this.staging.tmp, GOTMPDIR: this.staging.tmp, GOWORK: "off", PULUMI_SKIP_UPDATE_CHECK: "true" },
      ...(this.search.signal && { signal: this.search.signal }),
    });
    if (result.code !== 0) throw new Error(`${what} failed: ${lastLine(result.stderr) || "it was killed"}`);
    return result;
  }
}
