/** Where to look next, after a run. */
import type { Operation, RunReport } from "../events";
import type { FleetOptions } from "./options";

/** How this shell reaches the command: by npm's runner when it came that way. */
function commandName(env: NodeJS.ProcessEnv): string {
  return env["npm_config_user_agent"] === undefined ? "stackfleet" : "npx stackfleet";
}

/** Lines for stderr; none where nothing is left to do. */
export function nextSteps(run: { readonly operation: Operation; readonly report: RunReport; readonly options: FleetOptions; readonly env: NodeJS.ProcessEnv }): readonly string[] {
  const { operation, report, options } = run;
  const name = commandName(run.env);
  const flags = (options.config === undefined ? "" : ` --config ${options.config}`) + (options.target === "local" ? "" : ` --target ${options.target}`);
  if (report.status !== "succeeded") {
    if (operation === "preview") return [];
    return [`next: ${name} ${operation}${flags}  goes on from here; what is done stays done`];
  }
  if (operation !== "up") return [];
  const steps: readonly (readonly [string, string])[] = [
    [`status`, "the last run, from any terminal"],
    [`outputs${flags}`, "addresses, names and IDs"],
    ...(options.target === "local" ? [["local status", "what runs in the local cloud"] as const, ["local ledger", "every call to its providers"] as const] : []),
    [`destroy${flags}`, "removes all of it"],
  ];
  const widest = Math.max(...steps.map(([command]) => command.length));
  return steps.map(([command, what], index) => `${index === 0 ? "next:" : "     "} ${name} ${command.padEnd(widest)}  ${what}`);
}
