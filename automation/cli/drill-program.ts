/** The `drill` command: its options and its help. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { TARGETS } from "../layout";
import type { CliContext } from "./context";
import { outputOption } from "./options";

type Act = (work: () => Promise<number>) => Promise<void>;

export function addDrillCommand(program: Command, context: CliContext, act: Act): void {
  program.command("drill").summary("break what a stack runs, in a scripted way, and check what comes of it")
    .description("Runs drills: scripted failures with timed, checked steps. Everything is put back, also after Ctrl+C. Without arguments it lists them.")
    .argument("[system]", "what to drill, such as chunkstore")
    .argument("[drill...]", "which of its drills (default: all)")
    .option("--config <file>", "fleet.config.ts, or a Constellation JSON file (default: found from this folder upwards)")
    .addOption(new Option("--target <target>", "where the stack's state lives (default: local; with --docker: cloud)").choices(TARGETS))
    .option("--stack <name>", "the stack to drill (default: named as the system)")
    .option("--docker", "a real Docker engine, at DOCKER_HOST or the default socket (default: the local cloud)")
    .addOption(outputOption(["text", "json"], "form of the output").default("text"))
    .option("--strict-times", "a time over its target is a failure, too")
    .option("--seed <n>", "repeat the moments and choices of an earlier drill", parseSeed)
    .option("--yes", "do not ask; needed with --docker where there is no terminal")
    .addHelpText("after", `
Before anything is broken it says what will be, and how that is put back. Every wrong result fails the drill, exit code 1;
times are compared with their targets, and count only with --strict-times. With --output json the last line is
{"type":"drill.finished","status","checks":[{"drill","check","ok","seconds","detail"}]}.

Examples:
  stackfleet drill
  stackfleet drill chunkstore
  stackfleet drill chunkstore partition conflict --output json
  DOCKER_HOST=unix:///var/run/docker.sock stackfleet drill chunkstore --docker --yes`)
    .action((system: string | undefined, drills: string[], options: import("./commands/drill").DrillOptions) => act(async () => {
      const { drillCommand } = await import("./commands/drill.js");
      return drillCommand(system, drills, options, context);
    }));
}

function parseSeed(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) >= 2 ** 32) throw new InvalidArgumentError("expected a whole number from 0 to 4294967295.");
  return Number(text);
}
