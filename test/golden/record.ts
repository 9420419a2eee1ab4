/**
 * Writes the event files that the renderers are tested with: `node --import tsx test/golden/record.ts`. Each tells a story that
 * renderers get wrong easily; all times are made up and fixed.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import type { EventPayload, FleetEvent, FleetEventBody, Operation, StackResult, StackStatus } from "../../automation/events";

const START = Date.parse("2026-11-21T09:30:15.000Z");
const HOME_TYPES = ["aws:ec2/vpc:Vpc", "aws:dynamodb/table:Table", "aws:s3/bucket:Bucket", "aws:iam/role:Role", "aws:lambda/function:Function", "aws:amp/workspace:Workspace"];
const REGION_TYPES = ["aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ecs/cluster:Cluster", "aws:ecs/taskDefinition:TaskDefinition", "aws:ecs/service:Service"];

interface StackPlan { readonly name: string; readonly region?: string; readonly dependsOn?: readonly string[]; readonly expected?: number; readonly expectedSeconds?: number }

/** Events at given seconds after the start; sorted and stamped at the end. */
class Recording {
  private readonly entries: { readonly at: number; readonly body: FleetEventBody }[] = [];

  constructor(operation: Operation, private readonly stacks: readonly StackPlan[], parallel = 6) {
    this.at(0, {
      type: "run.started", operation, target: "local", project: "demo", configFile: "/fleet/fleet.config.ts", pid: 4711, parallel,
      stacks: stacks.map(({ dependsOn = [], ...stack }) => ({ ...stack, dependsOn: [...dependsOn] })),
    });
    for (const { name, dependsOn = [] } of stacks) this.status(0, name, dependsOn.length === 0 ? "ready" : "pending");
  }

  at(at: number, body: FleetEventBody): this {
    this.entries.push({ at, body });
    return this;
  }

  status(at: number, stack: string, status: StackStatus, more: Partial<EventPayload<"stack.status">> = {}): this {
    return this.at(at, { type: "stack.status", stack, status, ...more });
  }

  urn(stack: string, type: string, name: string): string {
    return `urn:pulumi:${stack}::demo::stackfleet:loadtest:RegionalLoadGenerator$${type}::${name}`;
  }

  /** A chain of resources, one after the other, the last one two at once. @returns the end in seconds */
  resources(at: number, stack: string, types: readonly string[], each: number, op = "create"): number {
    types.forEach((type, index) => {
      const urn = this.urn(stack, type, `${stack}-${type.split(":").at(-1)?.toLowerCase() ?? ""}`);
      const begin = at + index * each;
      this.at(begin, { type: "resource.started", stack, urn, resourceType: type, op });
      this.at(begin + each, { type: "resource.finished", stack, urn, resourceType: type, op, seconds: each });
    });
    return at + types.length * each;
  }

  finish(at: number, stack: string, result: Omit<StackResult, "name">): this {
    this.status(at, stack, result.status);
    return this.at(at, { type: "stack.finished", stack, result: { name: stack, ...result } });
  }

  end(at: number, status: "succeeded" | "failed" | "interrupted", criticalPathSeconds: number): FleetEvent[] {
    const results = new Map(this.entries.flatMap(({ body }) => (body.type === "stack.finished" ? [[body.stack, body.result] as const] : [])));
    const last = (name: string): StackStatus => this.entries.flatMap(({ body }) => (body.type === "stack.status" && body.stack === name ? [body.status] : [])).at(-1) ?? "pending";
    this.at(at, {
      type: "run.finished", status, wallSeconds: at, criticalPathSeconds, cpuSeconds: 4.2, maxRssBytes: 310_000_000,
      stacks: this.stacks.map(({ name }) => results.get(name) ?? { name, status: last(name), seconds: 0, created: 0, updated: 0, same: 0, deleted: 0 }),
    });
    return this.events();
  }

  events(): FleetEvent[] {
    return [...this.entries].sort((a, b) => a.at - b.at).map(({ at, body }, index) =>
      ({ seq: index + 1, time: new Date(START + at * 1000).toISOString(), run: "20261121T093015-abc123", ...body }) as FleetEvent);
  }
}

const REGIONS = ["ap-northeast-1", "ap-northeast-3", "ca-central-1", "eu-west-1", "us-east-2"];
const none = { created: 0, updated: 0, same: 0, deleted: 0 };

function fleet(expected: boolean): StackPlan[] {
  return [
    { name: "home", region: "eu-central-1", ...(expected && { expected: HOME_TYPES.length, expectedSeconds: 12 }) },
    ...REGIONS.map((region) => ({ name: region, region, dependsOn: ["home"], ...(expected && { expected: REGION_TYPES.length, expectedSeconds: 20 }) })),
  ];
}

/** All goes well; how long it takes is known from the last run. */
function success(): FleetEvent[] {
  const recording = new Recording("up", fleet(true));
  recording.status(0.1, "home", "running");
  const homeEnd = recording.resources(0.5, "home", HOME_TYPES, 2);
  recording.finish(homeEnd, "home", { status: "succeeded", seconds: homeEnd, ...none, created: 6 });
  REGIONS.forEach((region, index) => {
    recording.status(homeEnd + 0.1, region, "running");
    const end = recording.resources(homeEnd + 1, region, REGION_TYPES, 3 + index / 2);
    recording.finish(end, region, { status: "succeeded", seconds: end - homeEnd, ...none, created: 5 });
  });
  return recording.end(38.9, "succeeded", 38.5);
}

/** One region fails, what depends on it is skipped, a provider sends control characters, a stack was recovered, one is unknown. */
function failure(): FleetEvent[] {
  const stacks = [...fleet(false), { name: "dashboard-eu", dependsOn: ["eu-west-1"] }, { name: "监控-dashboards", dependsOn: ["dashboard-eu"] }];
  const recording = new Recording("up", stacks);
  recording.at(0.05, { type: "run.orphans", stacks: ["eu-north-1"] });
  recording.status(0.1, "home", "running");
  recording.at(0.2, { type: "stack.recovered", stack: "home", action: "lock-cleared", message: "the lock of process 4242, which is dead, was cleared" });
  const homeEnd = recording.resources(0.5, "home", HOME_TYPES, 1, "same");
  recording.finish(homeEnd, "home", { status: "unchanged", seconds: homeEnd, ...none, same: 6 });
  for (const region of REGIONS) recording.status(homeEnd + 0.1, region, "running");
  REGIONS.filter((region) => region !== "eu-west-1").forEach((region) => {
    const end = recording.resources(homeEnd + 1, region, REGION_TYPES, 3);
    recording.at(end - 1, { type: "stack.diagnostic", stack: region, severity: "warning", message: "task definition has\u001b[31m no\u001b[0m log \u0007group" });
    recording.finish(end, region, { status: "succeeded", seconds: end - homeEnd, ...none, created: 5 });
  });
  const urn = recording.urn("eu-west-1", "aws:ec2/vpc:Vpc", "eu-west-1-vpc");
  const message = "creating EC2 VPC: VpcLimitExceeded: The maximum number of VPCs has been reached.\u001b]0;title\u0007";
  const log = "/fleet/.stackfleet/runs/20261121T093015-abc123/logs/eu-west-1.log";
  recording.at(homeEnd + 1, { type: "resource.started", stack: "eu-west-1", urn, resourceType: "aws:ec2/vpc:Vpc", op: "create" });
  recording.at(homeEnd + 4, { type: "resource.failed", stack: "eu-west-1", urn, resourceType: "aws:ec2/vpc:Vpc", op: "create" });
  recording.at(homeEnd + 4, { type: "stack.diagnostic", stack: "eu-west-1", severity: "error", urn, message: `1 error occurred:\n\t* ${message}` });
  recording.finish(homeEnd + 5, "eu-west-1", { status: "failed", seconds: 5, ...none, error: { code: "resource-failed", message, urn, log } });
  recording.status(homeEnd + 5, "dashboard-eu", "skipped", { reason: "dependency-failed", cause: "eu-west-1" });
  recording.status(homeEnd + 5, "监控-dashboards", "skipped", { reason: "dependency-failed", cause: "eu-west-1" });
  return recording.end(23, "failed", 22.5);
}

/** Ctrl+C while five regions run. */
function interrupted(): FleetEvent[] {
  const recording = new Recording("destroy", REGIONS.map((region): StackPlan => ({ name: region, region, expected: 5, expectedSeconds: 15 })).concat({ name: "home", region: "eu-central-1", dependsOn: REGIONS, expected: 6, expectedSeconds: 10 }), 3);
  REGIONS.slice(0, 3).forEach((region, index) => {
    recording.status(0.1, region, "running");
    const end = recording.resources(1, region, REGION_TYPES.slice(0, index === 0 ? 5 : 3), 1.5, "delete");
    if (index === 0) recording.finish(end, region, { status: "succeeded", seconds: end, ...none, deleted: 5 });
    else recording.finish(end + 1, region, { status: "cancelled", seconds: end + 1, ...none, deleted: 3, error: { code: "interrupted", message: "interrupted; all that was done is saved" } });
  });
  recording.at(4, { type: "run.stopping", mode: "graceful", signal: "SIGINT" });
  for (const region of [...REGIONS.slice(3), "home"]) recording.status(4, region, "cancelled", { reason: "interrupted" });
  return recording.end(9, "interrupted", 8.5);
}

/** Sixty stacks: more than any terminal has lines. */
function many(): FleetEvent[] {
  const names = Array.from({ length: 60 }, (_, index) => `shard-${String(index).padStart(2, "0")}`);
  const recording = new Recording("up", names.map((name) => ({ name, expected: 3, expectedSeconds: 6 })), 8);
  names.forEach((name, index) => {
    const begin = Math.floor(index / 8) * 7 + 0.1;
    recording.status(begin, name, "running");
    const end = recording.resources(begin, name, ["aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ecs/cluster:Cluster"], 2);
    if (index === 3 || index === 20) recording.finish(end, name, { status: "failed", seconds: 6, ...none, created: 2, error: { code: "program-failed", message: `Cannot read properties of undefined (reading 'id') in the program of ${name}`, log: `/fleet/logs/${name}.log` } });
    else recording.finish(end, name, { status: "succeeded", seconds: 6, ...none, created: 3 });
  });
  return recording.end(56, "failed", 6);
}

const folder = path.join(__dirname, "recordings");
mkdirSync(folder, { recursive: true });
for (const [name, events] of Object.entries({ success: success(), failure: failure(), interrupted: interrupted(), many: many() })) {
  writeFileSync(path.join(folder, `${name}.jsonl`), events.map((event) => `${JSON.stringify(event)}\n`).join(""));
}
