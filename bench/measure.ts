/** Measures a command as a whole: wall and CPU seconds of the process and all its descendants, the peak of their memory, CLI processes. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { procStat, TICKS_PER_SECOND } from "../automation/system/proc";

export interface Figures {
  readonly wallSeconds: number;
  /** user + sys of the command and every descendant that was reaped. */
  readonly cpuSeconds: number;
  /** Peak of the resident memory of all processes together, sampled. */
  readonly peakBytes: number;
  /** Pulumi CLI processes, counted by the wrapper on PATH. */
  readonly cliProcesses: number;
}

const SAMPLE_MS = 100;

/** Runs to the end; rejects when the exit code is not 0, with the last lines of what was printed. */
export async function measure(command: string, args: readonly string[], options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly countFile: string }): Promise<Figures> {
  writeFileSync(options.countFile, "");
  const cpuBefore = reapedCpuSeconds();
  const began = performance.now();
  const child = spawn(command, [...args], { cwd: options.cwd, env: options.env, stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => { printed = (printed + chunk.toString()).slice(-4000); });
  let peak = 0;
  const timer = setInterval(() => { if (child.pid !== undefined) peak = Math.max(peak, residentBytesOfTree(child.pid)); }, SAMPLE_MS);
  const code = await new Promise<number | null>((resolve, reject) => { child.once("error", reject); child.once("close", resolve); });
  clearInterval(timer);
  const wallSeconds = (performance.now() - began) / 1000;
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${printed}`);
  const cliProcesses = readFileSync(options.countFile, "utf8").split("\n").filter(Boolean).length;
  return { wallSeconds, cpuSeconds: reapedCpuSeconds() - cpuBefore, peakBytes: peak, cliProcesses };
}

/** CPU seconds of this process's descendants that have ended and were waited for. */
function reapedCpuSeconds(): number {
  const stat = procStat(process.pid);
  return (Number(stat?.field(16)) + Number(stat?.field(17))) / TICKS_PER_SECOND; // cutime, cstime
}

function residentBytesOfTree(root: number): number {
  const parents = new Map<number, number>();
  const pages = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? procStat(Number(name)) : undefined;
    if (stat === undefined) continue;
    parents.set(Number(name), Number(stat.field(4)));
    pages.set(Number(name), Number(stat.field(24)));
  }
  const inTree = (pid: number): boolean => pid === root || (parents.has(pid) && pid > 1 && inTree(parents.get(pid) ?? 0));
  return [...pages].reduce((sum, [pid, count]) => (inTree(pid) ? sum + count * 4096 : sum), 0);
}
