/** The Constellation form of a load test, expanded into stacks. */
import fc from "fast-check";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { FleetError } from "../../../automation/errors";
import { constellation, METRICS_STORE_REGIONS, parseTopology, REGIONS_BY_PARTITION, type Constellation } from "../../../automation/topology";

const good: Constellation = { DURATION: 20000, HOME_REGION: "eu-central-1", REMOTE_REGIONS: { "us-east-2": 202, "ap-northeast-1": 5 } };

function faultsOf(data: unknown, homeStack?: string): readonly string[] {
  try {
    constellation(data as Constellation, homeStack === undefined ? {} : { homeStack });
  } catch (error) {
    if (error instanceof FleetError) return error.options.details ?? [];
    throw error;
  }
  return [];
}

describe("constellation", () => {
  it("expands to home and one stack a region, each depending on home", () => {
    expect(constellation(good)).toEqual({
      "home": { program: "constellation-home", region: "eu-central-1", tags: ["home"], config: { homeRegion: "eu-central-1", remoteRegions: ["ap-northeast-1", "us-east-2"], durationMs: 20000 } },
      "ap-northeast-1": { program: "constellation-region", region: "ap-northeast-1", dependsOn: ["home"], tags: ["region"], config: { virtualUsers: 5, homeRegion: "eu-central-1", homeStack: "home", durationMs: 20000 } },
      "us-east-2": { program: "constellation-region", region: "us-east-2", dependsOn: ["home"], tags: ["region"], config: { virtualUsers: 202, homeRegion: "eu-central-1", homeStack: "home", durationMs: 20000 } },
    });
  });

  it("lets the home region generate load too", () => {
    const stacks = constellation({ ...good, REMOTE_REGIONS: { "eu-central-1": 3 } });
    expect(Object.keys(stacks)).toEqual(["home", "eu-central-1"]);
    expect(stacks["eu-central-1"]?.dependsOn).toEqual(["home"]);
  });

  it("gives the home stack another name on request", () => {
    const stacks = constellation(good, { homeStack: "centre" });
    expect(stacks["us-east-2"]).toMatchObject({ dependsOn: ["centre"], config: { homeStack: "centre" } });
    expect(faultsOf(good, "us-east-2")).toEqual(['REMOTE_REGIONS.us-east-2: named as the home stack; got "us-east-2"; expected another name of the home stack; choose another homeStack']);
  });

  it.each<[string, unknown, string]>([
    ["an unknown region", { ...good, REMOTE_REGIONS: { "us-esat-1": 5 } }, 'REMOTE_REGIONS.us-esat-1: unknown region; got "us-esat-1"; expected an AWS region code such as eu-west-1; did you mean us-east-1?'],
    ["an unknown home region", { ...good, HOME_REGION: "eu-central1" }, 'HOME_REGION: unknown region; got "eu-central1"; expected an AWS region code such as eu-west-1; did you mean eu-central-1?'],
    ["a home region without the metrics store", { ...good, HOME_REGION: "ap-southeast-6" }, 'HOME_REGION: home region without the metrics store; got "ap-southeast-6"; expected a region with Amazon Managed Service for Prometheus; use ap-east-1, ap-east-2, ap-northeast-1 or ap-northeast-2'],
    ["a negative number of users", { ...good, REMOTE_REGIONS: { "us-east-2": -1 } }, "REMOTE_REGIONS.us-east-2: not a number of virtual users; got -1; expected a whole number from 1 to 1000000; give a whole number from 1: virtual users are split exactly, never rounded"],
    ["no users", { ...good, REMOTE_REGIONS: { "us-east-2": 0 } }, "REMOTE_REGIONS.us-east-2: not a number of virtual users; got 0; expected a whole number from 1 to 1000000; remove the region, or give it at least 1"],
    ["a fraction of a user", { ...good, REMOTE_REGIONS: { "us-east-2": 2.5 } }, "REMOTE_REGIONS.us-east-2: not a number of virtual users; got 2.5; expected a whole number from 1 to 1000000; give a whole number from 1: virtual users are split exactly, never rounded"],
    ["users as text", { ...good, REMOTE_REGIONS: { "us-east-2": "5" } }, 'REMOTE_REGIONS.us-east-2: wrong type; got "5"; expected a finite number; give a finite number'],
    ["users as NaN", { ...good, REMOTE_REGIONS: { "us-east-2": NaN } }, 'REMOTE_REGIONS.us-east-2: wrong type; got "NaN"; expected a finite number; give a finite number'],
    ["more users than a region drives", { ...good, REMOTE_REGIONS: { "us-east-2": 1_000_001 } }, "REMOTE_REGIONS.us-east-2: more virtual users than one region can drive; got 1000001; expected at most 1000000 (5000 tasks a service, the ECS quota, of 200 users each); spread them over more regions"],
    ["no remote region", { ...good, REMOTE_REGIONS: {} }, 'REMOTE_REGIONS: no remote region; got "an object without keys"; expected at least one region with its virtual users; add one, such as "eu-west-1": 5'],
    ["a duration of nothing", { ...good, DURATION: 0 }, "DURATION: not a length of time; got 0; expected a positive whole number of milliseconds; write 20000 for 20 seconds"],
    ["a fraction of a millisecond", { ...good, DURATION: 0.5 }, "DURATION: not a length of time; got 0.5; expected a positive whole number of milliseconds; write 20000 for 20 seconds"],
    ["a missing key", { DURATION: 1, REMOTE_REGIONS: { "us-east-2": 1 } }, "HOME_REGION: missing; got nothing; expected a string; add a string"],
    ["an unknown key", { ...good, REMOTE_REGION: {} }, 'REMOTE_REGION: unknown key; got "REMOTE_REGION"; expected one of DURATION, HOME_REGION, REMOTE_REGIONS; did you mean REMOTE_REGIONS?'],
    ["a region of another partition", { ...good, REMOTE_REGIONS: { "cn-north-1": 1 } }, 'REMOTE_REGIONS.cn-north-1: in another partition than the home region; got "cn-north-1"; expected a region of the partition aws; run a fleet of its own there'],
    ["a list", [], 'constellation: wrong type; got "a list"; expected an object; give an object'],
  ])("refuses %s", (_, data, fault) => {
    expect(faultsOf(data)).toEqual([fault]);
  });

  it("reports every fault at once", () => {
    expect(faultsOf({ DURATION: -1, HOME_REGION: "cn-north-1", REMOTE_REGIONS: { "mars-1": -5, "us-east-2": "x" }, extra: 1 })).toHaveLength(7);
  });

  it("names the file that the faults are in", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "stackfleet-constellation-"));
    try {
      const file = path.join(folder, "load.json");
      writeFileSync(file, JSON.stringify({ ...good, DURATION: 0 }));
      expect(() => constellation(file)).toThrow("load.json: 1 fault");
      expect(() => constellation(path.join(folder, "gone.json"))).toThrow(/the config file can't be read; got ENOENT/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("makes a valid fleet of any valid Constellation", () => {
    const remote = fc.dictionary(fc.constantFrom(...REGIONS_BY_PARTITION.aws), fc.integer({ min: 1, max: 1_000_000 }), { minKeys: 1 });
    const home = fc.constantFrom(...METRICS_STORE_REGIONS.filter((region) => !region.startsWith("us-gov")));
    fc.assert(fc.property(remote, home, fc.integer({ min: 1 }), (REMOTE_REGIONS, HOME_REGION, DURATION) => {
      const { stacks } = parseTopology({ stacks: constellation({ DURATION, HOME_REGION, REMOTE_REGIONS }) }, { configFile: "/fleet.config.ts" });
      expect(stacks).toHaveLength(Object.keys(REMOTE_REGIONS).length + 1);
      const users = stacks.reduce((sum, { config }) => sum + Number(config["virtualUsers"] ?? 0), 0);
      expect(users).toBe(Object.values(REMOTE_REGIONS).reduce((sum, count) => sum + count, 0));
    }));
  });
});
