/** `chunks …`: the chunk store's commands, with the controllers of a stack's outputs and the fleet's own session file. */
import { existsSync } from "node:fs";
import * as path from "node:path";
import {
  askHidden, ChunksCommands, ChunkStoreError, GIVEN, parseEndpoints, runSession, splitEndpoints, userSessionFile, writeTo,
  type ChunksTarget, type ChunksWorld, type Cluster,
} from "../../../workloads/chunkstore/client";
import type { EndpointOptions, Invocation } from "../../../workloads/chunkstore/client/program";
import { unknownCommand } from "../../../workloads/chunkstore/client/usage";
import { FleetError } from "../../errors";
import { CONFIG_NAMES, findRoot, layoutAt } from "../../layout";
import type { CliContext } from "../context";
import { EXIT, reportError, usageError } from "../errors";
import { withSignal } from "../interrupt";
import type { FleetOptions } from "../options";

export interface ChunksCommandOptions extends FleetOptions, EndpointOptions { readonly stack: string }

export async function chunksCommand(invocation: Invocation, options: ChunksCommandOptions, context: CliContext): Promise<number> {
  const commands = new ChunksCommands({ world: worldOf(context), target: targetOf(options, context, "stackfleet chunks"), output: options.output });
  try {
    await withSignal(context, (signal) => commands.run(invocation, signal));
    return EXIT.ok;
  } catch (error) {
    throw asFleetError(error);
  } finally {
    await commands.close();
  }
}

/** Without a command: a prompt, on a terminal. */
export async function chunksSession(options: ChunksCommandOptions, context: CliContext): Promise<number> {
  if (!context.interactive) throw usageError("chunks: missing command; got none, and no terminal for a session; expected a command", "see stackfleet chunks --help");
  const world = worldOf(context);
  const target = targetOf(options, context, "");
  const usual = await runSession({
    input: process.stdin, output: process.stderr, stdout: context.stdout, cwd: context.cwd, onSignal: (listener) => context.onSignal(listener),
    report: (error) => void reportError(asFleetError(error), context),
    commands: (asking) => new ChunksCommands({ world: { ...world, ...asking }, target, output: options.output, session: true }),
  });
  return usual ? EXIT.ok : EXIT.interrupted;
}

/** A first word that is none of the commands. */
export function noSuchCommand(word: string, commands: readonly string[]): unknown {
  return asFleetError(unknownCommand(word, commands, "stackfleet chunks --help"));
}

function worldOf(context: CliContext): ChunksWorld {
  return {
    cwd: context.cwd, stdout: context.stdout, stderr: context.stderr, stdin: process.stdin, interactive: context.interactive,
    ask: (question, signal) => context.ask(question, signal),
    askHidden: (question, signal) => askHidden(question, { input: process.stdin, output: context.stderr, signal, onInterrupt: () => process.kill(process.pid, "SIGINT") }),
    writeContent: (piece) => writeTo(process.stdout, piece),
  };
}

function targetOf(options: ChunksCommandOptions, context: CliContext, command: string): ChunksTarget {
  const root = findRoot(context.cwd, context.env);
  const inFleet = [".stackfleet", ...CONFIG_NAMES].some((name) => existsSync(path.join(root, name)));
  return {
    command, sessionFile: inFleet ? path.join(layoutAt(root).home, options.target, "chunkstore-session.json") : userSessionFile(context.env),
    cluster: async (signal): Promise<Cluster> => {
      const given = options.endpoint ?? splitEndpoints(context.env["CHUNKSTORE_ENDPOINTS"] ?? "");
      return given.length > 0 ? { source: GIVEN, endpoints: parseEndpoints(given) } : fromStack(options, context, signal);
    },
  };
}

/** @throws FleetError `unknown-stack`, or `no-endpoints` when the stack isn't up */
async function fromStack({ stack, target, config }: ChunksCommandOptions, context: CliContext, signal: AbortSignal): Promise<Cluster> {
  const outputs = await (await context.commands()).readOutputs({ cwd: context.cwd, target, stack, signal, ...(config !== undefined && { config }) });
  const value = outputs[stack]?.["endpoints"]?.value;
  const endpoints = Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
  if (endpoints.length === 0) {
    throw new FleetError("no-endpoints", `stack ${stack} has no controllers; got ${value === undefined ? "no output endpoints" : JSON.stringify(value)}; expected a list of addresses`, {
      source: "user", exitCode: 1, fix: `bring it up with stackfleet up ${stack}, or name a controller with --endpoint`,
    });
  }
  return { source: `stack:${stack}`, endpoints: parseEndpoints(endpoints) };
}

function asFleetError(error: unknown): unknown {
  if (!(error instanceof ChunkStoreError)) return error;
  const { fix, details } = error.options;
  return new FleetError(error.code, error.message, { source: "user", exitCode: error.exitCode === 2 ? 2 : 1, cause: error, ...(fix !== undefined && { fix }), ...(details && { details }) });
}
