import { describe, expect, it } from "vitest";
import { drill, FakeClock, FakeSystem, MemoryLog, play, type FakeContext } from "./fakes";

const breakTwo = async (context: FakeContext): Promise<void> => {
  await context.undo.add({ kind: "fix", what: "a" });
  await context.undo.add({ kind: "fix", what: "b" });
};
const failed = (checks: readonly { readonly drill: string; readonly check: string; readonly ok: boolean }[]): string[] => checks.filter(({ ok }) => !ok).map(({ drill: name, check }) => `${name} ${check}`);

describe("a drill", () => {
  it("that goes well succeeds, and its last event has every check", async () => {
    const { finished, events } = await play([drill("calm", async (context) => {
      await context.step("look", () => Promise.resolve());
      await context.check("fine", () => ({ ok: true, detail: "3 of 3" }));
    })]);
    expect(finished).toEqual({ type: "drill.finished", status: "succeeded", checks: [
      { drill: "calm", check: "whole-before", ok: true, seconds: 0 },
      { drill: "calm", check: "fine", ok: true, seconds: 0, detail: "3 of 3" },
      { drill: "calm", check: "put-back", ok: true, seconds: 0 },
    ] });
    expect(events.at(-1)).toBe(finished);
    expect(events.map(({ type }) => type)).toEqual(["drill.started", "check.started", "check.finished", "step.started", "step.finished", "check.finished", "check.finished", "drill.ended", "drill.finished"]);
  });

  it("goes on after a failed check, and fails", async () => {
    const { finished } = await play([drill("wrong", async (context) => {
      expect(await context.check("bad", () => ({ ok: false, detail: "2 of 3" }))).toBe(false);
      expect(await context.check("broken", () => Promise.reject(new Error("no answer")))).toBe(false);
      await context.check("good", () => ({ ok: true }));
    })]);
    expect(finished.status).toBe("failed");
    expect(failed(finished.checks)).toEqual(["wrong bad", "wrong broken"]);
    expect(finished.checks).toContainEqual(expect.objectContaining({ check: "broken", detail: "no answer" }));
    expect(finished.checks).toContainEqual(expect.objectContaining({ check: "good", ok: true }));
  });

  it("that throws fails as a check that says why, and the next one still runs", async () => {
    const { finished } = await play([
      drill("first", (context) => context.step("stop it", () => Promise.reject(new Error("no such container")))),
      drill("second", async (context) => void (await context.check("fine", () => ({ ok: true })))),
    ]);
    expect(failed(finished.checks)).toEqual(["first ran-to-its-end"]);
    expect(finished.checks).toContainEqual(expect.objectContaining({ drill: "second", check: "fine" }));
  });

  it("breaks nothing in a system that is not whole", async () => {
    const system = new FakeSystem();
    system.missing = "node-2 is exited";
    let ran = false;
    const { finished } = await play([drill("rough", async () => void (ran = true))], { system });
    expect(ran).toBe(false);
    expect(finished.status).toBe("failed");
    expect(finished.checks).toEqual([expect.objectContaining({ check: "whole-before", ok: false, detail: "not after 20 s: node-2 is exited" })]);
  });

  it("that only looks runs in a system that is not whole, too", async () => {
    const system = new FakeSystem();
    system.missing = "node-2 is exited";
    const { finished } = await play([drill("look", async (context) => void (await context.check("seen", () => ({ ok: true }))), { runsBroken: true })], { system });
    expect(finished.status).toBe("succeeded");
  });

  it("that can't run here is skipped with its reason, which is no failure", async () => {
    const { finished, events } = await play([drill("x", () => Promise.reject(new Error("must not run")), { skip: () => "it needs two nodes" })]);
    expect(finished).toEqual({ type: "drill.finished", status: "succeeded", checks: [] });
    expect(events[0]).toMatchObject({ type: "drill.skipped", reason: "it needs two nodes" });
  });

  it("measures a wait from where it is told to, and compares it with its target", async () => {
    const clock = new FakeClock();
    const slow = drill("slow", async (context) => {
      const since = context.clock.now();
      clock.advance(2);
      let looks = 0;
      await context.reaches("there", { deadlineSeconds: 60, target: { seconds: 6, source: "a promise" }, since, intervalMs: 1_000 }, () => Promise.resolve(++looks > 5 ? undefined : "not yet"));
    });
    const { finished, events } = await play([slow], { clock });
    expect(finished.status).toBe("succeeded");
    expect(events).toContainEqual(expect.objectContaining({ type: "check.finished", check: "there", ok: true, seconds: 7, target: { targetSeconds: 6, source: "a promise", time: "over" }, detail: "over the target of 6 s" }));
  });

  it("fails for a time over its target when times are strict", async () => {
    const late = drill("late", async (context) => void (await context.reaches("there", { deadlineSeconds: 60, target: { seconds: 6, source: "a promise" }, since: -6_500 }, () => Promise.resolve(undefined))));
    expect((await play([late])).finished.status).toBe("succeeded");
    expect(failed((await play([late], { strictTimes: true })).finished.checks)).toEqual(["late there"]);
  });

  it("gives up at a wait's deadline and says what was missing, also when that was an error", async () => {
    const { finished } = await play([drill("never", async (context) => void (await context.reaches("there", { deadlineSeconds: 3 }, () => Promise.reject(new Error("connection refused")))))]);
    expect(finished.checks).toContainEqual(expect.objectContaining({ check: "there", ok: false, detail: "not after 3 s: connection refused" }));
  });

  it("gives up a look that hangs", async () => {
    const clock = new FakeClock();
    clock.reached = AbortSignal.abort();
    const { finished } = await play([drill("hung", async (context) => {
      clock.advance(3);
      await context.reaches("there", { deadlineSeconds: 0 }, () => new Promise(() => undefined));
    }, { runsBroken: true })], { clock });
    expect(finished.checks[0]).toMatchObject({ check: "there", ok: false, detail: "not after 0 s: no answer before the deadline" });
  });

  it("has the same random numbers for the same seed", async () => {
    const drawn: number[] = [];
    const draw = drill("draw", (context) => Promise.resolve(void drawn.push(context.random())));
    await play([draw, draw], { seed: 7 });
    await play([draw], { seed: 8 });
    expect(drawn[0]).toBe(drawn[1]);
    expect(drawn[2]).not.toBe(drawn[0]);
  });
});

describe("what was broken", () => {
  it("is put back in reverse order at the end", async () => {
    const { system, log } = await play([drill("mess", breakTwo)]);
    expect(system.done).toEqual(["b", "a"]);
    expect(log.actions).toEqual([]);
  });

  it("is put back after an error", async () => {
    const { system } = await play([drill("mess", async (context) => {
      await breakTwo(context);
      throw new Error("in the middle");
    })]);
    expect(system.done).toEqual(["b", "a"]);
  });

  it("is not put back twice when the drill did it itself", async () => {
    const { system } = await play([drill("tidy", async (context) => {
      const handle = await context.undo.add({ kind: "fix", what: "a" });
      await context.undo.add({ kind: "fix", what: "b" });
      await handle.perform();
      await handle.perform();
    })]);
    expect(system.done).toEqual(["a", "b"]);
  });

  it("is written down before it is broken, and struck out when it is mended", async () => {
    const { log } = await play([drill("mess", breakTwo)]);
    expect(log.written.map((actions) => actions.map(({ what }) => what))).toEqual([["a"], ["a", "b"], ["a"], []]);
  });

  it("does not keep the rest from being put back when a part fails; the part stays written down, nothing more is broken", async () => {
    const system = new FakeSystem();
    system.stuck.add("b");
    let second = false;
    const { finished, log } = await play([drill("mess", breakTwo), drill("second", async () => void (second = true))], { system });
    expect(system.done).toEqual(["a"]);
    expect(failed(finished.checks)).toEqual(["mess put-back"]);
    expect(finished.checks.at(-1)?.detail).toBe("fix b: b is stuck");
    expect(log.actions).toEqual([{ kind: "fix", what: "b" }]);
    expect(second).toBe(false);
  });

  it("by an earlier drill that was killed is put back before the first one", async () => {
    const order: string[] = [];
    const system = new FakeSystem();
    const log = new MemoryLog([{ kind: "fix", what: "old" }]);
    const { finished } = await play([drill("next", () => Promise.resolve(void order.push(...system.done, "ran")))], { system, log });
    expect(order).toEqual(["old", "ran"]);
    expect(finished.checks[0]).toMatchObject({ drill: "earlier-drill", check: "put-back", ok: true });
  });

  it("must be well again in the end, or the drill fails", async () => {
    const system = new FakeSystem();
    const { finished } = await play([drill("lasting", async (context) => {
      await context.undo.add({ kind: "fix", what: "a" });
      system.missing = "a chunk is missing";
    })], { system });
    expect(finished.checks.at(-1)).toMatchObject({ check: "put-back", ok: false, detail: "a chunk is missing" });
  });
});

describe("an interruption", () => {
  const interrupted = (): { readonly abort: AbortController; readonly abandon: AbortController } => ({ abort: new AbortController(), abandon: new AbortController() });

  it("ends the drill, puts everything back and starts no other", async () => {
    const { abort, abandon } = interrupted();
    let second = false;
    const { finished, system, events } = await play([
      drill("first", async (context) => {
        await breakTwo(context);
        abort.abort(new Error("SIGINT"));
        await context.step("never begun", () => Promise.reject(new Error("must not run")));
      }),
      drill("second", async () => void (second = true)),
    ], { signal: abort.signal, abandon: abandon.signal });
    expect(system.done).toEqual(["b", "a"]);
    expect(second).toBe(false);
    expect(finished.status).toBe("failed");
    expect(finished.checks).toContainEqual(expect.objectContaining({ check: "ran-to-its-end", ok: false, detail: "interrupted" }));
    expect(events.at(-1)?.type).toBe("drill.finished");
  });

  it("ends a wait that is under way", async () => {
    const { abort, abandon } = interrupted();
    let looks = 0;
    const { finished } = await play([drill("wait", async (context) => void (await context.reaches("never", { deadlineSeconds: 600 }, () => {
      if (++looks === 3) abort.abort(new Error("SIGINT"));
      return Promise.resolve("not yet");
    })))], { signal: abort.signal, abandon: abandon.signal });
    expect(looks).toBe(3);
    expect(finished.checks.map(({ check }) => check)).toEqual(["whole-before", "ran-to-its-end", "put-back"]);
  });

  it("that comes twice leaves the rest to the next drill, written down", async () => {
    const { abort, abandon } = interrupted();
    const { finished, log, system } = await play([drill("first", async (context) => {
      await breakTwo(context);
      abort.abort(new Error("SIGINT"));
      abandon.abort(new Error("SIGINT"));
      context.signal.throwIfAborted();
    })], { signal: abort.signal, abandon: abandon.signal });
    expect(system.done).toEqual([]);
    expect(log.actions.map(({ what }) => what)).toEqual(["a", "b"]);
    expect(finished.status).toBe("failed");
  });

  it("before the first drill still ends with drill.finished", async () => {
    const abort = new AbortController();
    abort.abort(new Error("SIGINT"));
    const { events } = await play([drill("x", () => Promise.reject(new Error("must not run")))], { signal: abort.signal });
    expect(events).toEqual([{ type: "drill.finished", status: "failed", checks: [] }]);
  });
});
