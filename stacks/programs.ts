/** The shipped stack programs by name. Each is loaded when a stack runs it: their packages take long to load. */

/** A stack's program: creates resources, returns the stack's outputs. */
export type StackProgram = () => Promise<Record<string, unknown>>;

interface ProgramModule { readonly program: StackProgram }

const LOADERS: Readonly<Record<string, () => ProgramModule>> = {
  "constellation-home": () => require("./constellation-home") as ProgramModule,
  "constellation-region": () => require("./constellation-region") as ProgramModule,
  aerospike: () => require("./aerospike") as ProgramModule,
  chunkstore: () => require("./chunkstore") as ProgramModule,
};

/** Names that `program` of a stack may have in a fleet config. */
export const PROGRAM_NAMES: readonly string[] = Object.keys(LOADERS);

/** @returns undefined when no shipped program has this name */
export function loadProgram(name: string): StackProgram | undefined {
  return Object.hasOwn(LOADERS, name) ? LOADERS[name]?.().program : undefined;
}
