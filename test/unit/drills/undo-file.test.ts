import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { hasDrillLeftovers } from "../../../automation/run/drill-lock";
import { undoFile, undoPath } from "../../../drills/undo-file";

const schema = z.object({ kind: z.literal("fix"), what: z.string() });

function folder(): string {
  const dir = mkdtempSync(path.join(tmpdir(), "undo-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

describe("the undo log's file", () => {
  it("is read back by the next process, readable for its owner only, and gone when nothing is due", () => {
    const file = path.join(folder(), "drills", "x.undo.json");
    undoFile(file, schema).write([{ kind: "fix", what: "a" }]);
    expect(undoFile(file, schema).read()).toEqual([{ kind: "fix", what: "a" }]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    undoFile(file, schema).write([]);
    expect(existsSync(file)).toBe(false);
    expect(undoFile(file, schema).read()).toEqual([]);
  });

  it.each(["", "[{", '[{"kind":"other"}]', "{}"])("that holds %j is an error and stays as it is", (text) => {
    const file = path.join(folder(), "x.undo.json");
    writeFileSync(file, text);
    expect(() => undoFile(file, schema).read()).toThrow(/can't be read; got .*x\.undo\.json/);
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  it("is seen by runs, which warn of what is due", () => {
    const dir = folder();
    const log = undoFile(undoPath(dir, "store"), schema);
    expect(hasDrillLeftovers(dir, "store")).toBe(false);
    log.write([{ kind: "fix", what: "a" }]);
    expect([hasDrillLeftovers(dir, "store"), hasDrillLeftovers(dir, "other")]).toEqual([true, false]);
    log.write([]);
    expect(hasDrillLeftovers(dir, "store")).toBe(false);
  });
});
