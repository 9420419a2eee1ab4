/**
 * CLI processes that outlived both the driver and the program host. One that was waiting for its program waits for good, deaf to
 * interrupts, and keeps its stack locked; one that had operations in flight finishes them and ends by itself.
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import * as path from "node:path";
import { killSession } from "../engine/processes";
import { isRunning } from "../system/process-identity";
import { liveHolders } from "./locks";

/** How long one may go on finishing and saving; what it leaves pending is settled like after any kill. */
const GRACE_MS = 10_000;
const POLL_MS = 100;

/** Ends the abandoned CLIs that hold a lock of the stack. @returns their process ids */
export async function endAbandoned(stateDir: string, project: string, stack: string, graceMs = GRACE_MS): Promise<number[]> {
  const ended: number[] = [];
  for (const pid of liveHolders(stateDir, project, stack)) {
    const port = programPort(pid);
    if (port === undefined || await isServed(port)) continue;
    await end(pid, graceMs);
    ended.push(pid);
  }
  return ended;
}

async function end(pid: number, graceMs: number): Promise<void> {
  process.kill(pid, "SIGINT");
  for (const deadline = Date.now() + graceMs; isRunning(pid) && Date.now() < deadline;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS)); // not a child of this process: there is no event to wait for
  }
  if (isRunning(pid)) killSession(pid);
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

/** The port that a CLI was told to find its inline program on; undefined for any other process, and where there is no /proc. */
function programPort(pid: number): number | undefined {
  let args: string[];
  try {
    args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return undefined;
  }
  if (path.basename(args[0] ?? "") !== "pulumi" || !args.includes("auto.inline")) return undefined;
  const port = args.map((arg) => /^--client=127\.0\.0\.1:(\d+)$/.exec(arg)?.[1]).find((found) => found !== undefined);
  return port === undefined ? undefined : Number(port);
}

function isServed(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => { socket.destroy(); resolve(true); });
    socket.once("error", () => resolve(false));
  });
}
