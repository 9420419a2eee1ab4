/** Programs that fail in every way a program can, beside one that is well, run from a script as from the command line. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import type { RunReport } from "../../automation/events";
import { TestFleet } from "../support/fleet";

const PACKAGE = path.resolve(__dirname, "..", "..");
const program = (body: string): string => `
  const aws = require("@pulumi/aws");
  exports.program = async () => {
    const vpc = new aws.ec2.Vpc("main", { cidrBlock: "10.0.0.0/16" });
    ${body}
    return { id: vpc.id };
  };`;

/** What each program does, and what is told of it. */
const BAD = {
  "throws-at-once": ["throw new Error('thrown at once');", "thrown at once"],
  "throws-in-apply": ["vpc.id.apply(() => { throw new Error('thrown in apply'); });", "thrown in apply"],
  "throws-in-timer": ["setImmediate(() => { throw new Error('thrown in a timer'); });", "thrown in a timer"],
  "rejects-later": ["setImmediate(() => Promise.reject(new Error('rejected after the end')));", "rejected after the end"],
  exits: ["process.exit(3);", "the program called process.exit(3); throw an error instead"],
} as const;
const names = Object.keys(BAD) as (keyof typeof BAD)[];

const fleet = new TestFleet({
  files: {
    "fleet.config.ts": `
      import { defineFleet } from "stackfleet";
      const stack = (name: string) => ({ program: \`./\${name}.cjs\`, region: "eu-west-1" });
      export default defineFleet({ stacks: { good: stack("good"), ${names.map((name) => `${JSON.stringify(name)}: stack("${name}")`).join(", ")} } });`,
    "good.cjs": program(""),
    ...Object.fromEntries(names.map((name) => [`${name}.cjs`, program(BAD[name][0])])),
    "script.ts": `
      import { runFleet, FleetError, type FleetEvent } from ${JSON.stringify(PACKAGE)};
      const [operation, ...select] = process.argv.slice(2);
      let last: FleetEvent | undefined;
      runFleet({ operation: operation as "up", select, onEvent: (event) => { last = event; } }).then(
        (report) => console.log(JSON.stringify({ report, last })),
        (error: unknown) => console.log(JSON.stringify(error instanceof FleetError ? { code: error.code, exitCode: error.exitCode } : { unknown: String(error) })),
      );`,
  },
});
beforeAll(() => fleet.start());
afterAll(() => fleet.remove());

/** Runs a script the way a CI job does, from the fleet's folder. */
function script<T>(file: string, ...args: readonly string[]): { status: number | null; stderr: string; stdout: string; parsed: () => T } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(PACKAGE, "node_modules", "tsx", "dist", "cli.mjs"), file, ...args], { cwd: fleet.root, env: fleet.env(), encoding: "utf8" });
  return { status, stderr, stdout, parsed: () => JSON.parse(stdout) as T };
}

describe("a program that fails", () => {
  let report: RunReport;
  beforeAll(async () => {
    const run = await fleet.report("up");
    expect(run.code).toBe(1);
    report = run.report;
  });
  const of = (name: string) => report.stacks.find((stack) => stack.name === name);

  it("fails no other stack", () => {
    expect(of("good")).toMatchObject({ status: "succeeded" });
    expect(of("good")?.error).toBeUndefined();
  });

  it.each(names)("fails its own stack with its own reason: %s", (name) => {
    expect(of(name)).toMatchObject({ status: "failed", error: { code: "program-failed", message: BAD[name][1] } });
  });
});

describe("runFleet", () => {
  it("resolves to the payload of run.finished", () => {
    const { parsed } = script<{ report: RunReport; last: Record<string, unknown> }>("script.ts", "up", "good");
    const { report, last } = parsed();
    const { seq: _seq, time: _time, run: _run, type, ...payload } = last;
    expect(type).toBe("run.finished");
    expect(report).toEqual(payload);
    expect(report).toMatchObject({ status: "succeeded", stacks: [{ name: "good", status: "unchanged" }] });
  });

  it("resolves for a run in which a stack failed, and rejects for one that can't start", () => {
    expect(script<{ report: RunReport }>("script.ts", "up", "exits").parsed().report).toMatchObject({ status: "failed", stacks: [{ name: "exits", status: "failed" }] });
    expect(script("script.ts", "up", "goood").parsed()).toEqual({ code: "config-invalid", exitCode: 2 });
  });

  it("serves the example for CI, whose exit code tells how the run went", () => {
    const example = path.join(PACKAGE, "examples", "ci.ts");
    const good = script(example, "fleet.config.ts", "good");
    expect(good).toMatchObject({ status: 0, stderr: "" });
    expect(good.stdout).toMatch(/good: unchanged after \d+\.\d s\nsucceeded in \d+\.\d s; the longest chain took \d+\.\d s\n$/);
    const bad = script(example, "fleet.config.ts", "throws-at-once");
    expect(bad.status).toBe(1);
    expect(bad.stdout).toContain("throws-at-once: failed after ");
    expect(bad.stdout).not.toMatch(/\n\s+at /);
    expect(script(example, "nowhere.json")).toMatchObject({ status: 2, stderr: expect.stringContaining("the fleet config does not exist") });
  });
});
