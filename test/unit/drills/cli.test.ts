import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { FleetError } from "../../../automation/errors";
import type { CliContext, DrillsModule } from "../../../automation/cli/context";
import { ownIdentity } from "../../../automation/system/process-identity";
import * as drills from "../../../drills";
import type { DrillSystem, PrepareOptions } from "../../../drills";
import { world } from "../cli/support";
import { drill, FakeSystem, MemoryLog, type Action } from "./fakes";
import { runDrills } from "../../../drills/runner";
import type { Drill } from "../../../drills/model";

interface Fake { readonly module: DrillsModule; asked: PrepareOptions | undefined; closed: number; readonly system: FakeSystem; readonly log: MemoryLog }

/** The module with one system of fake drills. */
function fakeModule(fakeDrills: readonly Drill<FakeSystem, Action>[]): Fake {
  const fake: Fake = { asked: undefined, closed: 0, system: new FakeSystem(), log: new MemoryLog(), module: drills };
  const chunkstore: DrillSystem = {
    name: "chunkstore", summary: "a fake store", defaultStack: "chunkstore", drills: fakeDrills.map(({ name, summary }) => ({ name, summary })),
    prepare: (options) => {
      fake.asked = options;
      const chosen = fakeDrills.filter(({ name }) => options.drills.length === 0 || options.drills.includes(name));
      return Promise.resolve({
        plan: chosen.map(({ name, summary, breaks, putsBack }) => ({ name, summary, breaks: breaks(fake.system), putsBack })), leftovers: () => fake.log.read().map((action) => fake.system.describe(action)),
        run: (running) => runDrills({ ...running, drills: chosen, system: fake.system, drillable: fake.system, undoLog: fake.log, clock: options.clock }),
        close: () => Promise.resolve(void fake.closed++),
      });
    },
  };
  const module = { ...drills, SYSTEMS: [chunkstore], systemNamed: (name: string) => drills.systemNamed(name, [chunkstore]), localEngine: () => Promise.resolve({ kind: "unix" as const, socketPath: "/local.sock" }) };
  return Object.assign(fake, { module });
}

function context(fake: Fake, more: Partial<CliContext> = {}): Partial<CliContext> {
  return {
    drills: () => Promise.resolve(fake.module),
    commands: () => Promise.resolve({
      readOutputs: () => Promise.resolve({ chunkstore: { adminPassword: { value: "hunter2!", secret: true }, networkName: { value: "dfs-network", secret: false } } }),
      shellEnvironment: () => Promise.reject(new Error("not asked")), resetFleet: () => Promise.reject(new Error("not asked")),
    }),
    ...more,
  };
}

const good = drill("calm", async (given) => void (await given.check("fine", () => ({ ok: true }))));
const bad = drill("rough", async (given) => void (await given.check("lost", () => ({ ok: false, detail: "1 file is gone" }))));
const late = drill("late", async (given) => void (await given.reaches("there", { deadlineSeconds: 9, target: { seconds: 1, source: "x" }, since: given.clock.now() - 2_000 }, () => Promise.resolve(undefined))));

const lastLine = (text: string): unknown => JSON.parse(text.trimEnd().split("\n").at(-1) ?? "");

describe("stackfleet drill", () => {
  it("alone lists systems and drills with one line each", async () => {
    const { code, stdout } = await world().run(["drill"], context(fakeModule([good, bad])));
    expect({ code, stdout }).toEqual({ code: 0, stdout: "SYSTEM      DRILL  WHAT HAPPENS\nchunkstore  calm   the drill calm\nchunkstore  rough  the drill rough\n" });
  });

  it("lists the chunk store's drills", async () => {
    const { stdout } = await world().run(["drill", "--output", "json"]);
    expect((JSON.parse(stdout) as { name: string; drills: { name: string }[] }[]).map((system) => [system.name, ...system.drills.map(({ name }) => name)])).toEqual([
      ["chunkstore", "full-replication", "controller-restart", "chunkserver-loss", "partition", "conflict", "crash-during-upload", "disk-corruption", "startup", "metadata-loss"]]);
  });

  it("runs all drills of a system, says before what they break, and exits 0", async () => {
    const fake = fakeModule([good]);
    const { code, stdout, stderr } = await world().run(["drill", "chunkstore"], context(fake));
    expect(code).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^1\/1  calm  the drill calm\n  breaks    something\n  puts back mends it /);
    expect(stdout).toContain("succeeded: drills 1 passed, 0 failed; checks 3 of 3 ok");
    expect(fake.closed).toBe(1);
  });

  it("runs those that are named, with the outputs of the stack that is named, secrets in the clear", async () => {
    const fake = fakeModule([good, bad]);
    expect((await world().run(["drill", "chunkstore", "calm"], context(fake))).code).toBe(0);
    expect(fake.asked).toMatchObject({ drills: ["calm"], stack: "chunkstore", realEngine: false, outputs: { adminPassword: "hunter2!", networkName: "dfs-network" } });
  });

  it("ends JSON output with the account, and exits 1 on a failed check", async () => {
    const { code, stdout } = await world().run(["drill", "chunkstore", "rough", "--output", "json", "--seed", "5"], context(fakeModule([good, bad])));
    expect(code).toBe(1);
    expect(lastLine(stdout)).toEqual({ type: "drill.finished", status: "failed", checks: [
      { drill: "rough", check: "whole-before", ok: true, seconds: expect.any(Number) as number }, { drill: "rough", check: "lost", ok: false, seconds: expect.any(Number) as number, detail: "1 file is gone" },
      { drill: "rough", check: "put-back", ok: true, seconds: expect.any(Number) as number }] });
    expect(JSON.parse(stdout.split("\n")[0] ?? "")).toMatchObject({ type: "drill.started", seed: 5 });
  });

  it("enforces times only when they are strict", async () => {
    expect((await world().run(["drill", "chunkstore"], context(fakeModule([late])))).code).toBe(0);
    expect((await world().run(["drill", "chunkstore", "--strict-times"], context(fakeModule([late])))).code).toBe(1);
  });

  it.each([
    [["drill", "chunkstor"], "unknown-system", "no such system; got chunkstor; expected one of chunkstore"],
    [["drill", "chunkstore", "clam"], "unknown-drill", "chunkstore has no such drill; got clam; expected of calm"],
  ])("%j is wrong usage, and JSON output still ends in order", async (argv, code, message) => {
    const outcome = await world().run([...argv, "--output", "json"], context(fakeModule([good])));
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain(`error: ${message} [${code}]`);
    expect(lastLine(outcome.stdout)).toEqual({ type: "drill.finished", status: "failed", checks: [] });
  });

  it.each(["-1", "x", "1.5", "4294967296"])("refuses the seed %s", async (seed) => {
    expect((await world().run(["drill", "chunkstore", `--seed=${seed}`])).code).toBe(2);
  });

  it("says that the local cloud does not run", async () => {
    const { code, stderr } = await world().run(["drill", "chunkstore"]);
    expect(code).toBe(1);
    expect(stderr).toBe("error: the local cloud is not running [local-cloud-not-running]\n  fix: start it with stackfleet local start, or name a real engine with --docker\n");
  });

  it("says that the stack is not up", async () => {
    const fake = fakeModule([good]);
    const more = context(fake);
    const { code, stderr } = await world().run(["drill", "chunkstore"], { ...more, drills: () => Promise.resolve({ ...fake.module, SYSTEMS: drills.SYSTEMS, systemNamed: drills.systemNamed }),
      commands: () => Promise.resolve({ readOutputs: () => Promise.resolve({ chunkstore: {} }), shellEnvironment: () => Promise.reject(new Error()), resetFleet: () => Promise.reject(new Error()) }) });
    expect({ code, stderr }).toEqual({ code: 1, stderr: "error: the stack has no outputs; got chunkstore; expected a chunk store that is up [stack-not-up]\n  fix: stackfleet up chunkstore\n" });
  });

  it("passes on why the outputs can't be read", async () => {
    const { code, stdout, stderr } = await world().run(["drill", "chunkstore", "--output", "json"], context(fakeModule([good]), {
      commands: () => Promise.resolve({ readOutputs: () => Promise.reject(new FleetError("unknown-stack", "unknown stack; got chunkstore", { source: "user" })), shellEnvironment: () => Promise.reject(new Error()), resetFleet: () => Promise.reject(new Error()) }),
    }));
    expect(code).toBe(2);
    expect(stderr).toContain("unknown stack; got chunkstore [unknown-stack]");
    expect(lastLine(stdout)).toEqual({ type: "drill.finished", status: "failed", checks: [] });
  });
});

describe("stackfleet drill --docker", () => {
  it("needs --yes where nobody can be asked, and breaks nothing without it", async () => {
    const fake = fakeModule([good]);
    const { code, stdout, stderr } = await world().run(["drill", "chunkstore", "--docker", "--output", "json"], context(fake));
    expect(code).toBe(2);
    expect(stderr).toContain("[confirmation-missing]");
    expect(stderr).toContain("on the Docker engine at unix:///var/run/docker.sock:\n  calm: something; then mends it\n");
    expect(stdout).not.toContain("drill.started");
    expect(fake.closed).toBe(1);
  });

  it("goes on with --yes, in the cloud target's state, at DOCKER_HOST", async () => {
    const fake = fakeModule([good]);
    const outside = world();
    expect((await outside.run(["drill", "chunkstore", "--docker", "--yes"], context(fake, { env: { STACKFLEET_ROOT: outside.cwd, DOCKER_HOST: "unix:///tmp/real.sock" } }))).code).toBe(0);
    expect(fake.asked).toMatchObject({ realEngine: true, engine: { kind: "unix", socketPath: "/tmp/real.sock" }, stateDir: expect.stringMatching(/\.stackfleet\/cloud\/drills$/) as string });
  });

  it.each([["y", 0], ["no", 1], [undefined, 1]])("asks on a terminal: %j exits %d", async (answer, expected) => {
    const questions: string[] = [];
    const { code } = await world().run(["drill", "chunkstore", "--docker"], context(fakeModule([good]), { interactive: true, ask: (question) => {
      questions.push(question);
      return Promise.resolve(answer);
    } }));
    expect(code).toBe(expected);
    expect(questions).toEqual(["drill chunkstore on unix:///var/run/docker.sock? [y/N] "]);
  });

  it("refuses a DOCKER_HOST that it can't use", async () => {
    const outside = world();
    const { code, stderr } = await outside.run(["drill", "chunkstore", "--docker", "--yes"], context(fakeModule([good]), { env: { STACKFLEET_ROOT: outside.cwd, DOCKER_HOST: "ssh://host" } }));
    expect(code).toBe(2);
    expect(stderr).toContain("DOCKER_HOST can't be used; got ssh://host");
  });
});

describe("Ctrl+C", () => {
  it("puts everything back, ends JSON output in order and exits 130", async () => {
    const outside = world();
    const fake = fakeModule([drill("mess", async (given) => {
      await given.undo.add({ kind: "fix", what: "a" });
      outside.send("SIGINT");
      given.signal.throwIfAborted();
    })]);
    const { code, stdout, stderr } = await outside.run(["drill", "chunkstore", "--output", "json"], context(fake));
    expect(code).toBe(130);
    expect(fake.system.done).toEqual(["a"]);
    expect(lastLine(stdout)).toMatchObject({ type: "drill.finished", status: "failed" });
    expect(stderr).toContain("SIGINT: putting back what the drill broke");
    expect(stderr).toContain("interrupted; everything was put back");
  });

  it("before the first drill ends JSON output in order, too", async () => {
    const outside = world();
    const { code, stdout, stderr } = await outside.run(["drill", "chunkstore", "--output", "json"], context(fakeModule([good]), {
      commands: () => Promise.resolve({
        readOutputs: () => {
          outside.send("SIGTERM");
          return Promise.reject(new Error("the CLI was ended"));
        },
        shellEnvironment: () => Promise.reject(new Error()), resetFleet: () => Promise.reject(new Error()),
      }),
    }));
    expect({ code, stderr }).toEqual({ code: 130, stderr: "error: interrupted [interrupted]\n" });
    expect(lastLine(stdout)).toEqual({ type: "drill.finished", status: "failed", checks: [] });
  });

  it("a second time leaves the rest to the next drill", async () => {
    const outside = world();
    const fake = fakeModule([drill("mess", async (given) => {
      await given.undo.add({ kind: "fix", what: "a" });
      outside.send("SIGINT");
      outside.send("SIGINT");
      given.signal.throwIfAborted();
    })]);
    const { code, stderr } = await outside.run(["drill", "chunkstore"], context(fake));
    expect(code).toBe(130);
    expect(fake.log.actions).toEqual([{ kind: "fix", what: "a" }]);
    expect(stderr).toContain("still to put back: fix a; the next drill begins with it\ninterrupted\n");
  });
});

describe("the lock", () => {
  const lockFile = (cwd: string): string => path.join(cwd, ".stackfleet", "local", "drills", "chunkstore.lock");
  const hold = (cwd: string, file: string, holder: object): void => {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(holder));
    expect(file.startsWith(cwd)).toBe(true);
  };

  it("keeps a second drill of the stack out", async () => {
    const outside = world();
    hold(outside.cwd, lockFile(outside.cwd), ownIdentity());
    const { code, stderr } = await outside.run(["drill", "chunkstore"], context(fakeModule([good])));
    expect(code).toBe(1);
    expect(stderr).toContain(`a drill of stack chunkstore is in progress: process ${process.pid}`);
    expect(existsSync(lockFile(outside.cwd))).toBe(true);
  });

  it("of a dead drill is taken over, and given back", async () => {
    const outside = world();
    hold(outside.cwd, lockFile(outside.cwd), { ...ownIdentity(), startedAt: "1" });
    expect((await outside.run(["drill", "chunkstore"], context(fakeModule([good])))).code).toBe(0);
    expect(existsSync(lockFile(outside.cwd))).toBe(false);
  });

  it("keeps a drill out while a run changes the fleet", async () => {
    const outside = world();
    hold(outside.cwd, path.join(outside.cwd, ".stackfleet", "run.lock"), { run: "r1", operation: "up", since: "2030-01-01T00:00:00Z", ...ownIdentity() });
    const { code, stderr } = await outside.run(["drill", "chunkstore"], context(fakeModule([good])));
    expect(code).toBe(1);
    expect(stderr).toContain("run r1 (up, process");
    expect(existsSync(lockFile(outside.cwd))).toBe(false);
  });
});
