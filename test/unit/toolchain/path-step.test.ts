import { existsSync, readFileSync, symlinkSync, utimesSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { fromPath } from "../../../automation/toolchain/path-step";
import { largeScript, script, searchIn, temporaryFolder } from "./support";

/** A CLI that writes down each time it is asked. */
const asked = (log: string, version: string): string => `echo asked >> ${log}; echo v${version}`;

describe("the CLI on PATH", () => {
  it("is taken when it is compatible and its language host lies beside it", async () => {
    const dir = temporaryFolder();
    const pulumi = script(dir, "pulumi", "echo v3.221.0");
    script(dir, "pulumi-language-nodejs", "");
    expect(await fromPath(searchIn(dir, ["/nonexistent", dir]))).toEqual({
      toolchain: { pulumi, binDir: dir, version: "3.221.0", source: "path" },
    });
  });

  it("may have its language host in another folder of PATH", async () => {
    const dir = temporaryFolder();
    const pulumi = script(path.join(dir, "a"), "pulumi", "echo v3.221.0");
    script(path.join(dir, "b"), "pulumi-language-nodejs", "");
    expect(await fromPath(searchIn(dir, [path.join(dir, "a"), path.join(dir, "b")]))).toMatchObject({ toolchain: { pulumi, binDir: path.join(dir, "a") } });
  });

  it("is followed through a link to the folder that has the language host", async () => {
    const dir = temporaryFolder();
    const real = script(path.join(dir, "opt"), "pulumi", "echo v3.221.0");
    script(path.join(dir, "opt"), "pulumi-language-nodejs", "");
    script(path.join(dir, "bin"), "other", "");
    symlinkSync(real, path.join(dir, "bin", "pulumi"));
    expect(await fromPath(searchIn(dir, [path.join(dir, "bin")]))).toMatchObject({ toolchain: { pulumi: real, binDir: path.join(dir, "opt") } });
  });

  it("is passed over for a later one that will do, when it is too old", async () => {
    const dir = temporaryFolder();
    for (const [name, version] of [["a", "3.100.0"], ["b", "3.230.0"]] as const) {
      script(path.join(dir, name), "pulumi", `echo v${version}`);
      script(path.join(dir, name), "pulumi-language-nodejs", "");
    }
    expect(await fromPath(searchIn(dir, [path.join(dir, "a"), path.join(dir, "b")]))).toMatchObject({ toolchain: { version: "3.230.0" } });
  });

  it.each([
    ["is too old", "echo v3.100.0", true, /pulumi is version 3\.100\.0, needed is >= 3\.220\.0 and < 4\.0\.0$/],
    ["fails", "echo broken >&2; exit 1", true, /pulumi does not tell its version \(.*\)$/],
    ["is something else", "echo hello", true, /pulumi tells no version but "hello"$/],
    ["has no language host", "echo v3.221.0", false, /pulumi has no pulumi-language-nodejs beside it or on PATH$/],
  ])("is refused with one line when it %s", async (_, body, host, why) => {
    const dir = temporaryFolder();
    script(dir, "pulumi", body);
    if (host) script(dir, "pulumi-language-nodejs", "");
    expect(await fromPath(searchIn(dir, [dir]))).toEqual({ why: expect.stringMatching(why) });
  });

  it("is not looked for in relative folders", async () => {
    expect(await fromPath(searchIn(temporaryFolder(), ["", ".", "node_modules/.bin"]))).toEqual({ why: "pulumi on PATH: none" });
  });

  it("is asked for its version once, and again when the file changed", async () => {
    const dir = temporaryFolder();
    const log = path.join(dir, "log");
    const pulumi = largeScript(dir, "pulumi", asked(log, "3.221.0"));
    script(dir, "pulumi-language-nodejs", "");
    const search = searchIn(dir, [dir]);
    const first = await fromPath(search);
    expect(await fromPath(search)).toEqual(first);
    expect(readFileSync(log, "utf8")).toBe("asked\n");
    utimesSync(pulumi, 1, 1);
    expect(await fromPath(search)).toEqual(first);
    expect(readFileSync(log, "utf8")).toBe("asked\nasked\n");
    expect(search.lines).toEqual([]);
  });

  it("is asked every time when it is a version manager's shim", async () => {
    const dir = temporaryFolder();
    const log = path.join(dir, "log");
    script(dir, "pulumi", asked(log, "3.221.0"));
    script(dir, "pulumi-language-nodejs", "");
    const search = searchIn(dir, [dir]);
    await fromPath(search);
    await fromPath(search);
    expect(readFileSync(log, "utf8")).toBe("asked\nasked\n");
  });

  it("is not started at all once the search is aborted", async () => {
    const dir = temporaryFolder();
    const log = path.join(dir, "log");
    script(dir, "pulumi", asked(log, "3.221.0"));
    script(dir, "pulumi-language-nodejs", "");
    await expect(fromPath(searchIn(dir, [dir], AbortSignal.abort()))).rejects.toMatchObject({ code: "interrupted" });
    expect(existsSync(log)).toBe(false);
  });
});
