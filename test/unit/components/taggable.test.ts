import { readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { TAGGABLE_TYPES } from "../../../components/tags/taggable";
// @ts-expect-error a script without types
import { render, taggableTypes } from "../../../scripts/generate-taggable.mjs";

describe("taggable types", () => {
  it("are those of the installed package; run scripts/generate-taggable.mjs after an update", () => {
    const committed = readFileSync(path.join(__dirname, "..", "..", "..", "components", "tags", "taggable.ts"), "utf8");
    expect((render as (types: unknown) => string)((taggableTypes as () => unknown)())).toBe(committed);
  });

  it("are type tokens", () => {
    expect(TAGGABLE_TYPES.size).toBeGreaterThan(500);
    expect(TAGGABLE_TYPES.has("aws:ec2/vpc:Vpc")).toBe(true);
    expect(TAGGABLE_TYPES.has("aws:iam/role:Role")).toBe(true);
    expect(TAGGABLE_TYPES.has("aws:ec2/routeTableAssociation:RouteTableAssociation")).toBe(false);
    expect(TAGGABLE_TYPES.has("aws:iam/rolePolicy:RolePolicy")).toBe(false);
  });
});
