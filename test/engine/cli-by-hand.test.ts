/** Plain `pulumi` on the fleet's stacks, in a real shell: the same resources, the same state, as the driver makes. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLI, constellationFile, TestFleet } from "../support/fleet";

const PACKAGE = path.resolve(__dirname, "..", "..");
const config = constellationFile({ "eu-west-1": 5 });

/** What a user types, after `eval "$(stackfleet env)"`. */
function shell(fleet: TestFleet, cwd: string, commands: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync("sh", ["-ec", `eval "$("$NODE" "$CLI" env)"; ${commands}`], { cwd, encoding: "utf8", env: { ...fleet.env(), NODE: process.execPath, CLI } });
}

/** Stack and URN of everything that was ever created. */
async function creations(fleet: TestFleet): Promise<string[]> {
  return (await fleet.ledger()).filter(({ operation }) => operation === "create").map(({ stack, urn }) => `${stack} ${urn}`).sort();
}

/** No resource is there, none was made twice, and no state knows one. */
async function expectGone(fleet: TestFleet): Promise<void> {
  const { live, createdTwice } = await fleet.verdict();
  expect({ live: [...live], createdTwice, recorded: [...fleet.recorded()] }).toEqual({ live: [], createdTwice: [], recorded: [] });
}

const fleetConfig = `import { constellation, defineFleet } from "stackfleet";\nexport default defineFleet({ stacks: constellation("./load.json") });\n`;
const UP = "pulumi up --yes --skip-preview --non-interactive";
const DESTROY = "pulumi destroy --yes --skip-preview --non-interactive";

function expectQuiet({ status, stdout, stderr }: ReturnType<typeof shell>): void {
  expect({ status, stderr: stderr.replace(/^(starting the )?local cloud.*\n/gm, "") }).toEqual({ status: 0, stderr: "" });
  expect(stdout).not.toMatch(/warning/i);
}

async function expectUnchanged(fleet: TestFleet, stacks: readonly string[]): Promise<void> {
  const { code, report } = await fleet.report("up", ...stacks);
  expect({ code, stacks: report.stacks.map(({ name, status }) => `${name} ${status}`) }).toEqual({ code: 0, stacks: stacks.map((name) => `${name} unchanged`) });
}

describe("by hand in a folder that has a fleet.config.ts and nothing else", () => {
  const fleet = new TestFleet({ files: { "fleet.config.ts": fleetConfig, "load.json": config } });
  let byHand: string[];

  beforeAll(async () => {
    rmSync(path.join(fleet.root, "node_modules")); // what the language host needs must come with the printed environment
    await fleet.start();
  });
  afterAll(() => fleet.remove());

  it("pulumi brings the stacks up, and the driver finds them unchanged", async () => {
    expectQuiet(shell(fleet, fleet.root, `${UP} -s home; ${UP} -s eu-west-1`));
    await expectUnchanged(fleet, ["home", "eu-west-1"]);
    byHand = await creations(fleet);
  });

  it("pulumi destroys one stack and the driver the rest", async () => {
    expectQuiet(shell(fleet, fleet.root, `${DESTROY} -s eu-west-1`));
    expect((await fleet.report("destroy")).code).toBe(0);
    await expectGone(fleet);
  });

  it("pulumi finds unchanged what the driver brought up, the same resources, and destroys them", async () => {
    expect((await fleet.report("up")).code).toBe(0);
    expect(new Set(await creations(fleet))).toEqual(new Set(byHand));
    expect(await creations(fleet)).toHaveLength(2 * byHand.length);
    expectQuiet(shell(fleet, fleet.root, `pulumi preview -s eu-west-1 --expect-no-changes --non-interactive; ${DESTROY} -s eu-west-1; ${DESTROY} -s home`));
    await expectGone(fleet);
  });
});

describe("by hand in a project whose Pulumi.yaml points at the driver's stack settings, as this repository's does", () => {
  const fleet = new TestFleet({
    files: {
      "fleet.config.ts": fleetConfig, "load.json": config, "package.json": `{ "private": true }`,
      "Pulumi.yaml": "name: stackfleet\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: entry/index.js\nstackConfigDir: .stackfleet/local/project\n",
      "entry/index.js": `module.exports = require(${JSON.stringify(path.join(PACKAGE, "dist", "stacks", "index.js"))});\n`,
    },
  });
  beforeAll(() => fleet.start());
  afterAll(() => fleet.remove());

  it("pulumi brings a stack up from any folder of it, and the driver finds it unchanged", async () => {
    const run = shell(fleet, path.join(fleet.root, "entry"), `pulumi stack ls --json | grep -c '"name"'; ${UP} -s home`);
    expectQuiet(run);
    expect(run.stdout).toMatch(/^2\n/);
    await expectUnchanged(fleet, ["home"]);
    expect((await fleet.report("destroy")).code).toBe(0);
    await expectGone(fleet);
  });
});

describe("the printed environment", () => {
  const fleet = new TestFleet({ files: { "fleet.config.ts": fleetConfig, "load.json": config } });
  beforeAll(() => fleet.start());
  afterAll(() => fleet.remove());

  it("is nothing but exports and a function, and never has a passphrase in it", async () => {
    const { code, stdout } = await fleet.runWith({ PULUMI_CONFIG_PASSPHRASE: "never print me" }, "env");
    expect(code).toBe(0);
    for (const line of stdout.trimEnd().split("\n")) expect(line).toMatch(/^(export [A-Z_]+='.*'|pulumi\(\) \{ command pulumi -C '.*' "\$@"; \})$/);
    expect(stdout).not.toContain("never print me");
    expect(stdout).toContain(`export PULUMI_CONFIG_PASSPHRASE_FILE='${fleet.state("passphrase")}'`);
  });

  it("holds for folders whose names have blanks and quotes", async () => {
    const odd = path.join(fleet.root, "it's a $(folder)");
    mkdirSync(odd);
    const nested = new TestFleet({ root: odd, files: { "fleet.json": config }, config: "fleet.json" });
    await nested.start();
    try {
      const { status, stdout } = spawnSync("sh", ["-ec", 'eval "$("$NODE" "$CLI" env --config fleet.json)"; pulumi stack ls --json'], { cwd: odd, encoding: "utf8", env: { ...nested.env(), NODE: process.execPath, CLI } });
      expect(status).toBe(0);
      expect((JSON.parse(stdout) as { name: string }[]).map((stack) => stack.name).sort()).toEqual(["eu-west-1", "home"]);
    } finally {
      await nested.remove();
    }
  });
});
