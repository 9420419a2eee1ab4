import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CheckpointResource } from "../../../automation/backend/checkpoint";
import { adopt, hasDependents, isMarked, marked, restoreProviders, unmarked } from "../../../automation/recovery/edit";

const record = (name: string, extra: Partial<CheckpointResource> = {}): CheckpointResource => ({ urn: name, type: "aws:x/y:Y", custom: true, id: `id-${name}`, ...extra });
const names = (resources: readonly CheckpointResource[]): string[] => resources.map(({ urn, id, delete: gone }) => `${urn} ${id}${gone ? " to be deleted" : ""}`);

describe("adopting a resource", () => {
  it("puts it behind what it refers to, and before what may refer to it", () => {
    //  stack ◄ provider   vpc ◄ subnet(old) ◄ service
    const state = [record("stack"), record("provider"), record("vpc"), record("subnet"), record("service", { dependencies: ["subnet"] })];
    const pending = record("subnet", { id: undefined, parent: "stack", provider: "provider::1", propertyDependencies: { vpcId: ["vpc"], cidr: null } });
    expect(names(adopt(state, pending, { id: "new" }))).toEqual(["stack id-stack", "provider id-provider", "vpc id-vpc", "subnet new", "subnet id-subnet to be deleted", "service id-service"]);
  });

  it("takes the place of one that is deleted already, whose ID it may have", () => {
    const state = [record("stack"), record("logs", { id: "/logs", pendingReplacement: true }), record("user", { dependencies: ["logs"] })];
    const after = adopt(state, record("logs", { id: undefined, parent: "stack", pendingReplacement: true }), { id: "/logs" });
    expect(names(after)).toEqual(["stack id-stack", "logs /logs", "user id-user"]);
    expect(after[1]).not.toHaveProperty("pendingReplacement");
  });

  it("keeps every reference pointing backwards, and one live record a URN", () => {
    // A list in which each resource refers to some before it; a pending one like resource `at` that refers to some before that.
    const lists = fc.array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 12 });
    fc.assert(fc.property(lists, fc.nat(), fc.array(fc.nat(), { maxLength: 3 }), fc.boolean(), (lists, at, own, deletedAlready) => {
      const before = (index: number, picks: readonly number[]): string[] => (index === 0 ? [] : picks.map((pick) => `r${pick % index}`));
      const old = at % lists.length;
      const state = lists.map((picks, index) => record(`r${index}`, { dependencies: before(index, picks), ...(index === old && deletedAlready && { pendingReplacement: true }) }));
      const after = adopt(state, record(`r${old}`, { id: undefined, dependencies: before(old, own) }), { id: "new" });
      const seen = new Set<string>();
      for (const { urn, dependencies } of after) {
        for (const dependency of dependencies as string[]) expect(seen).toContain(dependency);
        seen.add(urn);
      }
      const live = after.filter((resource) => resource.delete !== true).map(({ urn }) => urn);
      expect(new Set(live).size).toBe(live.length);
      expect(live).toHaveLength(lists.length);
    }));
  });
});

describe("a provider that was being replaced", () => {
  const provider = (id: string, extra: Partial<CheckpointResource> = {}): CheckpointResource => record("p", { type: "pulumi:providers:aws", id, ...extra });
  const user = (id: string): CheckpointResource => record("vpc", { provider: `p::${id}` });

  it("lives on for those who have it when no other was made", () => {
    expect(names(restoreProviders([provider("old", { delete: true }), user("old")]))).toEqual(["p old", "vpc id-vpc"]);
  });

  it.each([
    ["another was made", [provider("new"), provider("old", { delete: true }), user("old")]],
    ["nobody has it any more", [provider("old", { delete: true }), record("vpc")]],
    ["it lives", [provider("old"), user("old")]],
  ])("stays as it is when %s", (_why, state) => {
    expect(restoreProviders(state)).toBe(state);
  });
});

it("sees who needs a resource: live ones only, by any kind of reference", () => {
  const needs = (extra: Partial<CheckpointResource>): boolean => hasDependents([record("a"), record("b", extra)], "a");
  expect(needs({})).toBe(false);
  expect(needs({ dependencies: ["a"] })).toBe(true);
  expect(needs({ parent: "a" })).toBe(true);
  expect(needs({ deletedWith: "a" })).toBe(true);
  expect(needs({ dependencies: ["a"], delete: true })).toBe(false);
});

it("marks a record and takes the mark away again without a trace", () => {
  const plain = record("a", { outputs: { x: 1 } });
  for (const mark of ["read", "delete"] as const) {
    expect(isMarked(marked(plain, mark), mark)).toBe(true);
    expect(unmarked(marked(plain, mark))).toEqual(plain);
  }
  expect(unmarked(plain)).toBe(plain);
});
