/** `npm run bench [-- NAME] [options of NAME]`: measures in one run what the README claims, side by side. */
import { benchChunkstore } from "./chunkstore";
import { benchStacks } from "./stacks";
import { benchOverlap } from "./overlap";

const BENCHMARKS: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = { stacks: benchStacks, overlap: benchOverlap, chunkstore: benchChunkstore };

async function main(argv: readonly string[]): Promise<void> {
  const [first, ...rest] = argv;
  if (first !== undefined && !first.startsWith("-")) {
    const chosen = BENCHMARKS[first];
    if (chosen === undefined) throw new Error(`unknown benchmark; got ${first}; expected one of ${Object.keys(BENCHMARKS).join(", ")}`);
    return chosen(rest);
  }
  for (const bench of Object.values(BENCHMARKS)) await bench(argv);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
