/** The command line in a world of its own: captured output, signals on demand, a run that plays a recording. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { onTestFinished } from "vitest";
import type { FleetError } from "../../../automation/errors";
import type { FleetEvent, Operation, RunReport } from "../../../automation/events";
import type { CliContext, RunModule } from "../../../automation/cli/context";
import { main } from "../../../automation/cli/main";
import { layoutAt, type Target } from "../../../automation/layout";
import type { PreparedRun, RunOptions } from "../../../automation/run";
import { recording } from "../../golden/replay";

export interface Outcome { readonly code: number; readonly stdout: string; readonly stderr: string }

export interface World {
  readonly cwd: string;
  readonly send: (signal: string) => void;
  readonly run: (argv: readonly string[], overrides?: Partial<CliContext>) => Promise<Outcome>;
}

/** No module of the driver can be reached but those that a test gives. */
export function world(): World {
  const cwd = fs.mkdtempSync(path.join(tmpdir(), "cli-"));
  onTestFinished(() => fs.rmSync(cwd, { recursive: true, force: true }));
  const listeners = new Set<(signal: string) => void>();
  const unreachable = (what: string) => () => Promise.reject(new Error(`the test gave no ${what}`));
  return {
    cwd,
    send: (signal) => listeners.forEach((listener) => listener(signal)),
    run: async (argv, overrides = {}) => {
      let stdout = "";
      let stderr = "";
      const code = await main(argv, {
        cwd, env: { STACKFLEET_ROOT: cwd }, interactive: false,
        stdout: { write: (text) => (stdout += text), columns: 100 }, stderr: { write: (text) => (stderr += text) },
        ask: () => Promise.reject(new Error("the test answers no question")),
        onSignal: (listener) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        run: unreachable("run"), commands: unreachable("commands"), fleet: unreachable("fleet"), graph: unreachable("graph"), localCloud: unreachable("local cloud"),
        ...overrides,
      });
      return { code, stdout, stderr };
    },
  };
}

export interface FakeRun extends RunModule {
  /** What prepareRun was given. */
  asked: RunOptions | undefined;
  /** Stops that were asked for. */
  readonly stops: string[];
}

/** A driver whose run plays a recording; `during` runs before its last event. */
export function fakeRun(name: string, more: { during?: () => void | Promise<void>; selected?: readonly string[]; prepare?: (options: RunOptions) => Promise<void>; fail?: FleetError } = {}): FakeRun {
  const fake: FakeRun = {
    asked: undefined, stops: [],
    prepareRun: async (options) => {
      fake.asked = options;
      await more.prepare?.(options);
      return prepared(name, options.operation, options.target ?? "local", fake.stops, more);
    },
  };
  return fake;
}

function prepared(name: string, operation: Operation, target: Target, stops: string[], more: { during?: () => void | Promise<void>; selected?: readonly string[]; fail?: FleetError }): PreparedRun {
  const events = recording(name);
  const stack = (stackName: string) => ({ name: stackName, program: stackName === "home" ? "constellation-home" : "constellation-region", dependsOn: [], tags: [], config: {} });
  return {
    id: events[0]?.run ?? "", layout: layoutAt("/fleet"), target, operation, selected: more.selected ?? ["home", "eu-west-1"],
    topology: { project: "demo", configFile: "/fleet/fleet.config.ts", policyPacks: [], stacks: ["home", "eu-west-1"].map(stack) },
    describeTarget: () => Promise.resolve({ account: "123456789012", regions: ["eu-central-1", "eu-west-1"] }),
    execute: (listener) => {
      const go = async (): Promise<RunReport> => {
        if (more.fail) throw more.fail;
        events.slice(0, -1).forEach(listener);
        await more.during?.();
        const last = events.at(-1) as FleetEvent;
        listener(last);
        if (last.type !== "run.finished") throw new Error("a recording ends with run.finished");
        const { seq: _seq, time: _time, run: _run, type: _type, ...report } = last;
        return report;
      };
      return { done: Promise.resolve().then(go), stop: (mode, signal) => void stops.push(`${mode} ${signal}`) };
    },
  };
}
