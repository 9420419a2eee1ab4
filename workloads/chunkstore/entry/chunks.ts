/** The command line inside the image: `chunks`, or `chunks <command>`, on the cluster's own network. */
import { Command, CommanderError } from "commander";
import { askHidden, ChunksCommands, ChunkStoreError, endpointsByName, GIVEN, parseEndpoints, runSession, splitEndpoints, userSessionFile, writeTo, type ChunksTarget, type ChunksWorld, type Cluster } from "../client";
import { interrupted } from "../client/errors";
import { addChunkCommands, endpointOption, outputFormOption, type EndpointOptions, type Invocation } from "../client/program";
import { safe } from "../client/text";
import { unknownCommand, usageFault } from "../client/usage";
import { createInterface } from "node:readline";
import { CONTROLLER_ALIAS } from "../contract/settings";

const { stdin, stdout, stderr, env } = process;
const NAME = "chunks";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function onSignal(listener: (signal: string) => void): () => void {
  for (const signal of SIGNALS) process.on(signal, listener);
  return () => SIGNALS.forEach((signal) => process.off(signal, listener));
}

/** Ctrl+C of a terminal in raw mode, as the signal that it is otherwise. */
function interruptSelf(): void {
  process.kill(process.pid, "SIGINT");
}

const world: ChunksWorld = {
  cwd: process.cwd(), stdout, stderr, stdin, interactive: stdin.isTTY && stderr.isTTY,
  ask: (question, signal) => new Promise((resolve) => {
    const lines = createInterface({ input: stdin, output: stderr });
    lines.on("SIGINT", interruptSelf);
    lines.on("close", () => resolve(undefined));
    signal.addEventListener("abort", () => lines.close(), { once: true });
    lines.question(question, (answer) => {
      resolve(answer);
      lines.close();
    });
  }),
  askHidden: (question, signal) => askHidden(question, { input: stdin, output: stderr, signal, onInterrupt: interruptSelf }),
  writeContent: (piece) => writeTo(stdout, piece),
};

function targetOf({ endpoint }: EndpointOptions): ChunksTarget {
  return {
    command: NAME, sessionFile: userSessionFile(env),
    cluster: async (): Promise<Cluster> => {
      const given = endpoint ?? splitEndpoints(env["CHUNKSTORE_ENDPOINTS"] ?? "");
      if (given.length > 0) return { source: GIVEN, endpoints: parseEndpoints(given) };
      const alias = env["CONTROLLER_ALIAS"] || CONTROLLER_ALIAS;
      return { source: `name:${alias}`, endpoints: await endpointsByName(alias) };
    },
  };
}

function report(error: unknown): number {
  const { message, options, exitCode, code } = error instanceof ChunkStoreError ? error
    : new ChunkStoreError("internal", error instanceof Error ? error.message : String(error), { fix: "run it again with CHUNKS_DEBUG=1 to see where it comes from" });
  const lines = [`error: ${message} [${code}]`, ...(options.details ?? []).map((detail) => `  ${detail}`), ...(options.fix === undefined ? [] : [`  fix: ${options.fix}`])];
  stderr.write(lines.map((line) => `${line.startsWith("  ") ? "  " : ""}${safe(line).trim()}\n`).join(""));
  if (env["CHUNKS_DEBUG"] === "1" && error instanceof Error) stderr.write(`${error.stack ?? ""}\n`);
  return exitCode;
}

/** One command, which a signal ends. */
async function once(invocation: Invocation, options: EndpointOptions): Promise<void> {
  const abort = new AbortController();
  const stopListening = onSignal(() => abort.abort(interrupted()));
  const commands = new ChunksCommands({ world, target: targetOf(options), output: options.output });
  try {
    await commands.run(invocation, abort.signal);
  } finally {
    stopListening();
    await commands.close();
  }
}

async function interactive(options: EndpointOptions): Promise<number> {
  if (!world.interactive) throw new ChunkStoreError("usage", "command: missing; got none, and no terminal for a session; expected a command", { fix: `see ${NAME} --help` });
  const target = { ...targetOf(options), command: "" };
  const usual = await runSession({
    input: stdin, output: stderr, stdout, cwd: world.cwd, onSignal, report: (error) => void report(error),
    commands: (asking) => new ChunksCommands({ world: { ...world, ...asking }, target, output: options.output, session: true }),
  });
  return usual ? 0 : 130;
}

async function main(argv: readonly string[]): Promise<number> {
  let code = 0;
  const program = new Command(NAME).exitOverride().configureOutput({ outputError: () => undefined })
    .description("Stores files on the cluster, and gets them back. Without a command: an interactive session.")
    .addOption(endpointOption(`all addresses of ${CONTROLLER_ALIAS}`)).addOption(outputFormOption())
    .helpCommand("help [command]", "show the help of a command").helpOption("-h, --help", "show this help").configureHelp({ showGlobalOptions: true })
    .addHelpText("after", "\nExit codes: 0 all well, 1 it failed, 2 wrong usage, 130 interrupted.")
    .allowExcessArguments().action(async (options: EndpointOptions, command: Command) => {
      const [word] = command.args;
      if (word !== undefined) throw unknownCommand(word, command.commands.map((one) => one.name()), `${NAME} --help`);
      code = await interactive(options);
    });
  addChunkCommands(program, (invocation, command) => once(invocation, command.optsWithGlobals<EndpointOptions>()));
  try {
    await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) return report(error);
    return error.exitCode === 0 ? 0 : report(usageFault(error, `${NAME} --help`));
  }
}

for (const stream of [stdout, stderr]) stream.on("error", () => undefined); // a reader that went away is told where it matters
main(process.argv.slice(2)).then((code) => { process.exitCode = code; }, (error: unknown) => { process.exitCode = report(error); });
