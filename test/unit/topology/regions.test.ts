/** The lists of regions, against what else knows them, and the nearest match. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { METRICS_STORE_REGIONS, nearest, REGIONS, REGIONS_BY_PARTITION } from "../../../automation/topology";
import { oneOf } from "../../../automation/topology/nearest";
import { REGIONS as LOCAL_REGIONS } from "../../../local/aws/regions";

/** `[partition, regions]` as the installed AWS SDK has them. */
function sdkPartitions(): [string, string[]][] {
  const core = path.dirname(createRequire(__filename).resolve("@aws-sdk/core/package.json"));
  const source = readFileSync(path.join(core, "dist-es/submodules/client/util-endpoints/lib/aws/partitions.js"), "utf8");
  const { partitions } = JSON.parse(source.slice(source.indexOf("{"), source.lastIndexOf("}") + 1).replaceAll(/,(\s*[}\]])/g, "$1")) as {
    partitions: { id: string; regions: Record<string, unknown> }[];
  };
  return partitions.map(({ id, regions }) => [id, Object.keys(regions).filter((name) => !name.endsWith("-global")).sort()]);
}

describe("regions", () => {
  it("are those of the installed AWS SDK, without the isolated partitions", () => {
    const open = sdkPartitions().filter(([id]) => !id.startsWith("aws-iso"));
    expect(Object.fromEntries(open)).toEqual(REGIONS_BY_PARTITION);
  });

  it("contain every region with the metrics store and every region of the local cloud", () => {
    expect(REGIONS).toEqual(expect.arrayContaining([...METRICS_STORE_REGIONS]));
    expect(REGIONS).toEqual(expect.arrayContaining(LOCAL_REGIONS.map(({ name }) => name)));
  });

  it("are listed once each", () => {
    expect(new Set(REGIONS).size).toBe(REGIONS.length);
    expect(new Set(METRICS_STORE_REGIONS).size).toBe(METRICS_STORE_REGIONS.length);
  });
});

describe("nearest", () => {
  it.each([
    ["hoem", ["home", "other"], "home"], ["HOME", ["home"], "home"], ["eu-wset-1", REGIONS, "eu-west-1"], ["xyz", ["home"], undefined], ["home", [], undefined],
    ["virtual-network", ["virtual-netwrok-1", "x"], "virtual-netwrok-1"],
  ])("of %s among %j is %s", (name, candidates, found) => {
    expect(nearest(name, candidates)).toBe(found);
  });
});

describe("oneOf", () => {
  it.each([[[], "none, as there is none"], [["a"], "a"], [["a", "b"], "one of a, b"], [["a", "b", "c"], "one of a, b and 1 more"]])("%j reads %s", (names, text) => {
    expect(oneOf(names, 2)).toBe(text);
  });
});
