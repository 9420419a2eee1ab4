/** `graph`, `outputs`, `env`, `reset`: what a fleet is, what it gave, and how a shell reaches it. */
import { withSignal } from "../interrupt";
import type { CliContext } from "../context";
import { EXIT } from "../errors";
import type { FleetOptions } from "../options";
import { table } from "../table";

export interface GraphOptions extends FleetOptions { readonly output: "text" | "mermaid" | "json" }

export async function graphCommand(options: GraphOptions, context: CliContext): Promise<number> {
  const { topology } = await (await context.fleet()).loadFleet(fleetOf(options, context));
  const { buildGraph, renderGraph } = await context.graph();
  context.stdout.write(`${renderGraph(buildGraph(topology), options.output).trimEnd()}\n`);
  return EXIT.ok;
}

export interface OutputsOptions extends FleetOptions { readonly output?: "text" | "json"; readonly showSecrets?: boolean }

/** What stands for a secret, as Pulumi prints it. */
const MASK = "[secret]";

export async function outputsCommand(stack: string | undefined, options: OutputsOptions, context: CliContext): Promise<number> {
  const outputs = await withSignal(context, async (signal) => (await context.commands()).readOutputs({
    ...fleetOf(options, context), report: sayOn(context), signal, showSecrets: options.showSecrets ?? false, ...(stack !== undefined && { stack }),
  }));
  const shown = Object.fromEntries(Object.entries(outputs).map(([name, values]) => [
    name, Object.fromEntries(Object.entries(values).map(([key, { value, secret }]) => [key, secret && !options.showSecrets ? MASK : value])),
  ]));
  if (options.output === "json") {
    context.stdout.write(`${JSON.stringify(stack === undefined ? shown : (shown[stack] ?? {}), undefined, 2)}\n`);
    return EXIT.ok;
  }
  const rows = Object.entries(shown).flatMap(([name, values]) => Object.entries(values).map(([key, value]) => [name, key, typeof value === "string" ? value : JSON.stringify(value)]));
  if (rows.length === 0) context.stderr.write("no outputs; stackfleet up brings the stacks up\n");
  else context.stdout.write(table(["STACK", "OUTPUT", "VALUE"], rows));
  return EXIT.ok;
}

export async function envCommand(options: FleetOptions, context: CliContext): Promise<number> {
  const { exports, functions } = await withSignal(context, async (signal) => (await context.commands()).shellEnvironment({ ...fleetOf(options, context), report: sayOn(context), signal }));
  const lines = [...Object.entries(exports).map(([name, value]) => `export ${name}=${shellQuote(value)}`), ...functions];
  context.stdout.write(`${lines.join("\n")}\n`);
  return EXIT.ok;
}

/** One word for any POSIX shell, whatever is in it. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export async function resetCommand(context: CliContext): Promise<number> {
  const removed = await (await context.commands()).resetFleet({ cwd: context.cwd });
  context.stdout.write(removed.map((path) => `removed ${path}\n`).join(""));
  return EXIT.ok;
}

function fleetOf(options: FleetOptions, context: CliContext): { cwd: string; target: FleetOptions["target"]; config?: string } {
  return { cwd: context.cwd, target: options.target, ...(options.config !== undefined && { config: options.config }) };
}

function sayOn(context: CliContext): (line: string) => void {
  return (line) => void context.stderr.write(`${line}\n`);
}
