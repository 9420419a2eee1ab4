/** How a run ends, in words: warnings, every failure once, and one line of totals. Pure. */
import type { Changes, StackStatus } from "../events";
import { resourceName, rootFailures, tailOf, type RunView } from "../report";
import { clock, cleanLine, plural } from "./text";
import { changesText, failureDetails, failureLine, symbolOf, waitText, type Paint } from "./words";

export interface SummaryOptions { readonly paint: Paint; readonly unicode: boolean }

/** What needs reading after the table. `notes`: recoveries and warnings too, where they were not told before. */
export function closingLines(view: RunView, options: SummaryOptions & { readonly notes: boolean }): readonly string[] {
  return [...(options.notes ? noteLines(view, options) : []), ...waitLines(view, options), ...failureBlocks(view, options), ...orphanLines(view, options)];
}

/** `up succeeded in 1:02: 6/6 stacks, 120 created; critical path 0:58` */
export function totalsLine(view: RunView, options: SummaryOptions): string {
  const stacks = view.report?.stacks ?? [];
  const total = stacks.reduce<Changes>((sum, stack) => ({
    created: sum.created + stack.created, updated: sum.updated + stack.updated, same: sum.same + stack.same, deleted: sum.deleted + stack.deleted,
  }), { created: 0, updated: 0, same: 0, deleted: 0 });
  const good = stacks.filter((stack) => stack.status === "succeeded" || stack.status === "unchanged").length;
  const text = `${view.operation ?? "run"}${view.only === undefined ? "" : ` of ${view.only} only`} ${view.status} in ${clock(view.report?.wallSeconds ?? 0)}: ${good} of ${plural(stacks.length, "stack")}, ${changesText(total, view.operation)}`
    + `; critical path ${clock(view.report?.criticalPathSeconds ?? 0)}`;
  return options.paint(text, view.status === "succeeded" ? "green" : view.status === "failed" ? "red" : "yellow");
}

/** One line a wait, and where the time of its stack went. */
function waitLines(view: RunView, { paint }: SummaryOptions): readonly string[] {
  return view.stacks.flatMap((stack) => {
    const tail = tailOf(stack, view);
    const scale = view.timeScale !== undefined && view.timeScale !== 1 ? ` (at ${view.timeScale} simulated seconds a second)` : "";
    const lines = stack.waits.map((wait) => `${stack.name}: ${resourceName(wait.urn)} ${waitText(wait)}`);
    const sum = tail && `${stack.name}: total ${clock(tail.totalSeconds)} = ${clock(tail.waitSeconds)} until ${resourceName(tail.urn)} + tail ${clock(tail.tailSeconds)}${scale}`;
    return [...lines, ...(sum === undefined ? [] : [sum])].map((line) => paint(cleanLine(line), "dim"));
  });
}

function noteLines(view: RunView, { paint }: SummaryOptions): readonly string[] {
  return view.stacks.flatMap((stack) => {
    const notes = stack.notes.filter((note) => note.severity !== "error" || tellsErrors(stack.status));
    const texts = notes.map((note) => `${note.severity === "info" ? "" : `${note.severity}: `}${stack.name}: ${cleanLine(note.text)}`);
    return [...new Set(texts)].map((text) => paint(text, text.startsWith("warning") ? "yellow" : text.startsWith("error") ? "red" : undefined));
  });
}

/** A failed stack's errors are in its own block; those of a cancelled one only say that it was interrupted. */
export function tellsErrors(status: StackStatus): boolean {
  return status !== "failed" && status !== "cancelled";
}

function failureBlocks(view: RunView, { paint, unicode }: SummaryOptions): readonly string[] {
  return rootFailures(view).flatMap((failure) => [
    paint(`${symbolOf("failed", unicode)} ${failureLine(failure.stack, failure.error)}`, "red"),
    ...failureDetails(failure, view.stacks.find((stack) => stack.name === failure.stack)).map((line) => `  ${line}`),
  ]);
}

function orphanLines(view: RunView, { paint }: SummaryOptions): readonly string[] {
  if (view.orphans.length === 0) return [];
  return [paint(`no longer in the config but still deployed: ${view.orphans.join(", ")}; stackfleet destroy --removed removes them`, "yellow")];
}
