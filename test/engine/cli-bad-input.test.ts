/** Wrong configs by the command line: one clear error each, exit code 2, nothing started and nothing written. */
import { existsSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { constellationFile, TestFleet, type Outcome } from "../support/fleet";

const program = "constellation-home";
const declaration = (stacks: Readonly<Record<string, readonly string[]>>): string =>
  JSON.stringify({ stacks: Object.fromEntries(Object.entries(stacks).map(([name, dependsOn]) => [name, { program, dependsOn }])) });

const files = {
  "unknown-region.json": constellationFile({ "eu-wets-1": 5 }),
  "no-metrics-store.json": constellationFile({ "eu-west-1": 5 }, "ap-southeast-6"),
  "negative.json": constellationFile({ "eu-west-1": -5 }),
  "fractional.json": constellationFile({ "eu-west-1": 2.5 }),
  "zero.json": constellationFile({ "eu-west-1": 0 }),
  "cycle.json": declaration({ a: ["b"], b: ["c"], c: ["a"] }),
  "unknown-stack.json": declaration({ network: [], database: ["netwrok"] }),
  "torn.json": '{\n  "HOME_REGION": "eu-central-1",\n  "REMOTE_REGIONS": { "eu-west-1": 5,, }\n}\n',
  "several.json": constellationFile({ "eu-wets-1": -1, "us-east-2": 0.5 }),
  "throws.config.ts": 'throw new Error("the file itself fails");\n',
};
const fleet = new TestFleet({ files });
afterAll(() => fleet.remove());

function expectOneError({ code, stdout, stderr }: Outcome): void {
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr.match(/^error: /gm)).toHaveLength(1);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(existsSync(fleet.state())).toBe(false);
}

const up = (config: string): Promise<Outcome> => fleet.run("up", "--config", config, "--yes");

describe("a config that is wrong", () => {
  it.each([
    ["a region that does not exist", "unknown-region.json", 'REMOTE_REGIONS.eu-wets-1: unknown region; got "eu-wets-1"; expected an AWS region code such as eu-west-1; did you mean eu-west-1?'],
    ["a home region without the metrics store", "no-metrics-store.json", 'HOME_REGION: home region without the metrics store; got "ap-southeast-6"; expected a region with Amazon Managed Service for Prometheus; use ap-'],
    ["virtual users below zero", "negative.json", /REMOTE_REGIONS\.eu-west-1: .*; got -5; expected .*; /],
    ["a fraction of a virtual user", "fractional.json", /REMOTE_REGIONS\.eu-west-1: .*; got 2\.5; expected .*; /],
    ["no virtual user", "zero.json", /REMOTE_REGIONS\.eu-west-1: .*; got 0; expected .*; /],
    ["a cycle", "cycle.json", 'stacks.a.dependsOn: dependencies in a cycle; got "a → b → c → a"; expected dependencies without a cycle; remove one of them'],
    ["a dependency that no stack has", "unknown-stack.json", 'stacks.database.dependsOn[0]: unknown stack; got "netwrok"; expected network; did you mean network?'],
    ["malformed JSON", "torn.json", "line 3, column 38: no key where one must be; got \",\"; "],
    ["a config file that throws", "throws.config.ts", "throws.config.ts can't be loaded; got the file itself fails"],
    ["a config file that does not exist", "nowhere.json", /the fleet config does not exist; got .*nowhere\.json \[config-missing\]\n {2}fix: /],
  ])("is refused for %s", async (_what, config, message) => {
    const outcome = await up(config);
    expect(outcome.stderr).toEqual(typeof message === "string" ? expect.stringContaining(message) : expect.stringMatching(message));
    expectOneError(outcome);
  });

  it("is told all its faults at once", async () => {
    const outcome = await up("several.json");
    expectOneError(outcome);
    expect(outcome.stderr.split("\n").map((line) => line.replace(/;.*/, ""))).toEqual([
      "error: several.json: 3 faults [config-invalid]",
      "  REMOTE_REGIONS.eu-wets-1: unknown region", expect.stringContaining("  REMOTE_REGIONS.eu-wets-1: "), expect.stringContaining("  REMOTE_REGIONS.us-east-2: "), "",
    ]);
  });

  it("is missing altogether", async () => {
    const outcome = await fleet.run("up");
    expectOneError(outcome);
    expect(outcome.stderr).toMatch(/^error: no fleet config found; got none from .+ \[config-missing\]\n {2}fix: write one \(docs\/fleet-config\.md\), or name a file with --config\n$/);
  });
});

describe("a command that is wrong", () => {
  it.each([
    ["an unknown command", ["upp"], "did you mean up"],
    ["an unknown option", ["up", "--paralel", "2"], "did you mean --parallel"],
    ["a number of stacks that is none", ["up", "--parallel", "0", "--config", "cycle.json"], "--parallel"],
  ])("is refused for %s", async (_what, args, message) => {
    const outcome = await fleet.run(...args);
    expectOneError(outcome);
    expect(outcome.stderr).toContain(message);
  });

  it("is refused for a stack that the fleet has not", async () => {
    fleet.write("good.json", constellationFile({ "eu-west-1": 5 }));
    const { code, stderr } = await fleet.run("up", "eu-west-2", "--config", "good.json");
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: .+\n {2}selector: unknown stack; got "eu-west-2"; /);
    expect(stderr).toContain("did you mean eu-west-1?");
  });
});

describe("the cloud", () => {
  it("is not touched without credentials: one error that says how to give them", async () => {
    fleet.write("good.json", constellationFile({ "eu-west-1": 5 }));
    for (const flags of [[], ["--yes"]]) {
      const { code, stdout, stderr } = await fleet.run("up", "--config", "good.json", "--target", "cloud", ...flags);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/^error: AWS can't be asked for the account; got .+ \[cloud-unreachable\]\n {2}fix: set credentials .+, or use --target local\n$/);
    }
    expect(existsSync(fleet.state("cloud"))).toBe(false);
  });
});
