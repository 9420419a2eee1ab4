/** The command line: every command, its options and its help. Commands load their code when they run. */
import { Command } from "commander";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import type { Operation } from "../events";
import type { CliContext } from "./context";
import type { RunCommandOptions } from "./commands/run";
import { addChunksCommands } from "./chunks-program";
import { addDrillCommand } from "./drill-program";
import { addLocalCommands } from "./local-program";
import { outputOption, parseParallel, withFleetOptions } from "./options";

/** Runs a command's code. */
export type Act = (work: () => Promise<number>) => Promise<void>;

/** Exit codes belong to every command; so does the way back from an interruption. */
const EPILOGUE = `
Exit codes: 0 all well, 1 a stack failed, 2 wrong usage or config, 130 interrupted.
Environment: STACKFLEET_ROOT the folder whose .stackfleet is used; NO_COLOR no colours; STACKFLEET_DEBUG=1 stack traces.`;

export interface ProgramOptions {
  readonly context: CliContext;
  /** Takes a command's exit code. */
  readonly done: (code: number) => void;
}

/** Throws CommanderError for wrong usage, for help and for the version. */
export function buildProgram({ context, done }: ProgramOptions): Command {
  const program = new Command("stackfleet");
  const act: Act = async (work) => done(await work());
  program
    .description("Brings many Pulumi stacks up in parallel, stops at any moment, and goes on from Pulumi's own checkpoint.")
    .exitOverride()
    .configureOutput({ writeOut: (text) => void context.stdout.write(text), writeErr: (text) => void context.stderr.write(text), outputError: () => undefined,
      ...(context.stdout.columns !== undefined && { getOutHelpWidth: () => context.stdout.columns ?? 80 }) })
    .version(packageVersion(), "-V, --version", "print the version")
    .helpCommand("help [command]", "show the help of a command")
    .helpOption("-h, --help", "show this help")
    .addHelpText("after", `
Examples:
  stackfleet up                          bring the whole fleet up in the local cloud
  stackfleet preview 'region-*'          what would change in these stacks
  stackfleet status --watch              follow the run from another terminal
  stackfleet destroy                     remove everything, in reverse order
${EPILOGUE}`);
  addRunCommands(program, context, act);
  addFleetCommands(program, context, act);
  addLocalCommands(program, context, act);
  addChunksCommands(program, context, act);
  addDrillCommand(program, context, act);
  return program;
}

interface RunHelp { readonly operation: Operation; readonly summary: string; readonly help: string }
const SELECTORS = `
Selectors: exact names, globs ('eu-*'), tag:x; +x adds the dependencies of x, x+ its dependents. Default: every stack.`;
const RUN_COMMANDS: readonly RunHelp[] = [
  { operation: "up", summary: "create or update stacks, dependencies first", help: `
The first Ctrl+C starts nothing new and lets running stacks finish what is in flight; the second terminates. The same
command then goes on from there.

Examples:
  stackfleet up
  stackfleet up +eu-west-1               a stack and all it depends on
  stackfleet up --config examples/constellation.json --parallel 4
  stackfleet up aerospike --only client  one part of a stack, without touching the rest
  stackfleet up --target cloud --yes     real accounts, without a question` },
  { operation: "preview", summary: "show what up would do to the whole fleet, and check the policies", help: `
Outputs that an upstream preview can't know yet are handed on as unknown.

Examples:
  stackfleet preview
  stackfleet preview home --output json` },
  { operation: "refresh", summary: "bring the state in line with what exists", help: `
Examples:
  stackfleet refresh
  stackfleet refresh eu-west-1` },
  { operation: "destroy", summary: "remove stacks, dependents first", help: `
In the local cloud no confirmation is asked. Destroying a load test's home stack deletes its results.

Examples:
  stackfleet destroy
  stackfleet destroy eu-west-1           this stack alone
  stackfleet destroy home+               a stack and all that depends on it
  stackfleet destroy --removed           stacks that are no longer in the config` },
];

function addRunCommands(program: Command, context: CliContext, act: Act): void {
  for (const { operation, summary, help } of RUN_COMMANDS) {
    const command = withFleetOptions(program.command(operation).summary(summary).description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`))
      .argument("[selector...]", "stacks to work on")
      .option("--parallel <n>", "stacks at once: a number, or auto", parseParallel, "auto")
      .option("--fail-fast", "start nothing new after the first failure (default: independent stacks go on)")
      .addOption(outputOption(["tty", "plain", "json"], "how to show the run (default: tty on a terminal, else plain)"))
      .option("--yes", "do not ask; needed in the cloud without a terminal")
      .addHelpText("after", `${SELECTORS}\n${help}`);
    if (operation === "up" || operation === "preview") command.option("--only <part>", "one part of the one selected stack, as its program names it");
    if (operation === "destroy") command.option("--removed", "the stacks that are deployed but no longer in the config");
    command.action((selectors: string[], options: RunCommandOptions) => act(async () => {
      const { runCommand } = await import("./commands/run.js");
      return runCommand(operation, selectors, options, context);
    }));
  }
}

const fleetCommands = () => import("./commands/fleet.js");

function addFleetCommands(program: Command, context: CliContext, act: Act): void {
  program.command("status").description("Show the run that goes on, or the last one; from any terminal.")
    .option("--watch", "follow the run until it ends; with json, one line a change")
    .addOption(outputOption(["text", "json"], "form of the output").default("text"))
    .addHelpText("after", "\nExamples:\n  stackfleet status --watch\n  stackfleet status --output json")
    .action((options: import("./commands/status").StatusOptions) => act(async () => {
      const { statusCommand } = await import("./commands/status.js");
      return statusCommand(options, context);
    }));
  withFleetOptions(program.command("graph").description("Show the stacks and what they depend on."))
    .addOption(outputOption(["text", "mermaid", "json"], "form of the output").default("text"))
    .addHelpText("after", "\nExamples:\n  stackfleet graph\n  stackfleet graph --output mermaid > fleet.mmd")
    .action((options: import("./commands/fleet").GraphOptions) => act(async () => (await fleetCommands()).graphCommand(options, context)));
  withFleetOptions(program.command("outputs").description("Show the outputs of the stacks."))
    .argument("[stack]", "one stack (default: all)")
    .addOption(outputOption(["text", "json"], "form of the output").default("text"))
    .option("--show-secrets", "show secrets in the clear")
    .addHelpText("after", "\nExamples:\n  stackfleet outputs\n  stackfleet outputs home --output json")
    .action((stack: string | undefined, options: import("./commands/fleet").OutputsOptions) => act(async () => (await fleetCommands()).outputsCommand(stack, options, context)));
  withFleetOptions(program.command("env").description("Print what a shell needs for plain pulumi on these stacks; starts the local cloud."))
    .addHelpText("after", "\nExamples:\n  eval \"$(stackfleet env)\" && pulumi up -s home")
    .action((options: import("./options").FleetOptions) => act(async () => (await fleetCommands()).envCommand(options, context)));
  program.command("reset").description("Forget all runs, the state and the local cloud; refuses while resources exist.")
    .addHelpText("after", "\nExamples:\n  stackfleet destroy && stackfleet reset")
    .action(() => act(async () => (await fleetCommands()).resetCommand(context)));
}

/** From package.json, beside the sources as beside `dist/`. */
function packageVersion(): string {
  for (const up of [["..", ".."], ["..", "..", ".."]]) {
    try {
      const { name, version } = JSON.parse(readFileSync(path.join(__dirname, ...up, "package.json"), "utf8")) as { name?: string; version?: string };
      if (name === "stackfleet" && version !== undefined) return version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return "unknown";
}
