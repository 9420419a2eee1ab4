import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot, temporaryFolder } from "./support";

const test = (body: string): string => `import { expect, it } from "vitest"; ${body}`;
const PASS = 'it("passes", () => { expect(1).toBe(1); });';
const FAIL = 'it("fails", () => { expect(1).toBe(2); });';
const SKIP = 'it.skip("is skipped", () => { expect(1).toBe(2); });';

interface Outcome { readonly code: number | null; readonly last: string; readonly output: string }

/** Runs the runner in a project of these files, whose toolchain lies in `found`. */
function runner(files: Readonly<Record<string, string>>, args: readonly string[] = [], toolchain = 'return { binDir: "/found" };'): Outcome {
  const dir = temporaryFolder();
  for (const file of ["scripts/test.mjs", "vitest.config.mts", "package.json"]) {
    mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
    copyFileSync(path.join(packageRoot, file), path.join(dir, file));
  }
  symlinkSync(path.join(packageRoot, "node_modules"), path.join(dir, "node_modules"));
  const all = { "dist/automation/toolchain/index.js": `exports.findToolchain = async () => { ${toolchain} };`, ...files };
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
    writeFileSync(path.join(dir, file), text);
  }
  // Without what the outer vitest tells its own workers.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^VITEST|^NODE_ENV$|^TEST$/.test(name)));
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(dir, "scripts/test.mjs"), ...args], { cwd: dir, env, encoding: "utf8" });
  return { code: status, last: stdout.trimEnd().split("\n").at(-1) ?? "", output: stdout + stderr };
}

describe("the test runner", () => {
  it("sums over all projects and gives engine tests the toolchain", () => {
    const engine = test('it("has it", () => { expect(process.env.STACKFLEET_PULUMI_BIN).toBe("/found"); });');
    expect(runner({ "test/unit/a.test.ts": test(PASS + SKIP), "test/engine/b.test.ts": engine, "test/drills/c.test.ts": test(PASS) }))
      .toMatchObject({ code: 0, last: "3 passed, 0 failed, 1 skipped" });
  });

  it("fails when a test of any project fails", () => {
    expect(runner({ "test/unit/a.test.ts": test(FAIL + PASS), "test/engine/b.test.ts": test(PASS) })).toMatchObject({ code: 1, last: "2 passed, 1 failed" });
  });

  it("counts a file that can't be loaded as failed", () => {
    expect(runner({ "test/unit/a.test.ts": test(PASS), "test/unit/b.test.ts": 'throw new Error("broken");' })).toMatchObject({ code: 1, last: "1 passed, 1 failed" });
  });

  it("fails on an error outside of any test", () => {
    const stray = test('it("leaves an error behind", async () => { void Promise.reject(new Error("stray")); await new Promise(setImmediate); });');
    expect(runner({ "test/unit/a.test.ts": stray })).toMatchObject({ code: 1, last: "1 passed, 1 failed" });
  });

  it("fails when there is no toolchain for the engine tests", () => {
    const { code, last, output } = runner({ "test/unit/a.test.ts": test(PASS), "test/engine/b.test.ts": test(PASS) }, [], 'throw new Error("no CLI");');
    expect({ code, last }).toEqual({ code: 1, last: "1 passed, 1 failed" });
    expect(output).toContain("no CLI");
  });

  it("fails when no test ran", () => expect(runner({})).toMatchObject({ code: 1, last: "0 passed, 0 failed" }));

  it("hands filters on, and asks for no toolchain that they don't need", () => {
    const files = { "test/unit/a.test.ts": test(PASS), "test/unit/b.test.ts": test(FAIL), "test/engine/c.test.ts": test(FAIL) };
    expect(runner(files, ["unit/a"], 'throw new Error("no CLI");')).toMatchObject({ code: 0, last: "1 passed, 0 failed" });
  });

  it("tests compiled code as it is", () => {
    const files = { "dist/components/a.js": "exports.a = typeof require;", "test/unit/a.test.ts": 'import { a } from "#dist/components/a"; import { expect, it } from "vitest"; it("is CommonJS", () => { expect(a).toBe("function"); });' };
    expect(runner(files)).toMatchObject({ code: 0, last: "1 passed, 0 failed" });
  });
});
