/** The `local …` half of the command line. */
import type { Command } from "commander";
import type { NewFault } from "../../local/protocol";
import type { CliContext } from "./context";
import { outputOption, parseDelay, parseNth, parseTimeScale, requiredOption } from "./options";

type Act = (work: () => Promise<number>) => Promise<void>;
type JsonOption = import("./commands/local").JsonOption;
type OneWayOption = import("./commands/local-network").OneWayOption;
const commands = () => import("./commands/local.js");
const networkCommands = () => import("./commands/local-network.js");

/** Kept equal to the kinds of `local/protocol.ts` by its type: that module brings a schema library, which the help does not need. */
const FAULT_KINDS = Object.keys({
  fail: true, throttle: true, hang: true, "drop-reply": true, slow: true, "action-required": true, rejected: true, expired: true, failed: true,
} satisfies Record<NewFault["kind"], true>);

export function addLocalCommands(program: Command, context: CliContext, act: Act): void {
  const local = program.command("local").description("The local cloud: a daemon that serves the providers for rehearsals and tests.");
  const json = () => outputOption(["text", "json"], "form of the output").default("text");
  local.command("start").description("Start it; does nothing when it runs. Runs start it by themselves.")
    .option("--time-scale <n>", "simulated seconds a second (default: 60, or as it was)", parseTimeScale)
    .addHelpText("after", "\nExamples:\n  stackfleet local start --time-scale 10")
    .action((options: { timeScale?: number }) => act(async () => (await commands()).localStart(options, context)));
  local.command("stop").description("Stop it and the processes it runs; its resources are kept. Not while a run or a drill needs it.")
    .option("--force", "also in the middle of a run or a drill, which fails then")
    .action((options: { force?: boolean }) => act(async () => (await commands()).localStop(options, context)));
  local.command("status").description("Show it and its containers.").addOption(json())
    .action((options: JsonOption) => act(async () => (await commands()).localStatus(options, context)));
  local.command("ledger").description("Show every create, read, update and delete that its providers were asked for.").addOption(json())
    .addHelpText("after", "\nExamples:\n  stackfleet local ledger --output json | jq '.[] | select(.operation == \"create\")'")
    .action((options: JsonOption) => act(async () => (await commands()).localLedger(options, context)));
  local.command("logs").description("Print the log of a container.").argument("<container>", "an id of `local status`")
    .option("-f, --follow", "go on as it grows")
    .action((container: string, options: { follow?: boolean }) => act(async () => (await commands()).localLogs(container, options, context)));
  local.command("kill").description("Kill the process of a container, as a crash would.").argument("<container>", "an id of `local status`")
    .action((container: string) => act(async () => (await commands()).localKill(container, context)));
  addNetworkCommands(local, context, act, json);
  addFaultCommands(local, context, act, json);
}

function addNetworkCommands(local: Command, context: CliContext, act: Act, json: () => ReturnType<typeof outputOption>): void {
  const network = local.command("network").description("The containers' networks, and links between containers that are cut or slow.");
  const id = "an id of `local status`, its start, or an alias";
  network.command("list", { isDefault: true }).description("Show networks, who is on them, and links that are not open.").addOption(json())
    .action((options: JsonOption) => act(async () => (await networkCommands()).networkList(options, context)));
  network.command("cut").description("Let nothing through between two containers, without telling either.").argument("<a>", id).argument("<b>", id)
    .option("--one-way", "only what a sends to b")
    .action((a: string, b: string, options: OneWayOption) => act(async () => (await networkCommands()).networkCut(a, b, options, context)));
  network.command("slow").description("Deliver later what two containers send to each other.").argument("<a>", id).argument("<b>", id)
    .addOption(requiredOption("--delay <time>", "by how much, as 200ms or 1.5s; at most 60s").argParser(parseDelay))
    .option("--one-way", "only what a sends to b")
    .action((a: string, b: string, options: OneWayOption & { delay: number }) => act(async () => (await networkCommands()).networkSlow(a, b, options, context)));
  network.command("heal").description("Open the links between two containers, or all links; what was held back goes on.").argument("[a]", `${id} (default: all)`).argument("[b]", id)
    .action((a: string | undefined, b: string | undefined, _options: unknown, command: Command) => act(async () => {
      if (a !== undefined && b === undefined) command.error("error: missing argument 'b': heal the links between two containers, or all without an argument");
      return (await networkCommands()).networkHeal(a === undefined || b === undefined ? undefined : [a, b], context);
    }));
}

function addFaultCommands(local: Command, context: CliContext, act: Act, json: () => ReturnType<typeof outputOption>): void {
  const fault = local.command("fault").description("Planned faults: each fires once, at a create.");
  fault.command("add").description("Plan a fault.")
    .addOption(requiredOption("--type <token>", "resource type, as aws:ec2/vpc:Vpc"))
    .option("--stack <name>", "only in this stack (default: any)")
    .option("--nth <n>", "at the nth create of the type from now on", parseNth, 1)
    .addOption(requiredOption("--kind <kind>", "what happens", FAULT_KINDS))
    .addHelpText("after", `
Kinds:
  fail         the create fails, nothing is made
  throttle     the service throttles; the provider tries again
  hang         the create never answers, until fault clear
  drop-reply   the work is done and the answer lost

Kinds of Aerospike Cloud's types only, see docs/aerospike.md:
  slow             the answer takes a simulated minute
  action-required  how a cluster ends instead of active
  rejected, expired, failed
                   how a peering ends

Examples:
  stackfleet local fault add --type aws:ec2/vpc:Vpc --stack eu-west-1 --kind fail`)
    .action((options: NewFault) => act(async () => (await commands()).faultAdd(options, context)));
  fault.command("list").description("Show the planned faults.").addOption(json())
    .action((options: JsonOption) => act(async () => (await commands()).faultList(options, context)));
  fault.command("clear").description("Forget all faults; what hangs goes on.").action(() => act(async () => (await commands()).faultClear(context)));
}
