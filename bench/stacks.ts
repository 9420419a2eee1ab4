/** CPU, wall time, memory and CLI processes per stack: this driver beside plain Pulumi, xargs and a naive Promise.all. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { findToolchain } from "../automation/toolchain";
import { ensureStarted } from "../local/client";
import { naive, plainPulumi, stackfleet, xargs, type Contender, type Ground } from "./contenders";
import { measure, type Figures } from "./measure";

const PARALLEL = 8;
/** So fast that the provider's modelled latency does not count: this benchmark is about the tools. */
const TIME_SCALE = 100_000;
const OPERATIONS = ["create", "no-op", "destroy"] as const;

/** Prints one Markdown table for each number of stacks. */
export async function benchStacks(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { stacks: { type: "string", default: "1,10,40" } } });
  const sizes = values.stacks.split(",").map(Number);
  if (sizes.some((size) => !Number.isSafeInteger(size) || size < 1)) throw new Error(`--stacks: got ${values.stacks}; expected whole numbers from 1, such as 1,10,40`);
  const report = (line: string): void => { process.stderr.write(`${line}\n`); };
  const toolchain = await findToolchain({ report });
  for (const size of sizes) {
    const dir = mkdtempSync(path.join(tmpdir(), "stackfleet-bench-"));
    const root = path.join(dir, "stackfleet");
    mkdirSync(root);
    const cloud = await ensureStarted({ dir: path.join(root, ".stackfleet", "local", "cloud"), timeScale: TIME_SCALE, report });
    try {
      const ground = groundOf(dir, size, toolchain, cloud.env());
      const rows = new Map<string, Record<(typeof OPERATIONS)[number], Figures>>();
      for (const make of [(g: Ground) => stackfleet(g, root), naive, xargs, plainPulumi]) {
        const contender = make({ ...ground, dir: contenderDir(dir, rows.size) });
        report(`${size} stacks: ${contender.name}`);
        rows.set(contender.name, await measureAll(contender, path.join(dir, "cli-count")));
      }
      process.stdout.write(table(size, rows));
    } finally {
      await cloud.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  }
}

async function measureAll({ up, destroy, cwd, env }: Contender, countFile: string): Promise<Record<(typeof OPERATIONS)[number], Figures>> {
  const run = ([command, ...rest]: readonly [string, ...string[]]): Promise<Figures> => measure(command, rest, { cwd, env: { ...env, BENCH_COUNT_FILE: countFile }, countFile });
  return { create: await run(up), "no-op": await run(up), destroy: await run(destroy) };
}

function contenderDir(dir: string, index: number): string {
  const folder = path.join(dir, `contender-${index}`);
  mkdirSync(folder);
  return folder;
}

/** Every contender finds the same CLI through the same counting wrapper. */
function groundOf(dir: string, size: number, toolchain: { readonly pulumi: string; readonly binDir: string }, attach: Readonly<Record<string, string>>): Ground {
  const bin = path.join(dir, "bin");
  mkdirSync(bin);
  // The CLI's path is an argument-free constant of this run; quoting covers spaces in it.
  writeFileSync(path.join(bin, "pulumi"), `#!/bin/sh\n[ -n "$BENCH_COUNT_FILE" ] && echo x >> "$BENCH_COUNT_FILE"\nexec '${toolchain.pulumi.replaceAll("'", "'\\''")}' "$@"\n`, { mode: 0o755 });
  for (const name of ["pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs", "pulumi-analyzer-policy"]) symlinkSync(path.join(toolchain.binDir, name), path.join(bin, name));
  return {
    dir, parallel: PARALLEL, dist: path.resolve(__dirname, ".."),
    stacks: Array.from({ length: size }, (_, index) => `s${String(index + 1).padStart(2, "0")}`),
    env: {
      // The stock Automation API leaves a work folder behind for every stack.
      ...process.env, ...attach, TMPDIR: dir, PATH: [bin, path.dirname(process.execPath), process.env["PATH"]].join(path.delimiter), PULUMI_HOME: path.join(dir, "home"),
      PULUMI_SKIP_UPDATE_CHECK: "true", PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true", CI: "true",
    },
  };
}

function table(size: number, rows: ReadonlyMap<string, Record<(typeof OPERATIONS)[number], Figures>>): string {
  const base = rows.get("naive Promise.all");
  if (base === undefined) throw new Error("the naive way was not measured");
  const lines = [...rows].flatMap(([name, figures]) => OPERATIONS.map((operation) => {
    const { cpuSeconds, wallSeconds, peakBytes, cliProcesses } = figures[operation];
    const ratio = (own: number, other: number): string => (other > 0 ? `${(own / other).toFixed(2)}x` : "-");
    return `| ${[name, operation, (cpuSeconds / size).toFixed(2), ratio(cpuSeconds, base[operation].cpuSeconds), wallSeconds.toFixed(1), ratio(wallSeconds, base[operation].wallSeconds),
      (peakBytes / 2 ** 20).toFixed(0), (cliProcesses / size).toFixed(1)].join(" | ")} |`;
  }));
  return [
    "", `${size} ${size === 1 ? "stack" : "stacks"} of five resources (the local cloud's daemon is not counted)`, "",
    "| way | operation | CPU-s a stack | to naive | wall s | to naive | peak MiB | CLI processes a stack |",
    "|---|---|---|---|---|---|---|---|", ...lines, "",
  ].join("\n");
}
