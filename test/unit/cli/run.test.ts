import { describe, expect, it } from "vitest";
import { FleetError } from "../../../automation/errors";
import { fakeRun, world } from "./support";

describe("a run", () => {
  it("exits 0 when all went well, with the result on stdout and where to look next on stderr", async () => {
    const { code, stdout, stderr } = await world().run(["up"], { run: async () => fakeRun("success") });
    expect(code).toBe(0);
    expect(stdout).toMatch(/up succeeded in 0:38: 6 of 6 stacks, 31 created; critical path 0:38\n$/);
    expect(stderr).toMatch(/next: stackfleet status .*\n {6}stackfleet outputs .*\n {6}stackfleet local status .*\n {6}stackfleet local ledger .*\n {6}stackfleet destroy .*\n$/);
  });

  it("exits 1 when a stack failed, with its cause once and its log", async () => {
    const { code, stdout, stderr } = await world().run(["up"], { run: async () => fakeRun("failure") });
    expect(code).toBe(1);
    expect((stdout + stderr).match(/VpcLimitExceeded/g)).toHaveLength(1);
    expect(stderr).toContain("log: /fleet/.stackfleet/runs/20261121T093015-abc123/logs/eu-west-1.log");
    expect(stderr).toContain("next: stackfleet up  goes on from here");
  });

  it("exits 130 when it was interrupted", async () => {
    expect((await world().run(["destroy"], { run: async () => fakeRun("interrupted") })).code).toBe(130);
  });

  it("has nothing but the events on stdout with --output json", async () => {
    const { stdout } = await world().run(["up", "--output", "json"], { run: async () => fakeRun("success") });
    const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as { type: string });
    expect(lines.at(-1)?.type).toBe("run.finished");
  });

  it("hands all its options over", async () => {
    const fake = fakeRun("success");
    await world().run(["destroy", "+a", "b+", "--config", "fleet.json", "--parallel", "3", "--fail-fast", "--removed"], { run: async () => fake });
    expect(fake.asked).toMatchObject({ operation: "destroy", select: ["+a", "b+"], config: "fleet.json", parallel: 3, failFast: true, removed: true, target: "local" });
    await world().run(["up"], { run: async () => fake });
    expect(fake.asked).toMatchObject({ operation: "up", select: [], parallel: "auto", failFast: false, removed: false });
    expect(fake.asked).not.toHaveProperty("config");
  });

  it("reports an error of its preparation on one line with its details and its fix, and never a stack trace", async () => {
    const error = new FleetError("config-invalid", "fleet.config.ts: 2 faults", { source: "user", details: ["stacks.a: wrong", "stacks.b: wrong"], fix: "correct them" });
    const { code, stdout, stderr } = await world().run(["up"], { run: async () => fakeRun("success", { prepare: () => Promise.reject(error) }) });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe("error: fleet.config.ts: 2 faults [config-invalid]\n  stacks.a: wrong\n  stacks.b: wrong\n  fix: correct them\n");
  });

  it("exits 1 when the run could not be recorded to its end", async () => {
    const { code, stderr } = await world().run(["up"], { run: async () => fakeRun("success", { fail: new FleetError("disk-full", "the disk is full: can't write the journal", { source: "tool" }) }) });
    expect(code).toBe(1);
    expect(stderr).toContain("the disk is full");
  });

  it("tells a defect without a stack trace, and with one when asked", async () => {
    const broken = { run: async () => fakeRun("success", { prepare: () => Promise.reject(new TypeError("x is undefined")) }) };
    const { code, stderr } = await world().run(["up"], broken);
    expect(code).toBe(1);
    expect(stderr).toContain("error: x is undefined [internal]");
    expect(stderr).not.toContain("    at ");
    expect((await world().run(["up"], { ...broken, env: { STACKFLEET_DEBUG: "1" } })).stderr).toContain("    at ");
  });

  it("goes on when nobody can be shown anything", async () => {
    const { code } = await world().run(["up"], { run: async () => fakeRun("success"), stdout: { write: () => { throw new Error("EPIPE"); } } });
    expect(code).toBe(0);
  });
});

describe("signals", () => {
  it("the first stops gracefully, the second terminates", async () => {
    const w = world();
    const fake = fakeRun("interrupted", { during: () => ["SIGINT", "SIGINT"].forEach(w.send) });
    const { code } = await w.run(["destroy"], { run: async () => fake });
    expect(fake.stops).toEqual(["graceful SIGINT", "cancel SIGINT"]);
    expect(code).toBe(130);
  });

  it.each(["SIGTERM", "SIGHUP"])("%s acts as one Ctrl+C, and says so on stderr when stdout is JSON", async (signal) => {
    const w = world();
    const fake = fakeRun("interrupted", { during: () => w.send(signal) });
    const { stderr } = await w.run(["destroy", "--output", "json"], { run: async () => fake });
    expect(fake.stops).toEqual([`graceful ${signal}`]);
    expect(stderr).toContain(`${signal}: stopping: running stacks finish what is in flight; Ctrl+C again terminates`);
  });

  it("takes the hang-ups of one closed terminal, from the kernel and from the shell, as one Ctrl+C", async () => {
    const w = world();
    const fake = fakeRun("interrupted", { during: () => ["SIGHUP", "SIGHUP", "SIGTERM"].forEach(w.send) });
    await w.run(["destroy"], { run: async () => fake });
    expect(fake.stops).toEqual(["graceful SIGHUP", "cancel SIGTERM"]);
  });

  it("before the run has started ends the preparation, and nothing is changed", async () => {
    const w = world();
    const fake = fakeRun("success", {
      prepare: ({ signal }) => new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason as Error));
        w.send("SIGINT");
      }),
    });
    const { code, stdout, stderr } = await w.run(["up"], { run: async () => fake });
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    expect(stderr).toBe("error: interrupted before the run started; nothing was changed [interrupted]\n");
  });

  it("are left to the system again when the command has ended", async () => {
    const w = world();
    const fake = fakeRun("success");
    await w.run(["up"], { run: async () => fake });
    w.send("SIGINT");
    expect(fake.stops).toEqual([]);
  });
});

describe("the cloud target", () => {
  const up = ["up", "--target", "cloud"];

  it("needs --yes without a terminal, and prints account and regions first", async () => {
    const fake = fakeRun("success");
    const { code, stdout, stderr } = await world().run(up, { run: async () => fake });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe("up in the cloud: account 123456789012, regions eu-central-1, eu-west-1, stacks home, eu-west-1\n"
      + "error: up in the cloud needs a confirmation, and there is no terminal to ask on [confirmation-missing]\n  fix: add --yes\n");
  });

  it("runs with --yes, account and regions first", async () => {
    const { code, stderr } = await world().run([...up, "--yes"], { run: async () => fakeRun("success") });
    expect(code).toBe(0);
    expect(stderr).toMatch(/^up in the cloud: account 123456789012/);
  });

  it.each([["y", 0], ["YES", 0], ["", 1], ["no", 1], [undefined, 1]])("asks on a terminal: %s means %s", async (answer, expected) => {
    expect((await world().run(up, { run: async () => fakeRun("success"), interactive: true, ask: async () => answer })).code).toBe(expected);
  });

  it("takes Ctrl+C for an answer", async () => {
    const w = world();
    const ask = async (): Promise<undefined> => w.send("SIGINT") as undefined;
    expect((await w.run(up, { run: async () => fakeRun("success"), interactive: true, ask })).code).toBe(130);
  });

  it("asks nothing for a preview", async () => {
    expect((await world().run(["preview", "--target", "cloud"], { run: async () => fakeRun("success") })).code).toBe(0);
  });
});

describe("destroy", () => {
  it("asks nothing in the local cloud, and warns when results go with it", async () => {
    const { code, stderr } = await world().run(["destroy"], { run: async () => fakeRun("success") });
    expect(code).toBe(0);
    expect(stderr).toContain("warning: destroying home deletes the results of the load tests that it holds");
  });

  it("does not warn when the results stay", async () => {
    expect((await world().run(["destroy", "eu-west-1"], { run: async () => fakeRun("success", { selected: ["eu-west-1"] }) })).stderr).not.toContain("warning: destroying");
  });
});
