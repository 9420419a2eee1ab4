/** The failures of a run, each once, at its root, with the stacks that were skipped because of it. */
import type { FaultReport } from "../events";
import type { RunView, StackView } from "./view";

/** One root cause. */
export interface RootFailure {
  readonly stack: string;
  readonly error: FaultReport;
  /** Names of the stacks that did not run because of it. */
  readonly skipped: readonly string[];
}

/** Failures in the order of the graph. */
export function rootFailures(view: RunView): readonly RootFailure[] {
  return view.stacks.filter((stack) => stack.status === "failed").map((stack) => ({
    stack: stack.name,
    error: stack.error ?? { code: "unknown", message: lastError(stack) ?? "the engine gave no reason" },
    skipped: view.stacks.filter((other) => other.status === "skipped" && other.cause === stack.name).map((other) => other.name),
  }));
}

/** The name of the resource in a URN. */
export function resourceName(urn: string): string {
  return urn.slice(urn.lastIndexOf("::") + 2);
}

/** The type in a URN, without those of its parents. */
export function resourceType(urn: string): string {
  return (urn.split("::")[2] ?? "").split("$").at(-1) ?? "";
}

function lastError(stack: StackView): string | undefined {
  return stack.notes.findLast((note) => note.severity === "error")?.text;
}
