/** What the drills share: a fleet in a folder of its own, the command line as a user runs it, kills, and the ledger's verdict. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { FleetEvent } from "../../automation/events";
import { balance } from "../../local/balance";
import type { LedgerEntry } from "../../local/protocol";

const CLI = path.resolve(__dirname, "..", "..", "bin", "stackfleet.js");
const EXAMPLE_TIMEOUT_MS = 120_000;

/** A Constellation fleet with a local cloud of its own. */
export class DrillFleet {
  readonly root = mkdtempSync(path.join(tmpdir(), "stackfleet-drill-"));

  /** @param regions virtual users by remote region */
  constructor(regions: Readonly<Record<string, number>>, private readonly timeScale = 2000) {
    writeFileSync(path.join(this.root, "fleet.json"), JSON.stringify({ DURATION: 20_000, HOME_REGION: "eu-central-1", REMOTE_REGIONS: regions }));
  }

  async start(): Promise<void> {
    await this.run("local", "start", "--time-scale", String(this.timeScale));
  }

  /** Ends the daemon and removes the folder. */
  async remove(): Promise<void> {
    await this.run("local", "stop");
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Runs a command to its end. Never rejects for an exit code. */
  async run(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [CLI, ...args], { cwd: this.root, env: this.env(), timeout: EXAMPLE_TIMEOUT_MS, maxBuffer: 2 ** 26 });
      return { code: 0, stdout, stderr };
    } catch (error) {
      const failed = error as { code?: number | string; stdout?: string; stderr?: string; message: string };
      if (typeof failed.code !== "number") throw error;
      return { code: failed.code, stdout: failed.stdout ?? "", stderr: failed.stderr ?? "" };
    }
  }

  /** Starts a run with JSON output; `onEvent` sees every event as it is printed. */
  operate(operation: string, onEvent: (event: FleetEvent, child: ChildProcess) => void, ...args: readonly string[]): { child: ChildProcess; exit: Promise<number | null> } {
    const child = spawn(process.execPath, [CLI, operation, ...args, "--config", "fleet.json", "--yes", "--output", "json"], {
      cwd: this.root, env: this.env(), stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr.resume();
    createInterface({ input: child.stdout }).on("line", (line) => onEvent(JSON.parse(line) as FleetEvent, child));
    return { child, exit: new Promise((resolve) => child.once("close", (code) => resolve(code))) };
  }

  async ledger(): Promise<LedgerEntry[]> {
    return JSON.parse((await this.run("local", "ledger", "--output", "json")).stdout) as LedgerEntry[];
  }

  /** IDs of the resources that the checkpoints know, as `type id`. */
  recorded(): Set<string> {
    const dir = path.join(this.root, ".stackfleet", "local", "state", ".pulumi", "stacks", "stackfleet");
    const files = readdirSync(dir).filter((name) => name.endsWith(".json"));
    return new Set(files.flatMap((name) => {
      const { checkpoint } = JSON.parse(readFileSync(path.join(dir, name), "utf8")) as { checkpoint: { latest?: { resources?: { type: string; id?: string; custom?: boolean }[] } } };
      return (checkpoint.latest?.resources ?? []).flatMap(({ type, id, custom }) => (custom && id !== undefined && type.startsWith("aws:") ? [`${type} ${id}`] : []));
    }));
  }

  /** What the ledger says is there now, and what was made twice. A create that left an ID made something, whatever became of its call. */
  async verdict(): Promise<{ live: Set<string>; createdTwice: string[] }> {
    const { createdTwice, leftBehind } = balance((await this.ledger()).filter(({ type }) => type.startsWith("aws:")));
    return { live: new Set(leftBehind.map(({ type, id }) => `${type} ${id}`)), createdTwice: createdTwice.map(({ urn }) => urn) };
  }

  private env(): NodeJS.ProcessEnv {
    return { ...process.env, STACKFLEET_ROOT: this.root, NO_COLOR: "1" };
  }
}

/** SIGKILL to a process and all its descendants, as a power cut would end them: nothing gets to clean up. */
export function killTree(root: number): void {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(Number(name));
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = (pid: number): number[] => [pid, ...(children.get(pid) ?? []).flatMap(tree)];
  for (const pid of tree(root)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined; // ended meanwhile
  }
}

/** A small seeded generator (mulberry32), so that a failing moment can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
