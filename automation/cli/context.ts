/** What the commands need of the world; tests give their own. Everything heavy is a function that loads it when called. */
import { createInterface } from "node:readline";
import { systemClock, type RenderClock, type Terminal } from "../render/renderer";
import type { LocalCloudModule } from "./local-port";

export type RunModule = Pick<typeof import("../run"), "prepareRun">;
export type CommandsModule = Pick<typeof import("../run/commands"), "readOutputs" | "shellEnvironment" | "resetFleet">;
export type FleetModule = Pick<typeof import("../run/prepare"), "loadFleet">;
export type DrillsModule = typeof import("../../drills");
export type GraphModule = Pick<typeof import("../graph"), "buildGraph" | "renderGraph">;

export interface CliContext {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Results. */
  readonly stdout: Terminal;
  /** All else. */
  readonly stderr: Terminal;
  /** True when a question can be asked and answered. */
  readonly interactive: boolean;
  readonly clock: RenderClock;
  /** Asks on stderr. Resolves to the line; to undefined at the end of input or when the signal aborts. */
  ask(question: string, signal: AbortSignal): Promise<string | undefined>;
  /** SIGINT, SIGTERM and SIGHUP. @returns a function that stops listening */
  onSignal(listener: (signal: string) => void): () => void;
  run(): Promise<RunModule>;
  commands(): Promise<CommandsModule>;
  fleet(): Promise<FleetModule>;
  graph(): Promise<GraphModule>;
  localCloud(): Promise<LocalCloudModule>;
  drills(): Promise<DrillsModule>;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The real world. */
export function systemContext(): CliContext {
  const { stdin, stdout, stderr } = process;
  return {
    cwd: process.cwd(), env: process.env, stdout, stderr, clock: systemClock,
    interactive: stdin.isTTY === true && stderr.isTTY === true,
    ask: askOnTerminal,
    onSignal: (listener) => {
      for (const signal of SIGNALS) process.on(signal, listener);
      return () => SIGNALS.forEach((signal) => process.off(signal, listener));
    },
    run: () => import("../run/index.js"),
    commands: () => import("../run/commands.js"),
    fleet: () => import("../run/prepare.js"),
    graph: () => import("../graph/index.js"),
    localCloud: () => import("../../local/client.js"),
    drills: () => import("../../drills/index.js"),
  };
}

async function askOnTerminal(question: string, signal: AbortSignal): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise<string | undefined>((resolve) => {
      // In raw mode Ctrl+C is a key and no signal: handed on, so that it means here what it means everywhere.
      lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
      lines.on("close", () => resolve(undefined));
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
      lines.question(question, resolve);
    });
  } finally {
    lines.close();
  }
}
