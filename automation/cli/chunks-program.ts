/** The `chunks …` part of the command line: the chunk store's own commands, and where this fleet's controllers are. */
import type { Command } from "commander";
// No more than words and help: the client itself is loaded by the command that runs.
import { addChunkCommands, endpointOption, outputFormOption } from "../../workloads/chunkstore/client/program";
import type { ChunksCommandOptions } from "./commands/chunks";
import type { CliContext } from "./context";
import { withFleetOptions } from "./options";

type Act = (work: () => Promise<number>) => Promise<void>;

export function addChunksCommands(program: Command, context: CliContext, act: Act): void {
  const chunks = withFleetOptions(program.command("chunks").summary("store files on a deployed chunk store, and get them back")
    .description("Stores files on a deployed chunk store, and gets them back. Without a command: an interactive session."))
    .addOption(endpointOption("the outputs of --stack"))
    .option("--stack <name>", "stack whose output `endpoints` names the controllers", "chunkstore")
    .addOption(outputFormOption())
    .helpCommand("help [command]", "show the help of a command")
    .addHelpText("after", `
Any controller will do: when one fails, the next one is asked, and a download goes on where it was.

Examples:
  stackfleet chunks login admin
  stackfleet chunks upload backup.tar weekly
  stackfleet chunks ls weekly
  stackfleet chunks download backup.tar /tmp
  tar -c folder | stackfleet chunks upload - --name folder.tar`)
    .allowExcessArguments()
    .action((options: ChunksCommandOptions, command: Command) => act(async () => {
      const { chunksSession, noSuchCommand } = await import("./commands/chunks.js");
      const [word] = command.args;
      if (word !== undefined) throw noSuchCommand(word, command.commands.map((one) => one.name()));
      return chunksSession(options, context);
    }));
  addChunkCommands(chunks, (invocation, command) => act(async () => (await import("./commands/chunks.js")).chunksCommand(invocation, command.optsWithGlobals<ChunksCommandOptions>(), context)));
  for (const command of chunks.commands) command.configureHelp({ showGlobalOptions: true });
}
