import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { cacheDirOf, fromCache, publish, sweepStaging, withStaging } from "../../../automation/toolchain/cache";
import type { StepResult } from "../../../automation/toolchain/types";
import { goKey, releaseKey, releaseVersion } from "../../../automation/toolchain/versions";
import { leftovers, packageRoot, script, searchIn, temporaryFolder, type TestSearch } from "./support";

function install(search: TestSearch, key: string, version: string, files: readonly string[]): Promise<StepResult> {
  return withStaging(search, "a step", async (staging) => {
    for (const file of files) script(staging.bin, file, `echo ${version}`);
    return { toolchain: publish(search, staging, key, version, "go") };
  });
}
const both = ["pulumi", "pulumi-language-nodejs"];

describe("the toolchain cache", () => {
  it.each([
    [{ XDG_CACHE_HOME: "/x", HOME: "/h" }, "linux", "/x/stackfleet/toolchain"],
    [{ XDG_CACHE_HOME: "relative", HOME: "/h" }, "linux", "/h/.cache/stackfleet/toolchain"],
    [{ HOME: "/h" }, "linux", "/h/.cache/stackfleet/toolchain"],
    [{ HOME: "/h" }, "darwin", "/h/Library/Caches/stackfleet/toolchain"],
    [{ XDG_CACHE_HOME: "/x", HOME: "/h" }, "darwin", "/x/stackfleet/toolchain"],
  ] as const)("lies, with %j on %s, in %s", (env, system, dir) => expect(cacheDirOf(env, system)).toBe(dir));

  it("finds what was published", async () => {
    const search = searchIn(temporaryFolder());
    expect(fromCache(search)).toEqual({ why: expect.stringMatching(/^toolchain cache: nothing for this version in /) });
    const published = await install(search, goKey(packageRoot), "3.220.0", both);
    expect(published).toMatchObject({ toolchain: { source: "go", version: "3.220.0" } });
    expect(fromCache(search)).toEqual({ toolchain: { ...("toolchain" in published && published.toolchain), source: "cache" } });
    expect(leftovers(search)).toEqual([]);
  });

  it("prefers the official release", async () => {
    const search = searchIn(temporaryFolder());
    await install(search, goKey(packageRoot), "3.220.0", both);
    await install(search, releaseKey(releaseVersion(packageRoot)), "3.270.0", both);
    expect(fromCache(search)).toMatchObject({ toolchain: { version: "3.270.0" } });
  });

  it.each([
    ["was cut short", (dir: string) => writeFileSync(path.join(dir, "bin", "pulumi"), "#"), /pulumi was changed/],
    ["has no stamp", (dir: string) => writeFileSync(path.join(dir, "toolchain.json"), "7"), /toolchain\.json is not a stamp/],
    ["has half a stamp", (dir: string) => writeFileSync(path.join(dir, "toolchain.json"), "{"), /is damaged \(.*JSON/],
  ])("says so when an entry %s, and replaces it", async (_, damage, why) => {
    const search = searchIn(temporaryFolder());
    await install(search, goKey(packageRoot), "3.220.0", both);
    damage(path.join(search.cacheDir, goKey(packageRoot)));
    expect(fromCache(search)).toEqual({ why: expect.stringMatching(why) });
    await install(search, goKey(packageRoot), "3.220.0", both);
    expect(fromCache(search)).toMatchObject({ toolchain: { source: "cache" } });
    expect(leftovers(search)).toEqual([]);
  });

  it.each(both)("takes no toolchain without %s", async (missing) => {
    const search = searchIn(temporaryFolder());
    expect(await install(search, goKey(packageRoot), "3.220.0", both.filter((name) => name !== missing))).toEqual({ why: `a step: it brought no ${missing}` });
    expect(existsSync(path.join(search.cacheDir, goKey(packageRoot)))).toBe(false);
    expect(leftovers(search)).toEqual([]);
  });

  it("sweeps what killed builds left and nothing else", async () => {
    const search = searchIn(temporaryFolder());
    await install(search, goKey(packageRoot), "3.220.0", both);
    mkdirSync(path.join(search.cacheDir, ".staging-abc", "bin"), { recursive: true });
    sweepStaging(search.cacheDir);
    expect(leftovers(search)).toEqual([]);
    expect(fromCache(search)).toHaveProperty("toolchain");
  });

  it("keys the build by its pins", () => {
    const tools = path.join(temporaryFolder(), "tools");
    for (const folder of ["pulumi", "language-nodejs"]) {
      mkdirSync(path.join(tools, folder), { recursive: true });
      writeFileSync(path.join(tools, folder, "go.mod"), readFileSync(path.join(packageRoot, "tools", folder, "go.mod")));
    }
    expect(goKey(path.dirname(tools))).toBe(goKey(packageRoot));
    writeFileSync(path.join(tools, "pulumi", "go.mod"), "module changed\n");
    expect(goKey(path.dirname(tools))).not.toBe(goKey(packageRoot));
  });
});
