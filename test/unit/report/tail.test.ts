import { describe, expect, it } from "vitest";
import { tailOf } from "../../../automation/report/tail";
import type { StackView } from "../../../automation/report/view";

type Wait = StackView["waits"][number];
const wait = (urn: string, seconds: number, endedAt?: number): Wait => ({ urn, phase: "complete", checks: 1, seconds, at: 0, ...(endedAt !== undefined && { endedAt }) });
const stack = (waits: readonly Wait[], finishedAt = 110_000): StackView => ({ startedAt: 10_000, finishedAt, waits }) as unknown as StackView;

describe("the tail of a stack", () => {
  it("is what came after the longest wait, in the target's time", () => {
    expect(tailOf(stack([wait("short", 500, 105_000), wait("long", 5_000, 100_000)]), { timeScale: 60 })).toEqual({ urn: "long", totalSeconds: 6000, waitSeconds: 5400, tailSeconds: 600 });
    expect(tailOf(stack([wait("long", 80, 95_000)]), {})).toEqual({ urn: "long", totalSeconds: 100, waitSeconds: 85, tailSeconds: 15 });
  });

  it("is not told while the stack runs, nor of a wait that goes on or explains little", () => {
    expect(tailOf({ ...stack([wait("long", 80, 95_000)]), finishedAt: undefined } as unknown as StackView, {})).toBeUndefined();
    expect(tailOf(stack([wait("long", 80)]), {})).toBeUndefined();
    expect(tailOf(stack([wait("short", 39, 95_000)]), {})).toBeUndefined();
    expect(tailOf(stack([]), {})).toBeUndefined();
  });

  it("is not told of a wait that failed or was interrupted: what it waited for has not come", () => {
    for (const phase of ["failed", "interrupted"]) expect(tailOf(stack([{ ...wait("long", 80, 95_000), phase }]), {})).toBeUndefined();
  });
});
