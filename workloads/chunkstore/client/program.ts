/** The commands' words, options and help: the same in a shell, in the image and in an interactive session. Loads no more than the parser. */
import { Command, Option } from "commander";

export type Invocation =
  | { readonly command: "login"; readonly user: string; readonly password?: string }
  | { readonly command: "logout" }
  | { readonly command: "ls"; readonly tags: readonly string[] }
  | { readonly command: "upload"; readonly file: string; readonly tags: readonly string[]; readonly name?: string }
  | { readonly command: "download"; readonly file: string; readonly target?: string; readonly force: boolean }
  | { readonly command: "delete"; readonly file: string; readonly yes: boolean }
  | { readonly command: "locations"; readonly file: string }
  | { readonly command: "status" };

/** Takes what was asked for; `command` is the one that was named, for its options. */
export type Invoke = (invocation: Invocation, command: Command) => Promise<void>;

/** Adds the commands to a parent. */
export function addChunkCommands(parent: Command, invoke: Invoke): void {
  parent.command("login").summary("log in and keep the token").description("Log in; the token is kept for later commands, until it expires.")
    .argument("<user>", "account of the cluster")
    .argument("[password]", "asked for when it is missing, or read as a line of standard input; as an argument, other users of this machine can see it")
    .action((user: string, password: string | undefined, _, command: Command) => invoke({ command: "login", user, ...(password !== undefined && { password }) }, command));
  parent.command("logout").summary("forget the token").description("Forget the token.").action((_, command: Command) => invoke({ command: "logout" }, command));
  parent.command("ls").summary("list files").description("List files, sorted by name.").argument("[tags...]", "only files that have all of these")
    .action((tags: string[], _, command: Command) => invoke({ command: "ls", tags }, command));
  parent.command("upload").summary("store a file").description("Store a file, in place of one of the same name. Returns once it is safe on disks of several chunkservers.")
    .argument("<file>", "file on this machine; - for standard input").argument("[tags...]", "words to find it by")
    .option("--name <name>", "name in the store (default: the file's own)")
    .action((file: string, tags: string[], { name }: { name?: string }, command: Command) => invoke({ command: "upload", file, tags, ...(name !== undefined && { name }) }, command));
  parent.command("download").summary("save a file here").description("Save a file here, verified; nothing is left behind when that fails.")
    .argument("<file>", "name in the store").argument("[target]", "file or folder (default: this folder); - for standard output")
    .option("--force", "overwrite the target")
    .action((file: string, target: string | undefined, { force = false }: { force?: boolean }, command: Command) => invoke({ command: "download", file, force, ...(target !== undefined && { target }) }, command));
  parent.command("delete").summary("delete a file").description("Delete a file from the store, for everybody.").argument("<file>", "name in the store")
    .option("--yes", "do not ask")
    .action((file: string, { yes = false }: { yes?: boolean }, command: Command) => invoke({ command: "delete", file, yes }, command));
  parent.command("locations").summary("show where a file's chunks are").description("Show which chunkservers hold which chunk of a file.").argument("<file>", "name in the store")
    .action((file: string, _, command: Command) => invoke({ command: "locations", file }, command));
  parent.command("status").summary("show the cluster").description("Show the cluster's nodes and replication, as one controller sees them.")
    .action((_, command: Command) => invoke({ command: "status" }, command));
  for (const command of parent.commands) command.allowExcessArguments(false); // a parent's leniency would be inherited
}

/** Options that the image's program and the fleet's have in common. */
export interface EndpointOptions { readonly endpoint?: readonly string[]; readonly output: "text" | "json" }

export function endpointOption(otherwise: string): Option {
  return new Option("--endpoint <url>", `address of a controller; may be repeated (default: CHUNKSTORE_ENDPOINTS, else ${otherwise})`).argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
}

export function outputFormOption(): Option {
  return new Option("--output <form>", "form of the output").choices(["text", "json"]).default("text");
}
