/** What renderers call things: symbols, colours, counts of changes, failures. Pure. */
import type { Changes, FaultReport, Operation, StackStatus } from "../events";
import { leavesInProgress, resourceName, resourceType, type ResourceWait, type RootFailure, type StackView } from "../report";
import { cleanLine, clock, plural, shortType } from "./text";

export type Colour = "green" | "red" | "yellow" | "cyan" | "dim" | "bold";

/** Wraps text in colours; the identity where there are none. */
export type Paint = (text: string, colour: Colour | undefined) => string;

const CODES: Readonly<Record<Colour, readonly [number, number]>> = {
  green: [32, 39], red: [31, 39], yellow: [33, 39], cyan: [36, 39], dim: [2, 22], bold: [1, 22],
};
export const plainPaint: Paint = (text) => text;
export const colourPaint: Paint = (text, colour) => {
  if (colour === undefined || text === "") return text;
  const [on, off] = CODES[colour];
  return `\u001b[${on}m${text}\u001b[${off}m`;
};

interface Look { readonly symbol: string; readonly ascii: string; readonly colour: Colour | undefined }
const LOOKS: Readonly<Record<StackStatus, Look>> = {
  pending: { symbol: "·", ascii: ".", colour: "dim" },
  ready: { symbol: "○", ascii: "o", colour: undefined },
  running: { symbol: "●", ascii: "*", colour: "cyan" },
  succeeded: { symbol: "✓", ascii: "+", colour: "green" },
  unchanged: { symbol: "=", ascii: "=", colour: "green" },
  failed: { symbol: "✗", ascii: "x", colour: "red" },
  skipped: { symbol: "-", ascii: "-", colour: "yellow" },
  cancelled: { symbol: "■", ascii: "#", colour: "yellow" },
};
export function colourOf(status: StackStatus): Colour | undefined {
  return LOOKS[status].colour;
}
/** One column wide. */
export function symbolOf(status: StackStatus, unicode: boolean): string {
  return unicode ? LOOKS[status].symbol : LOOKS[status].ascii;
}

/** `24 created, 1 updated`; in a preview `24 to create, 1 to update`. */
export function changesText(changes: Changes, operation: Operation | undefined): string {
  const words = operation === "preview" ? { created: "to create", updated: "to update", deleted: "to delete" } : { created: "created", updated: "updated", deleted: "deleted" };
  const parts = [
    changes.created > 0 && `${changes.created} ${words.created}`,
    changes.updated > 0 && `${changes.updated} ${words.updated}`,
    changes.deleted > 0 && `${changes.deleted} ${words.deleted}`,
    changes.same > 0 && `${changes.same} same`,
  ].filter((part) => part !== false);
  return parts.length > 0 ? parts.join(", ") : "no resources";
}

/** What a stack is doing, or why it is as it is. */
export function phaseOf(stack: StackView, operation: Operation | undefined): string {
  switch (stack.status) {
    case "running": return runningPhase(stack);
    case "succeeded": case "unchanged": return changesText(stack.changes, operation);
    case "failed": return stack.error?.urn ? shortType(resourceType(stack.error.urn)) : (stack.error?.code ?? "");
    case "skipped": case "cancelled": return stack.cause ? `because of ${stack.cause}` : cleanLine(stack.reason ?? "");
    case "pending": case "ready": return cleanLine(stack.reason ?? "");
  }
}

/** The operation that is under way for the longest time, and how many others are. */
function runningPhase(stack: StackView): string {
  const leaves = leavesInProgress(stack);
  const [oldest] = leaves;
  if (oldest === undefined) return stack.done === 0 ? "starting" : "";
  const others = leaves.length > 1 ? ` +${leaves.length - 1}` : "";
  const wait = stack.waits.find(({ urn, endedAt }) => urn === oldest.urn && endedAt === undefined);
  return `${shortType(oldest.resourceType)}${wait === undefined ? "" : ` ${waitText(wait)}`}${others}`;
}

/** `provisioning, 12 checks, 3:21` */
export function waitText({ phase, checks, seconds, detail, endedAt }: ResourceWait): string {
  const said = endedAt === undefined && detail !== undefined ? `${phase} (${detail})` : phase;
  return cleanLine(`${said}, ${plural(checks, "check")}, ${clock(seconds)}`);
}

/** `eu-west-1: aws:ec2/vpc:Vpc "main": the reason` */
export function failureLine(stack: string, error: FaultReport): string {
  const resource = error.urn ? `${resourceType(error.urn)} "${resourceName(error.urn)}": ` : "";
  return cleanLine(`${stack}: ${resource}${error.message}`);
}

/** Everything there is to say about one failure: the cause, other errors of that stack, what was skipped, the log, the fix. */
export function failureDetails(failure: RootFailure, stack: StackView | undefined): readonly string[] {
  const others = stack?.notes.filter((note) => note.severity === "error" && !echoes(note.text, failure.error.message)).map((note) => cleanLine(note.text)) ?? [];
  return [
    ...new Set([...(failure.error.details ?? []).map(cleanLine), ...others]),
    ...(failure.skipped.length > 0 ? [`skipped because of it: ${failure.skipped.join(", ")}`] : []),
    ...(failure.error.log ? [`log: ${cleanLine(failure.error.log)}`] : []),
    ...(failure.error.fix ? [`fix: ${cleanLine(failure.error.fix)}`] : []),
  ];
}

function echoes(text: string, message: string): boolean {
  const [a, b] = [cleanLine(text), cleanLine(message)];
  return a.includes(b) || b.includes(a);
}

/** `6 of 6 stacks` */
export function countText(done: number, total: number): string {
  return `${done}/${plural(total, "stack")}`;
}
