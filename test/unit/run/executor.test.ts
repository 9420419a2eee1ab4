import { describe, expect, it } from "vitest";
import { FleetError } from "../../../automation/errors";
import type { Engine, UpdateOutcome, UpdateRequest } from "../../../automation/engine/port";
import type { FleetEventBody, Operation } from "../../../automation/events";
import { buildGraph, reverse } from "../../../automation/graph";
import { Executor, type ExecutorOptions, type Recover } from "../../../automation/run/executor";
import type { StackNode } from "../../../automation/topology/types";

const CHANGED = { created: 1, updated: 0, same: 0, deleted: 0 };
const NONE = { created: 0, updated: 0, same: 0, deleted: 0 };

/** An engine whose updates end when the test says so. */
class FakeEngine implements Engine {
  readonly requests = new Map<string, UpdateRequest>();
  readonly started: string[] = [];
  readonly stops: string[] = [];
  private readonly ends = new Map<string, (outcome: UpdateOutcome) => void>();
  mostAtOnce = 0;

  run(request: UpdateRequest): Promise<UpdateOutcome> {
    this.started.push(request.stack.name);
    this.requests.set(request.stack.name, request);
    return new Promise((resolve) => {
      this.ends.set(request.stack.name, resolve);
      this.mostAtOnce = Math.max(this.mostAtOnce, this.ends.size);
    });
  }

  /** Ends an update and lets everything that follows from it happen. */
  async end(name: string, outcome: Partial<UpdateOutcome> = {}): Promise<void> {
    const resolve = this.ends.get(name);
    if (resolve === undefined) throw new Error(`${name} is not running`);
    this.ends.delete(name);
    resolve({ status: "succeeded", changes: CHANGED, ...outcome });
    await settle();
  }

  interrupt(): void { this.stops.push("interrupt"); }
  cancel(): void { this.stops.push("cancel"); }
  close(): Promise<void> { return Promise.resolve(); }
  usage(): { cpuSeconds: number; maxRssBytes: number } { return { cpuSeconds: 0, maxRssBytes: 0 }; }
}

/** Lets all promise callbacks that are due run. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function stack(name: string, ...dependsOn: string[]): StackNode {
  return { name, dependsOn, program: "p", tags: [], config: {} };
}

interface Rig { readonly engine: FakeEngine; readonly events: FleetEventBody[]; readonly executor: Executor; readonly done: ReturnType<Executor["run"]>; clock: { now: number } }

async function rig(stacks: readonly StackNode[], options: Partial<ExecutorOptions> & { operation?: Operation; recover?: Recover } = {}): Promise<Rig> {
  const engine = new FakeEngine();
  const events: FleetEventBody[] = [];
  const clock = { now: 0 };
  const graph = buildGraph({ stacks });
  const executor = new Executor({
    graph: options.operation === "destroy" ? reverse(graph) : graph, nodes: new Map(stacks.map((node) => [node.name, node])), operation: "up", parallel: 10, failFast: false, durations: {},
    policyPacks: [], logFile: (name) => `${name}.log`, engine, recover: () => Promise.resolve(), emit: (event) => events.push(event), now: () => clock.now, ...options,
  });
  const done = executor.run();
  await settle();
  return { engine, events, executor, done, clock };
}

const statusesOf = (events: readonly FleetEventBody[], name: string): string[] => events.flatMap((event) => (event.type === "stack.status" && event.stack === name ? [event.status] : []));

//   home ── a
//     └──── b
const FORK = [stack("home"), stack("a", "home"), stack("b", "home")];

describe("the executor", () => {
  it("starts dependents together as soon as their dependency has succeeded", async () => {
    const { engine, done } = await rig(FORK);
    expect(engine.started).toEqual(["home"]);
    await engine.end("home");
    expect(engine.started).toEqual(["home", "a", "b"]);
    await engine.end("a", { status: "unchanged", changes: NONE });
    await engine.end("b");
    expect((await done).map(({ name, status }) => `${name} ${status}`)).toEqual(["home succeeded", "a unchanged", "b succeeded"]);
  });

  it("never runs more stacks at once than there are slots, the longest remaining path first", async () => {
    const { engine, done } = await rig([stack("x"), stack("y"), stack("z")], { parallel: 1, durations: { x: 1, y: 9, z: 5 } });
    for (const name of ["y", "z", "x"]) {
      expect(engine.started.at(-1)).toBe(name);
      await engine.end(name);
    }
    await done;
    expect(engine.mostAtOnce).toBe(1);
  });

  it("skips what depends on a failed stack, names the root cause, and goes on with the rest", async () => {
    const { engine, done } = await rig([stack("a"), stack("a2", "a"), stack("a3", "a2"), stack("b")]);
    await engine.end("a", { status: "failed", changes: NONE, error: { code: "resource-failed", message: "no" } });
    await engine.end("b");
    const results = Object.fromEntries((await done).map((result) => [result.name, result]));
    expect(results["a"]).toMatchObject({ status: "failed", error: { message: "no" } });
    expect(results["a3"]).toMatchObject({ status: "skipped", error: { code: "dependency-failed", cause: "a" } });
    expect(results["b"]).toMatchObject({ status: "succeeded" });
  });

  it("starts nothing new after a failure with fail-fast, and lets what runs finish", async () => {
    const { engine, done } = await rig([stack("a"), stack("b"), stack("c")], { parallel: 2, failFast: true });
    await engine.end("a", { status: "failed", changes: NONE });
    expect(engine.started).toEqual(["a", "b"]);
    await engine.end("b");
    expect((await done).map(({ status }) => status)).toEqual(["failed", "succeeded", "cancelled"]);
    expect(engine.stops).toEqual([]);
  });

  it("destroys dependents before what they depend on", async () => {
    const { engine, done } = await rig(FORK, { operation: "destroy" });
    expect(engine.started).toEqual(["a", "b"]);
    await engine.end("a");
    await engine.end("b");
    await engine.end("home");
    expect((await done).every(({ status }) => status === "succeeded")).toBe(true);
  });

  it("passes a graceful stop on once, starts nothing more, and ends when what runs has ended", async () => {
    const { engine, executor, done } = await rig(FORK);
    executor.stop("graceful");
    expect(engine.stops).toEqual(["interrupt"]);
    await engine.end("home", { status: "cancelled" });
    expect(engine.started).toEqual(["home"]);
    expect((await done).map(({ status }) => status)).toEqual(["cancelled", "cancelled", "cancelled"]);
    executor.stop("cancel");
    expect(engine.stops).toEqual(["interrupt", "cancel"]);
  });

  it("keeps the result of a stack that completed in spite of the stop", async () => {
    const { engine, executor, done } = await rig(FORK);
    executor.stop("graceful");
    await engine.end("home");
    expect((await done).map(({ status }) => status)).toEqual(["succeeded", "cancelled", "cancelled"]);
  });

  it("settles a stack before it is updated, and does not update one that can't be settled", async () => {
    const settled: string[] = [];
    const recover: Recover = ({ name }) => {
      settled.push(name);
      return name === "a" ? Promise.reject(new FleetError("stack-locked", "locked by 1", { source: "user", fix: "wait" })) : Promise.resolve();
    };
    const { engine, done } = await rig(FORK, { recover });
    expect(settled).toEqual(["home"]);
    await engine.end("home");
    await engine.end("b");
    expect(engine.started).toEqual(["home", "b"]);
    expect((await done).find(({ name }) => name === "a")).toMatchObject({ status: "failed", error: { code: "stack-locked", fix: "wait" } });
  });

  it("tells a disk that was found full while a stack was settled as that, and not as a defect", async () => {
    const { done } = await rig([stack("a")], { recover: () => Promise.reject(Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })) });
    expect(await done).toMatchObject([{ status: "failed", error: { code: "disk-full", message: expect.stringMatching(/^the disk is full: /) as unknown, fix: expect.stringContaining("free some space") as unknown } }]);
  });

  it("does not start an update whose stop came while it was being settled", async () => {
    let release: () => void = () => undefined;
    const { engine, executor, done } = await rig([stack("a")], { recover: () => new Promise((resolve) => { release = resolve; }) });
    executor.stop("graceful");
    release();
    expect(await done).toMatchObject([{ name: "a", status: "cancelled" }]);
    expect(engine.started).toEqual([]);
  });

  it("hands outputs of previews to later ones, settles nothing for them, and hands nothing in an up", async () => {
    let asked = 0;
    const recover: Recover = () => { asked++; return Promise.resolve(); };
    const preview = await rig(FORK, { operation: "preview", recover });
    await preview.engine.end("home", { outputs: { arn: { known: false, secret: true } } });
    expect(preview.engine.requests.get("a")?.upstream).toEqual({ home: { arn: { known: false, secret: true } } });
    expect(asked).toBe(0);
    const up = await rig(FORK);
    await up.engine.end("home", { outputs: { arn: { known: true, secret: false, value: 1 } } });
    expect(up.engine.requests.get("a")?.upstream).toBeUndefined();
  });

  it("tells that a stack is ready while it waits for a slot", async () => {
    const { engine, events, done } = await rig([stack("a"), stack("b")], { parallel: 1 });
    expect(statusesOf(events, "b")).toEqual(["ready"]);
    await engine.end("a");
    await engine.end("b");
    await done;
    expect(statusesOf(events, "b")).toEqual(["ready", "running", "succeeded"]);
  });

  it("announces each status of each stack once, in a legal order, and measures its seconds", async () => {
    const { engine, events, done, clock } = await rig(FORK);
    clock.now = 1500;
    await engine.end("home");
    await engine.end("a");
    await engine.end("b");
    const results = await done;
    // At the start, with a slot free, a stack is ready for no time at all.
    expect(statusesOf(events, "home")).toEqual(["running", "succeeded"]);
    expect(statusesOf(events, "a")).toEqual(["pending", "ready", "running", "succeeded"]);
    expect(results[0]?.seconds).toBe(1.5);
    expect(events.filter(({ type }) => type === "stack.finished")).toHaveLength(3);
  });
});
