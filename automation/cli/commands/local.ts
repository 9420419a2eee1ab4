/** `local …`: the local cloud's daemon, its ledger, its containers and its faults. */
import type { Fault, NewFault } from "../../../local/protocol";
import { FleetError } from "../../errors";
import { findRoot, layoutAt, type Layout } from "../../layout";
import { refuseBesideDrills } from "../../run/drill-lock";
import { refuseBesideRun } from "../../run/lock";
import { cleanText, clock, plural } from "../../render/text";
import type { CliContext } from "../context";
import { EXIT } from "../errors";
import { withSignal } from "../interrupt";
import type { LocalCloudPort } from "../local-port";
import { table } from "../table";

export interface JsonOption { readonly output?: "text" | "json" }

export async function localStart(options: { readonly timeScale?: number }, context: CliContext): Promise<number> {
  const say = (line: string): void => void context.stderr.write(`${line}\n`);
  const cloud = await withSignal(context, async (signal) => (await context.localCloud()).ensureStarted({
    dir: folder(context), report: say, signal, ...(options.timeScale !== undefined && { timeScale: options.timeScale }),
  }));
  const status = await cloud.status();
  context.stdout.write(`local cloud runs: process ${status.pid}, ${status.timeScale} simulated seconds a second, ${plural(status.resources, "resource")}\n`);
  return EXIT.ok;
}

export async function localStop(options: { readonly force?: boolean }, context: CliContext): Promise<number> {
  if (!options.force) refuseWhileUsed(layoutAt(findRoot(context.cwd, context.env)));
  const cloud = await (await context.localCloud()).connect(folder(context));
  await cloud?.stop();
  context.stdout.write(cloud ? "local cloud stopped; its resources are kept, and the next start brings their processes back\n" : "local cloud was not running\n");
  return EXIT.ok;
}

/** @throws FleetError `run-in-progress`, `drill-in-progress` */
function refuseWhileUsed(layout: Layout): void {
  refuseBesideRun(layout.runLock);
  refuseBesideDrills(layout.target("local").drills);
}

export async function localStatus(options: JsonOption, context: CliContext): Promise<number> {
  const cloud = await (await context.localCloud()).connect(folder(context));
  const status = await cloud?.status();
  if (options.output === "json") {
    context.stdout.write(`${JSON.stringify(status === undefined ? { running: false } : { running: true, ...status })}\n`);
    return EXIT.ok;
  }
  if (status === undefined) {
    context.stdout.write("local cloud is not running; stackfleet local start, or any run, starts it\n");
    return EXIT.ok;
  }
  const { pid, timeScale, uptimeSeconds, resources, containers, faults, ledgerEntries } = status;
  context.stdout.write(`process ${pid}, up ${clock(uptimeSeconds)}, ${timeScale} simulated seconds a second\n`
    + `${plural(resources, "resource")}, ${plural(containers.length, "container")}, ${plural(faults, "fault")} planned, ${ledgerEntries} calls in the ledger\n`);
  if (containers.length > 0) {
    context.stdout.write(`\n${table(["CONTAINER", "STACK", "IMAGE", "STATUS", "HEALTH", "ADDRESS", "PID", "RESTARTS"], containers.map((container) =>
      [container.id, container.labels["stack"] ?? "", container.image, container.status, container.health, container.address, String(container.pid ?? ""), String(container.restarts)]))}`);
  }
  return EXIT.ok;
}

export async function localLedger(options: JsonOption, context: CliContext): Promise<number> {
  const entries = await (await running(context)).ledger();
  if (options.output === "json") {
    const lines = entries.map(({ seq, time, stack, urn, type, operation, id, result }) => JSON.stringify({ seq, time, stack, urn, type, operation, id, result }));
    context.stdout.write(lines.length === 0 ? "[]\n" : `[\n${lines.join(",\n")}\n]\n`);
    return EXIT.ok;
  }
  context.stdout.write(table(["SEQ", "TIME", "STACK", "OPERATION", "TYPE", "NAME", "ID", "RESULT"], entries.map((entry) =>
    [String(entry.seq), entry.time, entry.stack, entry.operation, entry.type, entry.urn.slice(entry.urn.lastIndexOf("::") + 2), entry.id, entry.result])));
  const { createdTwice, leftBehind } = (await context.localCloud()).balance(entries);
  context.stdout.write(`\n${plural(entries.length, "call")}; ${plural(leftBehind.length, "resource")} alive; created twice: ${createdTwice.map(({ urn }) => urn).join(", ") || "none"}\n`);
  return EXIT.ok;
}

export async function localLogs(container: string, options: { readonly follow?: boolean }, context: CliContext): Promise<number> {
  const cloud = await running(context);
  const controller = new AbortController();
  const stopListening = context.onSignal(() => controller.abort());
  try {
    for await (const line of cloud.logs(container, { follow: options.follow ?? false, signal: controller.signal })) {
      context.stdout.write(`${context.stdout.isTTY ? cleanText(line) : line}\n`); // a program's log must not steer the terminal
    }
    return EXIT.ok; // Ctrl+C is the usual way out of following
  } catch (error) {
    if (controller.signal.aborted) return EXIT.ok;
    throw error;
  } finally {
    stopListening();
  }
}

export async function localKill(container: string, context: CliContext): Promise<number> {
  await (await running(context)).kill(container);
  context.stdout.write(`killed ${container}\n`);
  return EXIT.ok;
}

export async function faultAdd(fault: NewFault, context: CliContext): Promise<number> {
  const added = await (await running(context)).addFault(fault);
  context.stdout.write(`fault ${added.id}: ${sentence(added)}\n`);
  return EXIT.ok;
}

export async function faultList(options: JsonOption, context: CliContext): Promise<number> {
  const faults = await (await running(context)).faults();
  if (options.output === "json") context.stdout.write(`${JSON.stringify(faults)}\n`);
  else if (faults.length === 0) context.stderr.write("no faults planned\n");
  else {
    context.stdout.write(table(["ID", "KIND", "TYPE", "STACK", "NTH", "SEEN", "FIRED"], faults.map((fault) =>
      [String(fault.id), fault.kind, fault.type, fault.stack ?? "any", String(fault.nth), String(fault.seen), fault.fired ? "yes" : "no"])));
  }
  return EXIT.ok;
}

export async function faultClear(context: CliContext): Promise<number> {
  await (await running(context)).clearFaults();
  context.stdout.write("all faults cleared\n");
  return EXIT.ok;
}

function sentence(fault: Fault): string {
  const which = fault.nth === 1 ? "the next create" : `create number ${fault.nth} from now`;
  return `${fault.kind} at ${which} of ${fault.type}${fault.stack === undefined ? "" : ` in ${fault.stack}`}`;
}

function folder(context: CliContext): string {
  return layoutAt(findRoot(context.cwd, context.env)).localCloud;
}

/** @throws FleetError where none runs */
export async function running(context: CliContext): Promise<LocalCloudPort> {
  const cloud = await (await context.localCloud()).connect(folder(context));
  if (cloud) return cloud;
  throw new FleetError("local-cloud-not-running", "the local cloud is not running", { source: "user", exitCode: 1, fix: "start it with stackfleet local start" });
}
