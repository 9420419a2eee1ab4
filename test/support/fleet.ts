/** A fleet in a folder of its own with a local cloud of its own, and the command line as a user runs it. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { eventPayloads, type FleetEvent, type RunReport } from "../../automation/events";
import { balance } from "../../local/balance";
import type { LedgerEntry } from "../../local/protocol";

const PACKAGE = path.resolve(__dirname, "..", "..");
/** The command, as npm links it. */
export const CLI = path.join(PACKAGE, "bin", "stackfleet.js");
/** Types that providers of the local cloud make; not the engine's own. */
const CLOUD_TYPE = /^(aws|docker):/;
const COMMAND_TIMEOUT_MS = 120_000;

export interface Outcome { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** A command that goes on while the test does something else. */
export interface Running { readonly child: ChildProcess; readonly exit: Promise<number | null> }

export interface FleetOptions {
  /** Files of the folder by relative path. */
  readonly files: Readonly<Record<string, string>>;
  /** Given as `--config`; the fleet's folder is searched without it. */
  readonly config?: string;
  /** Pulumi project, by which the checkpoints lie. @default "stackfleet" */
  readonly project?: string;
  /** Simulated seconds a second. @default 2000 */
  readonly timeScale?: number;
  /** Variables of every command beside the test's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** The folder, which must exist and be empty. @default a new one */
  readonly root?: string;
}

/** The Constellation form of a load test. */
export function constellationFile(regions: Readonly<Record<string, unknown>>, home = "eu-central-1"): string {
  return JSON.stringify({ DURATION: 20_000, HOME_REGION: home, REMOTE_REGIONS: regions });
}

export class TestFleet {
  readonly root: string;
  private readonly timeScale: number;

  constructor(private readonly options: FleetOptions) {
    this.root = realpathSync(options.root ?? mkdtempSync(path.join(tmpdir(), "stackfleet-fleet-")));
    this.timeScale = options.timeScale ?? 2000;
    // What a user's own installation would have: programs of the fleet import the SDKs from there.
    symlinkSync(path.join(PACKAGE, "node_modules"), path.join(this.root, "node_modules"), "dir");
    for (const [name, text] of Object.entries(options.files)) this.write(name, text);
  }

  /** Starts the local cloud. */
  async start(): Promise<void> {
    const { code, stderr } = await this.run("local", "start", "--time-scale", String(this.timeScale));
    if (code !== 0) throw new Error(stderr);
  }

  /** Ends the local cloud and removes the folder. */
  async remove(): Promise<void> {
    await this.run("local", "stop", "--force");
    rmSync(this.root, { recursive: true, force: true });
  }

  write(name: string, text: string): void {
    mkdirSync(path.dirname(path.join(this.root, name)), { recursive: true });
    writeFileSync(path.join(this.root, name), text);
  }

  /** A path under `.stackfleet`. */
  state(...names: readonly string[]): string {
    return path.join(this.root, ".stackfleet", ...names);
  }

  checkpointFile(stack: string): string {
    return this.state("local", "state", ".pulumi", "stacks", this.options.project ?? "stackfleet", `${stack}.json`);
  }

  /** Runs a command to its end, whatever its exit code. */
  run(...args: readonly string[]): Promise<Outcome> {
    return this.runWith({}, ...args);
  }

  /** `run` with other variables; `undefined` takes one away. */
  async runWith(env: Readonly<Record<string, string | undefined>>, ...args: readonly string[]): Promise<Outcome> {
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [CLI, ...args], {
        cwd: this.root, env: { ...this.env(), ...env }, timeout: COMMAND_TIMEOUT_MS, maxBuffer: 2 ** 26,
      });
      return { code: 0, stdout, stderr };
    } catch (error) {
      const failed = error as { code?: number | string | null; stdout?: string; stderr?: string };
      if (typeof failed.code !== "number") throw error;
      return { code: failed.code, stdout: failed.stdout ?? "", stderr: failed.stderr ?? "" };
    }
  }

  /** One operation with plain output, as a log has it. */
  plain(operation: string, ...args: readonly string[]): Promise<Outcome> {
    return this.run(operation, ...args, ...this.configArgs(), "--yes", "--output", "plain");
  }

  /** Starts a run with JSON output; `onEvent` sees every event as it is printed. */
  operate(operation: string, onEvent: (event: FleetEvent, child: ChildProcess) => void, ...args: readonly string[]): Running {
    const child = spawn(process.execPath, [CLI, operation, ...args, ...this.configArgs(), "--yes", "--output", "json"], {
      cwd: this.root, env: this.env(), stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr.resume();
    createInterface({ input: child.stdout }).on("line", (line) => onEvent(JSON.parse(line) as FleetEvent, child));
    return { child, exit: new Promise((resolve) => child.once("close", (code) => resolve(code))) };
  }

  /** Runs an operation to its end. Fails when the command could not start a run at all. */
  async report(operation: string, ...args: readonly string[]): Promise<{ readonly code: number | null; readonly report: RunReport; readonly events: readonly FleetEvent[] }> {
    const events: FleetEvent[] = [];
    const code = await this.operate(operation, (event) => events.push(event), ...args).exit;
    return { code, events, report: eventPayloads["run.finished"].parse(events.at(-1)) };
  }

  async ledger(): Promise<LedgerEntry[]> {
    return JSON.parse((await this.run("local", "ledger", "--output", "json")).stdout) as LedgerEntry[];
  }

  /** IDs of the resources that the checkpoints know, as `type id`. */
  recorded(): Set<string> {
    const dir = path.dirname(this.checkpointFile(""));
    const files = readdirSync(dir).filter((name) => name.endsWith(".json"));
    return new Set(files.flatMap((name) => {
      const { checkpoint } = JSON.parse(readFileSync(path.join(dir, name), "utf8")) as { checkpoint: { latest?: { resources?: { type: string; id?: string; custom?: boolean }[] } } };
      return (checkpoint.latest?.resources ?? []).flatMap(({ type, id, custom }) => (custom && id !== undefined && CLOUD_TYPE.test(type) ? [`${type} ${id}`] : []));
    }));
  }

  /** What the ledger says is there now, and what was made twice. A create that left an ID made something, whatever became of its call. */
  async verdict(): Promise<{ live: Set<string>; createdTwice: string[] }> {
    const { createdTwice, leftBehind } = balance((await this.ledger()).filter(({ type }) => CLOUD_TYPE.test(type)));
    return { live: new Set(leftBehind.map(({ type, id }) => `${type} ${id}`)), createdTwice: createdTwice.map(({ urn }) => urn) };
  }

  /** Commands of the processes that work in this folder or were given its path: the fleet's, and the local cloud's. */
  processes(): string[] {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").filter((word) => word !== "");
        const inside = readlinkSync(`/proc/${pid}/cwd`).startsWith(this.root) || words.some((word) => word.includes(this.root));
        return inside ? [words.join(" ")] : [];
      } catch {
        return []; // ended meanwhile, or is another user's
      }
    });
  }

  private configArgs(): string[] {
    return this.options.config === undefined ? [] : ["--config", this.options.config];
  }

  /** The test's variables without what would reach a real cloud or another backend. */
  env(): NodeJS.ProcessEnv {
    const own = Object.entries(process.env).filter(([name]) => !/^(AWS_|PULUMI_|AEROSPIKE_CLOUD_)/.test(name));
    return {
      ...Object.fromEntries(own), STACKFLEET_ROOT: this.root, NO_COLOR: "1",
      AWS_EC2_METADATA_DISABLED: "true", AWS_CONFIG_FILE: "/dev/null", AWS_SHARED_CREDENTIALS_FILE: "/dev/null", ...this.options.env,
    };
  }
}
