/**
 * Brings a fleet up from a CI job: plain lines on stdout, exit code 0, 1 or 2 as the command line has them.
 *
 * Run it with `npx tsx examples/ci.ts [config] [selector…]`, after `npm ci`.
 */
import { FleetError, runFleet, type FleetEvent } from "stackfleet";

/** What a reader of a CI log wants to see while it runs; the report has the rest, errors too. */
function print(event: FleetEvent): void {
  if (event.type === "stack.status") console.log(`${event.time}  ${event.stack}: ${event.status}${event.cause === undefined ? "" : ` (because of ${event.cause})`}`);
  if (event.type === "stack.diagnostic" && event.severity === "warning") console.log(`${event.time}  ${event.stack}: warning: ${event.message}`);
}

async function main(): Promise<number> {
  const [config, ...select] = process.argv.slice(2);
  // CI sends SIGTERM when a job is cancelled: what runs finishes and is saved, and the next job goes on from there.
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());

  const report = await runFleet({ ...(config !== undefined && { config }), select, operation: "up", target: "local", onEvent: print, signal: stop.signal });

  for (const { name, status, seconds, error } of report.stacks) {
    console.log(`${name}: ${status} after ${seconds.toFixed(1)} s${error === undefined ? "" : `: ${error.message}`}`);
  }
  console.log(`${report.status} in ${report.wallSeconds.toFixed(1)} s; the longest chain took ${report.criticalPathSeconds.toFixed(1)} s`);
  return report.status === "succeeded" ? 0 : report.status === "interrupted" ? 130 : 1;
}

main().then((code) => { process.exitCode = code; }, (error: unknown) => {
  if (!(error instanceof FleetError)) throw error;
  console.error([error.message, ...(error.options.details ?? []), ...(error.options.fix === undefined ? [] : [error.options.fix])].join("\n  "));
  process.exitCode = error.exitCode;
});
