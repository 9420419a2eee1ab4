import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { build } from "esbuild";
import { describe, expect, it, onTestFinished } from "vitest";
import { findToolchain } from "../../../automation/toolchain";
import { fromGo } from "../../../automation/toolchain/go-step";
import { runGuarded } from "../../../automation/toolchain/guarded";
import { bytesIn, fromRelease } from "../../../automation/toolchain/release-step";
import { alive, eventually, leftovers, packageRoot, script, searchIn, temporaryFolder } from "./support";

const readPid = (file: string) => (): number => (existsSync(file) ? Number(readFileSync(file, "utf8")) : 0);

/** An installer as the SDK's: installs into its last argument and prints the version. */
const installer = (dir: string, body: string): readonly string[] => [script(dir, "installer", body)];
const installs = 'mkdir -p "$1/bin"; for f in pulumi pulumi-language-nodejs; do echo x > "$1/bin/$f"; done; echo 3.270.0';

/** A `go` whose build writes the named programs; `$OUT` is its output file. */
const GO_BUILD = `
case "$1" in
  build) while [ "$1" != -o ]; do shift; done; OUT="$2"; BUILD ;;
  list) echo MODULE ;;
esac`;
const goThat = (dir: string, build: string): string => {
  const scripts = path.join(dir, "module", "nodejs", "dist");
  mkdirSync(scripts, { recursive: true });
  for (const name of ["pulumi-resource-pulumi-nodejs", "pulumi-analyzer-policy"]) {
    writeFileSync(path.join(scripts, name), "#!/bin/sh\n");
    chmodSync(path.join(scripts, name), 0o444);
  }
  const bin = path.join(dir, "go-bin");
  script(bin, "go", GO_BUILD.replace("BUILD", () => build).replace("MODULE", path.join(dir, "module")));
  return bin;
};
const buildsVersion = (version: string): string => `printf '#!/bin/sh\\necho v${version}\\n' > "$OUT"; chmod +x "$OUT"`;
const SYSTEM = ["/usr/bin", "/bin"];

describe("the official release", () => {
  it("is installed into the cache whole", async () => {
    const dir = temporaryFolder();
    const search = searchIn(dir, SYSTEM);
    const result = await fromRelease(search, { installer: installer(dir, installs) });
    expect(result).toMatchObject({ toolchain: { version: "3.270.0", source: "release" } });
    expect(leftovers(search)).toEqual([]);
    expect(search.lines).toEqual([expect.stringMatching(/^official release: downloading Pulumi 3\./), expect.stringMatching(/^official release: Pulumi 3\.270\.0 installed in \d+ s$/)]);
  });

  it.each([
    ["the server can't be found", "echo 'Failed to download: fetch failed' >&2; exit 1", "official release: Failed to download: fetch failed"],
    ["the version is too old", `${installs.replace("3.270.0", "3.1.0")}`, 'official release: it brought version "3.1.0"'],
    ["the language host is missing", `${installs.replace("pulumi-language-nodejs", "other")}`, "official release: it brought no pulumi-language-nodejs"],
  ])("says why on one line when %s", async (_, body, why) => {
    const dir = temporaryFolder();
    const search = searchIn(dir, SYSTEM);
    expect(await fromRelease(search, { installer: installer(dir, body) })).toEqual({ why });
    expect(leftovers(search)).toEqual([]);
  });

  it("is given up without an answer, and its children end", async () => {
    const dir = temporaryFolder();
    const search = searchIn(dir, SYSTEM);
    const body = `sleep 60 & echo $! > ${dir}/pid; wait`;
    expect(await fromRelease(search, { installer: installer(dir, body), noAnswerMs: 300 })).toEqual({ why: "official release: no answer for 0 s" });
    await eventually(() => !alive(Number(readFileSync(path.join(dir, "pid"), "utf8"))));
    expect(leftovers(search)).toEqual([]);
  });

  it("is waited for while bytes come in", async () => {
    let looks = 0;
    // Grows for ten looks, each as long as the patience, then stops.
    const progress = (): number => Math.min(++looks, 10);
    const { stalled } = await runGuarded({ command: ["sleep", "60"], env: { PATH: SYSTEM.join(":") }, stall: { milliseconds: 20, progress } });
    expect(stalled).toBe(true);
    expect(looks).toBeGreaterThan(10);
  });

  it("counts the bytes of every file it writes", () => {
    const dir = temporaryFolder();
    expect(bytesIn(dir)).toBe(0);
    mkdirSync(path.join(dir, "a", "b"), { recursive: true });
    const folders = bytesIn(dir);
    writeFileSync(path.join(dir, "a", "b", "download"), "12345");
    expect(bytesIn(dir)).toBe(folders + 5);
  });
});

describe("the build from Go modules", () => {
  it("brings the CLI, the language host and both scripts, all executable", async () => {
    const dir = temporaryFolder();
    const search = searchIn(dir, [goThat(dir, buildsVersion("3.220.0")), ...SYSTEM]);
    const result = await fromGo(search);
    expect(result).toMatchObject({ toolchain: { version: "3.220.0", source: "go" } });
    if (!("toolchain" in result)) return;
    for (const name of ["pulumi", "pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs", "pulumi-analyzer-policy"]) {
      expect(existsSync(path.join(result.toolchain.binDir, name)), name).toBe(true);
    }
    expect(search.lines).toEqual([
      expect.stringMatching(/^go build: building Pulumi 3\.220\.0/),
      "go build: pulumi-language-nodejs started", expect.stringMatching(/^go build: pulumi-language-nodejs built in \d+ s$/),
      "go build: pulumi started", expect.stringMatching(/^go build: pulumi built in \d+ s$/),
      expect.stringMatching(/^go build: Pulumi 3\.220\.0 ready after \d+ s$/),
    ]);
  });

  it.each([
    ["Go's last line", "echo 'go: downloading x' >&2; echo 'no space left on device' >&2; exit 1", /^go build: pulumi-language-nodejs failed: no space left on device$/],
    ["the wrong version", buildsVersion("3.1.0"), /^go build: the built CLI calls itself "v3\.1\.0", not 3\.220\.0$/],
  ])("fails with %s", async (_, body, why) => {
    const dir = temporaryFolder();
    const search = searchIn(dir, [goThat(dir, body), ...SYSTEM]);
    expect(await fromGo(search)).toEqual({ why: expect.stringMatching(why) });
    expect(leftovers(search)).toEqual([]);
  });

  it("needs Go", async () => expect(await fromGo(searchIn(temporaryFolder()))).toEqual({ why: "go build: no go on PATH" }));

  it("ends with all its processes on an abort, and leaves no half cache", async () => {
    const dir = temporaryFolder();
    const abort = new AbortController();
    const search = searchIn(dir, [goThat(dir, `sleep 60 & echo $! > ${dir}/pid; wait`), ...SYSTEM], abort.signal);
    const building = fromGo(search);
    const pid = await eventually(readPid(path.join(dir, "pid")));
    abort.abort();
    await expect(building).rejects.toMatchObject({ code: "interrupted" });
    await eventually(() => !alive(pid));
    expect(leftovers(search)).toEqual([]);
  });

  it("ends with all its processes when the driver is killed, and the next search cleans up", async () => {
    const dir = temporaryFolder();
    const search = searchIn(dir, [goThat(dir, `sleep 60 & echo $! > ${dir}/pid; wait`), ...SYSTEM]);
    await build({ entryPoints: ["automation/toolchain/*.ts", "automation/errors.ts"].map((glob) => path.join(packageRoot, glob)), outdir: path.join(dir, "dist"), outbase: packageRoot, platform: "node", format: "cjs" });
    const program = `require(process.argv[1]).fromGo({ ...JSON.parse(process.argv[2]), report() {} })`;
    const driver = spawn(process.execPath, ["-e", program, path.join(dir, "dist/automation/toolchain/go-step.js"), JSON.stringify(search)], { stdio: "inherit" });
    onTestFinished(() => { driver.kill("SIGKILL"); });
    const pid = await eventually(readPid(path.join(dir, "pid")));
    driver.kill("SIGKILL");
    await eventually(() => !alive(pid));
    expect(leftovers(search)).toHaveLength(1);

    goThat(dir, buildsVersion("3.220.0"));
    expect(await findToolchain({ ...search }, [fromGo])).toMatchObject({ source: "go" });
    expect(leftovers(search)).toEqual([]);
  });
});
