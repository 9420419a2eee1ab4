/** How the account that a provider gives of a wait is shown: live, line by line, and to scripts. */
import { describe, expect, it } from "vitest";
import type { FleetEvent, FleetEventBody } from "../../../automation/events";
import { PlainRenderer } from "../../../automation/render/plain";
import { closingLines } from "../../../automation/render/summary";
import { phaseOf, plainPaint } from "../../../automation/render/words";
import { viewOf } from "../../../automation/report";
import { statusJson } from "../../../automation/status";

const START = Date.parse("2026-11-21T09:30:00.000Z");
const TYPE = "aerospikecloud:index:ClusterReady";
const READY = `urn:pulumi:db::demo::stackfleet:aerospike:Peering$${TYPE}::ready`;
const VPC = "urn:pulumi:db::demo::aws:ec2/vpc:Vpc::net";

const about = (urn: string, type: "resource.started" | "resource.finished" | "resource.failed", resourceType = TYPE): FleetEventBody => ({ type, stack: "db", urn, resourceType, op: "create" });
const progress = (phase: string, checks: number, seconds: number, detail?: string): FleetEventBody => ({ type: "resource.progress", stack: "db", urn: READY, phase, checks, seconds, ...(detail !== undefined && { detail }) });
const begun: readonly (readonly [number, FleetEventBody])[] = [
  [0, { type: "run.started", operation: "up", target: "local", project: "demo", configFile: "/fleet.config.ts", pid: 1, parallel: 10, timeScale: 60, stacks: [{ name: "db", dependsOn: [] }] }],
  [0, { type: "stack.status", stack: "db", status: "running" }],
  [1, about(READY, "resource.started")],
  [2, progress("pending", 1, 5)],
  [3, progress("provisioning", 2, 65)],
  [4, progress("provisioning", 3, 125, "node 2 of 3")],
];
const ended: readonly (readonly [number, FleetEventBody])[] = [
  [16, about(READY, "resource.finished")],
  [17, { type: "stack.finished", stack: "db", result: { name: "db", status: "succeeded", seconds: 17, created: 2, updated: 0, same: 0, deleted: 0 } }],
];
function events(entries: readonly (readonly [number, FleetEventBody])[]): FleetEvent[] {
  return entries.map(([seconds, body], index) => ({ seq: index + 1, time: new Date(START + seconds * 1000).toISOString(), run: "r", ...body }) as FleetEvent);
}

describe("a wait", () => {
  it("is what its stack is doing, with its phase, checks and time", () => {
    const view = viewOf(events([...begun, [5, about(VPC, "resource.started", "aws:ec2/vpc:Vpc")]]));
    expect(phaseOf(view.stacks[0] ?? expect.unreachable(), "up")).toBe("aerospikecloud:ClusterReady provisioning (node 2 of 3), 3 checks, 2:05 +1");
  });

  it("gives a log one line a phase, not one a look", () => {
    const lines: string[] = [];
    const sink = { write: (text: string) => void lines.push(...text.split("\n")) };
    const renderer = new PlainRenderer({ progress: sink, result: sink });
    const all = events(begun);
    all.forEach((event, index) => renderer.event(event, viewOf(all.slice(0, index + 1))));
    expect(lines.filter((line) => line.includes("ready")).map((line) => line.trim())).toEqual(["[   0:02] db: ready pending", "[   0:03] db: ready provisioning"]);
  });

  it("is told to scripts until and after its end", () => {
    const waits = (entries: typeof begun): unknown => statusJson({ run: "r", view: viewOf(events(entries)) }, START + 20_000).stacks[0]?.waits;
    expect(waits(begun.slice(0, 3))).toBeUndefined();
    expect(waits(begun)).toEqual([{ resource: "ready", phase: "provisioning", checks: 3, seconds: 125 }]);
    expect(waits([...begun, ...ended])).toEqual([{ resource: "ready", phase: "complete", checks: 3, seconds: 125 }]);
    expect(waits([...begun, [16, about(READY, "resource.failed")]])).toEqual([{ resource: "ready", phase: "failed", checks: 3, seconds: 125 }]);
    expect(waits([...begun, [15, { type: "run.stopping", mode: "graceful", signal: "SIGINT" }], [16, about(READY, "resource.failed")]])).toEqual([{ resource: "ready", phase: "interrupted", checks: 3, seconds: 125 }]);
  });

  it("is summed up at the end: the total is what it took and the tail after it, in simulated time", () => {
    const closing = closingLines(viewOf(events([...begun, ...ended])), { paint: plainPaint, unicode: true, notes: false });
    expect(closing).toEqual(["db: ready complete, 3 checks, 2:05", "db: total 17:00 = 16:00 until ready + tail 1:00 (at 60 simulated seconds a second)"]);
  });
});
