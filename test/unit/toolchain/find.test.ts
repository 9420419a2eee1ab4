import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it, vi } from "vitest";
import { findToolchain } from "../../../automation/toolchain";
import { publish, withStaging } from "../../../automation/toolchain/cache";
import type { Search, StepResult } from "../../../automation/toolchain/types";
import { goKey } from "../../../automation/toolchain/versions";
import { script, searchIn, temporaryFolder } from "./support";

/** A step that installs a fake toolchain after `ready`. */
const installing = (ready: Promise<void> = Promise.resolve()) => vi.fn(async (search: Search): Promise<StepResult> => {
  await ready;
  return withStaging(search, "fake", async (staging) => {
    for (const name of ["pulumi", "pulumi-language-nodejs"]) script(staging.bin, name, "exit 1");
    return { toolchain: publish(search, staging, goKey(search.packageRoot), "3.220.0", "go") };
  });
});
const failing = (why: string) => vi.fn(() => Promise.resolve<StepResult>({ why }));

describe("the search for the CLI", () => {
  it("takes the steps in order, says why each failed, and asks no further than it must", async () => {
    const search = searchIn(temporaryFolder());
    const [release, go, never] = [failing("official release: no answer for 10 s"), installing(), installing()];
    expect(await findToolchain(search, [release, go, never])).toMatchObject({ source: "go", version: "3.220.0" });
    expect(search.lines).toEqual([
      "pulumi on PATH: none", expect.stringMatching(/^toolchain cache: nothing for this version/), "official release: no answer for 10 s",
    ]);
    expect(never).not.toHaveBeenCalled();
  });

  it("finds in the cache what an earlier one installed", async () => {
    const search = searchIn(temporaryFolder());
    const installed = await findToolchain(search, [installing()]);
    const step = installing();
    expect(await findToolchain(search, [step])).toEqual({ ...installed, source: "cache" });
    expect(step).not.toHaveBeenCalled();
  });

  it("prefers PATH to the cache", async () => {
    const dir = temporaryFolder();
    await findToolchain(searchIn(dir), [installing()]);
    script(dir, "pulumi", "echo v3.221.0");
    script(dir, "pulumi-language-nodejs", "");
    expect(await findToolchain(searchIn(dir, [dir]), [])).toMatchObject({ source: "path" });
  });

  it("installs once when two search at the same time", async () => {
    const search = searchIn(temporaryFolder());
    const ready = Promise.withResolvers<void>();
    const [first, second] = [installing(ready.promise), installing()];
    const waits = (line: string): void => { if (line.endsWith("waiting for it")) ready.resolve(); };
    const results = await Promise.all([findToolchain(search, [first]), findToolchain({ ...search, report: waits }, [second])]);
    expect(results.map((found) => found.source)).toEqual(["go", "cache"]);
    expect(second).not.toHaveBeenCalled();
  });

  it("fails with every reason and what to install", async () => {
    const search = searchIn(temporaryFolder());
    const error: unknown = await findToolchain(search, [failing("official release: no network"), failing("go build: no go on PATH")]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "toolchain-missing", exitCode: 1, message: "no Pulumi CLI >= 3.220.0 and < 4.0.0 was found, and none could be installed",
      options: { details: search.lines, fix: expect.stringMatching(/install the Pulumi CLI .* or Go 1\.25/) },
    });
    expect(search.lines).toHaveLength(4);
  });

  it("says what to do when the cache can't be made", async () => {
    const search = searchIn(temporaryFolder());
    const file = path.join(search.cacheDir, "file");
    writeFileSync(file, "");
    const env = { ...search.env, XDG_CACHE_HOME: file };
    await expect(findToolchain({ ...search, env }, [installing()])).rejects.toMatchObject({ code: "toolchain-cache", options: { fix: expect.stringContaining("XDG_CACHE_HOME") } });
  });

  it.skipIf(process.getuid?.() === 0)("says what to do when the cache is read-only", async () => {
    const search = searchIn(temporaryFolder());
    mkdirSync(search.cacheDir, { recursive: true });
    chmodSync(search.cacheDir, 0o500);
    await expect(findToolchain(search, [installing()])).rejects.toMatchObject({ code: "toolchain-cache" });
  });
});
