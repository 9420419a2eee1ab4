import type { EngineEvent } from "@pulumi/pulumi/automation";
import { describe, expect, it } from "vitest";
import type { EngineEventBody } from "../../../automation/engine/port";
import { changesOf, firstLine, plainText, UpdateTally } from "../../../automation/engine/translate";

const VPC = "urn:pulumi:home::p::aws:ec2/vpc:Vpc::main";
const STACK = "urn:pulumi:home::p::pulumi:pulumi:Stack::p-home";

/** The events of the SDK have many more fields; these are the ones that the engine's JSON carries and the tally reads. */
function event(body: object): EngineEvent {
  return { sequence: 1, timestamp: 1, ...body } as EngineEvent;
}
const pre = (urn: string, type: string, op: string): EngineEvent => event({ resourcePreEvent: { metadata: { urn, type, op } } });
const outputs = (urn: string, type: string, op: string): EngineEvent => event({ resOutputsEvent: { metadata: { urn, type, op } } });
const failed = (urn: string, type: string, op: string): EngineEvent => event({ resOpFailedEvent: { metadata: { urn, type, op }, status: 0, steps: 1 } });
const diag = (severity: string, message: string, urn?: string): EngineEvent => event({ diagnosticEvent: { severity, message, urn, color: "never" } });

function tallyOf(events: readonly EngineEvent[], clock: readonly number[] = [0]): { tally: UpdateTally; seen: EngineEventBody[] } {
  const seen: EngineEventBody[] = [];
  let call = 0;
  const tally = new UpdateTally("home", (body) => seen.push(body), { now: () => clock[Math.min(call++, clock.length - 1)] ?? 0 });
  for (const one of events) tally.take(one);
  return { tally, seen };
}

describe("the engine's events", () => {
  it("become started and finished events with the seconds between them", () => {
    const { seen } = tallyOf([pre(VPC, "aws:ec2/vpc:Vpc", "create"), outputs(VPC, "aws:ec2/vpc:Vpc", "create")], [1000, 3500]);
    expect(seen).toEqual([
      { type: "resource.started", stack: "home", urn: VPC, resourceType: "aws:ec2/vpc:Vpc", op: "create" },
      { type: "resource.finished", stack: "home", urn: VPC, resourceType: "aws:ec2/vpc:Vpc", op: "create", seconds: 2.5 },
    ]);
  });

  it("tell which creates got no answer: of resources that a provider makes, not of components", () => {
    const made = (urn: string, custom: boolean): EngineEvent[] => [
      event({ resourcePreEvent: { metadata: { urn, type: "t", op: "create", new: { custom, inputs: { a: 1 } } } } }),
      diag("error", "rpc error: code = Unavailable desc = connection closed", urn), failed(urn, "t", "create"),
    ];
    const { tally } = tallyOf([...made(VPC, true), ...made(`${VPC}-component`, false)]);
    expect(tally.unanswered()).toEqual([{ urn: VPC, type: "t", inputs: { a: 1 } }]);
  });

  it("leave the stack's own record out", () => {
    const { seen } = tallyOf([pre(STACK, "pulumi:pulumi:Stack", "create"), outputs(STACK, "pulumi:pulumi:Stack", "create")]);
    expect(seen).toEqual([]);
  });

  it("count what was done when the update ends without a summary", () => {
    const { tally } = tallyOf([outputs(VPC, "t", "create"), outputs(`${VPC}2`, "t", "same"), outputs(`${VPC}3`, "t", "update"), outputs(`${VPC}4`, "t", "delete")]);
    expect(tally.changes()).toEqual({ created: 1, updated: 1, same: 1, deleted: 1 });
  });

  it("name the resource that failed and the provider's reason as the root cause, not the echo at the end", () => {
    const { tally } = tallyOf([
      diag("error", "update failed"),
      diag("error", "<{%fg 1%}>error: VpcLimitExceeded: too many\nmore<{%reset%}>", VPC),
      failed(VPC, "aws:ec2/vpc:Vpc", "create"),
    ]);
    expect(tally.fault()).toEqual({ code: "resource-failed", message: "VpcLimitExceeded: too many", details: ["more"], urn: VPC });
  });

  it("keep every line of a program's error, and none of its stack trace", () => {
    const lines = tallyOf([diag("error", 'Store "s": a: wrong\nStore "s": b: wrong\n\n', STACK)]);
    expect(lines.tally.fault()).toEqual({ code: "program-failed", message: 'Store "s": a: wrong', details: ['Store "s": b: wrong'] });
    const trace = tallyOf([diag("error", "Unhandled exception: Error: no\n    at main (index.js:1:1)\n    at run", STACK)]);
    expect(trace.tally.fault()).toEqual({ code: "program-failed", message: "no" });
  });

  it("tell deletions that may have been carried out though they failed: those that were stopped, and those without an answer", () => {
    const { tally } = tallyOf([
      diag("error", "the wait was stopped", VPC), failed(VPC, "t", "delete"),
      diag("error", "rpc error: code = Unavailable desc = error reading from server: EOF", `${VPC}2`), failed(`${VPC}2`, "t", "delete"),
      diag("error", "in use", `${VPC}3`), failed(`${VPC}3`, "t", "delete-replaced"), failed(`${VPC}4`, "t", "update"),
    ]);
    expect({ stopped: tally.undeleted(true), failed: tally.undeleted(false) }).toEqual({ stopped: [VPC, `${VPC}2`], failed: [`${VPC}2`] });
  });

  it("blame the program when no resource failed", () => {
    const { tally } = tallyOf([diag("error", "Unhandled exception: Error: no such region\n    at x.js:1", STACK)]);
    expect(tally.fault()).toEqual({ code: "program-failed", message: "no such region" });
  });

  it("tell the cause of an output that failed, not the way that it took through the program", () => {
    const { tally, seen } = tallyOf([diag("error", `Unhandled exception: Error: error serializing property "vpcId": error serializing property "cidrBlock": clientRegion: got "x"; change it`, STACK)]);
    expect(tally.fault()?.message).toBe('clientRegion: got "x"; change it');
    expect(seen).toMatchObject([{ message: 'Unhandled exception: Error: clientRegion: got "x"; change it' }]);
  });

  it("report a mandatory policy violation before anything else, an advisory one as no fault", () => {
    const advisory = tallyOf([event({ policyEvent: { policyName: "tags", enforcementLevel: "advisory", message: "no tags", resourceUrn: VPC } })]);
    expect(advisory.tally.fault()).toBeUndefined();
    const mandatory = tallyOf([diag("error", "other"), event({ policyEvent: { policyName: "tags", enforcementLevel: "mandatory", message: "All have tags.\ntags: missing", resourceUrn: VPC } })]);
    expect(mandatory.tally.fault()).toEqual({ code: "policy-violation", message: "tags: tags: missing", urn: VPC });
    expect(mandatory.seen.at(-1)).toMatchObject({ type: "stack.policy", level: "mandatory", message: "tags: missing" });
  });

  it("drop progress chatter and debug output", () => {
    const { seen } = tallyOf([event({ diagnosticEvent: { severity: "info", message: "retrying", ephemeral: true } }), diag("debug", "noise"), diag("info", "  ")]);
    expect(seen).toEqual([]);
  });
});

describe("the engine's summary", () => {
  it("counts a replacement as one created and one deleted", () => {
    expect(changesOf({ replace: 1, same: 3 })).toEqual({ created: 1, updated: 0, same: 3, deleted: 1 });
    expect(changesOf({ create: 2, "create-replacement": 1, "delete-replaced": 1, replace: 1 })).toEqual({ created: 3, updated: 0, same: 0, deleted: 1 });
  });
});

describe("messages", () => {
  it("lose colour directives, escape codes and control characters", () => {
    expect(plainText("<{%fg 1%}>red<{%reset%}> \u001b[31mx\u001b[0m\u0007")).toBe("red x");
  });

  it("are shortened to the first line that says something", () => {
    expect(firstLine("\n\nerror: rpc error: code = Unknown desc = boom\nstack")).toBe("boom");
  });
});

describe("a provider's account of a wait", () => {
  const look = (message: string, urn = VPC): EngineEvent => event({ diagnosticEvent: { severity: "info", message, urn, color: "never", ephemeral: true } });
  const progress = (phase: string, checks: number, seconds: number) => ({ type: "resource.progress", stack: "home", urn: VPC, phase, checks, seconds });

  it("becomes progress, with what else it says", () => {
    expect(tallyOf([look("phase provisioning; 1 check; 0s"), look("phase active; 2 checks; 10s; waiting for its host")]).seen)
      .toEqual([progress("provisioning", 1, 0), { ...progress("active", 2, 10), detail: "waiting for its host" }]);
  });

  it("is told at most once a second and a phase", () => {
    let now = 0;
    const seen: EngineEventBody[] = [];
    const tally = new UpdateTally("home", (body) => seen.push(body), { now: () => now });
    for (const [at, message] of [[0, "phase a; 1 check; 0s"], [999, "phase a; 2 checks; 1s"], [999, "phase b; 3 checks; 1s"], [1999, "phase b; 4 checks; 2s"]] as const) {
      now = at;
      tally.take(look(message));
    }
    expect(seen).toEqual([progress("a", 1, 0), progress("b", 3, 1), progress("b", 4, 2)]);
  });

  it("of another form is nothing, and no message either", () => {
    expect(tallyOf([look("working on it"), look("phase x; many checks; 1s")]).seen).toEqual([]);
  });
});
