/** Turns the engine's events of one update into the driver's, and keeps the tally that the outcome is made of. */
import type { EngineEvent, OpType } from "@pulumi/pulumi/automation";
import type { Changes, FaultReport } from "../events";
import type { EngineEventBody, UnansweredCreate } from "./port";

const STACK_TYPE = "pulumi:pulumi:Stack";

/** Engine operations by what they count as; any other (`same`, `read`, `refresh`, `discard` of a stack reference) changes nothing. */
const CREATES = new Set<string>(["create", "create-replacement", "import", "import-replacement"]);
const DELETES = new Set<string>(["delete", "delete-replaced"]);

/** A message of the engine in plain text: its colour directives, control characters and surrounding space removed. */
export function plainText(message: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what must go
  return message.replace(/<\{%.*?%\}>/g, "").replace(/\u001b\[[0-9;]*[A-Za-z]/g, "").replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "").trim();
}

/** First line that says something, without the engine's own prefixes. */
export function firstLine(message: string): string {
  const lines = plainText(message).split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return (lines[0] ?? "").replace(/^error: /, "").replace(/^Unhandled exception: (?:Error: )?/, "").replace(/^rpc error: code = \w+ desc = /, "");
}

/** Of one error: more than anybody reads at once are in the log. */
const MOST_DETAILS = 20;

/** What else the message of an error says, such as further faults of an input; nothing for one with a stack trace. */
function furtherLines(message: string): { readonly details?: readonly string[] } {
  const lines = plainText(message).split("\n").filter((line) => line.trim() !== "");
  if (lines.length < 2 || lines.some((line) => /^\s+at /.test(line))) return {};
  return { details: lines.slice(1, 1 + MOST_DETAILS).map((line) => line.trim()) };
}

/**
 * Errors of the way to the provider or to its cloud, as gRPC, Go and the AWS SDK word them: the request may have been carried out.
 * A refusal by the service (`VpcLimitExceeded: …`) matches none of them.
 */
const NO_ANSWER = /code = (?:Unavailable|DeadlineExceeded|Canceled)|\bEOF\b|connection (?:reset|closed|refused|error)|broken pipe|transport is closing|request send failed|i\/o timeout|TLS handshake timeout/i;

/** What a policy found, without its description, which the policy SDK puts before it on a line of its own (`policy/server.ts`). */
function violationOf(message: string): string {
  const lines = message.split("\n").filter((line) => line.trim() !== "");
  return lines.slice(lines.length > 1 ? 1 : 0).join("\n");
}

/** An output that fails takes all that depend on it with it, and the SDK names each on the way (`serializeProperties` in its `rpc.js`). */
function withoutWay(message: string): string {
  return message.replace(/(?:error serializing property "[^"]*": )+/g, "");
}

/** How the driver says that a part of a stack was run before what it needs. */
export const MISSING_PART = "the part needs ";

/** The engine's word for it, in the driver's terms; any other message as it is. */
function inTermsOfParts(message: string): string {
  const [, needs] = /depends on '?(urn:[^']+?)'? which was (?:was )?not specified in --target list/.exec(message) ?? [];
  if (needs === undefined) return message;
  const [type, name] = needs.split("::").slice(2);
  return `${MISSING_PART}${type?.split("$").at(-1)} "${name}", which is in another part and is not up`;
}

/** A part's run has no values for the outputs of the others; the SDK warns of each. */
const NO_OUTPUT = /^Undefined value \(.*\) will not show as a stack output\.$/;

/** A provider's account of a wait; see `resource.progress`. */
const PROGRESS = /^phase (\S+); (\d+) checks?; (\d+)s(?:; (.*))?$/;
/** Between two of them for one resource, so that the journal of a long wait stays small. */
const PROGRESS_INTERVAL_MS = 1_000;

interface ErrorSeen { readonly message: string; readonly details?: readonly string[]; readonly urn?: string }

/** Folds the events of one update. */
export class UpdateTally {
  private summary: Changes | undefined;
  private counted = { created: 0, updated: 0, same: 0, deleted: 0 };
  private readonly errors: ErrorSeen[] = [];
  private readonly creating = new Map<string, UnansweredCreate>();
  private readonly noAnswer = new Set<string>();
  private readonly failedUrns: string[] = [];
  private readonly failedDeletes: string[] = [];
  private readonly violations: ErrorSeen[] = [];
  private readonly startedAt = new Map<string, number>();
  private readonly progressAt = new Map<string, { readonly phase: string; readonly at: number }>();

  private readonly now: () => number;

  /** @param options.partial the update is limited to targets */
  constructor(private readonly stack: string, private readonly emit: (event: EngineEventBody) => void, private readonly options: { readonly now?: () => number; readonly partial?: boolean } = {}) {
    this.now = options.now ?? Date.now;
  }

  take(event: EngineEvent): void {
    if (event.resourcePreEvent) this.started(event.resourcePreEvent.metadata);
    else if (event.resOutputsEvent) this.finished(event.resOutputsEvent.metadata);
    else if (event.resOpFailedEvent) this.failed(event.resOpFailedEvent.metadata);
    else if (event.diagnosticEvent) this.diagnostic(event.diagnosticEvent);
    else if (event.summaryEvent) this.summary = changesOf(event.summaryEvent.resourceChanges);
    else if (event.policyEvent) this.policy(event.policyEvent);
  }

  /** What changed: the engine's summary, or, when the update ended without one, what was seen. */
  changes(): Changes {
    return this.summary ?? { ...this.counted };
  }

  /** The root cause of a failure, or undefined when no event told one. */
  fault(): Pick<FaultReport, "code" | "message" | "details" | "urn"> | undefined {
    const policy = this.violations[0];
    if (policy !== undefined) return { code: "policy-violation", ...policy };
    const aboutResource = this.errors.find((error) => error.urn !== undefined && this.failedUrns.includes(error.urn));
    if (aboutResource) return { code: "resource-failed", ...aboutResource };
    const [failedUrn] = this.failedUrns;
    if (failedUrn !== undefined) return { code: "resource-failed", message: this.errors[0]?.message ?? "the provider gave no reason", urn: failedUrn };
    const [first] = this.errors;
    if (first === undefined) return undefined;
    const { urn, ...told } = first;
    return { code: "program-failed", ...told, ...(urn && !isStackUrn(urn) && { urn }) };
  }

  /** Creates that failed with no answer. */
  unanswered(): UnansweredCreate[] {
    return this.failedUrns.flatMap((urn) => (this.noAnswer.has(urn) ? this.creating.get(urn) ?? [] : []));
  }

  /**
   * Deletions that failed, and may have been carried out all the same.
   * @param stopped the user stopped the update, which ends waits for deletions that are under way
   */
  undeleted(stopped: boolean): string[] {
    return this.failedDeletes.filter((urn) => stopped || this.noAnswer.has(urn));
  }

  private started(step: StepMetadata): void {
    this.startedAt.set(step.urn, this.now());
    // A component has no provider that could have made anything without telling: it is written anew by the next update.
    if ((step.op === "create" || step.op === "create-replacement") && step.new?.custom !== false) this.creating.set(step.urn, createOf(step));
    if (step.type === STACK_TYPE) return;
    this.emit({ type: "resource.started", stack: this.stack, urn: step.urn, resourceType: step.type, op: step.op });
  }

  private finished(step: StepMetadata): void {
    if (CREATES.has(step.op)) this.counted.created++;
    else if (DELETES.has(step.op)) this.counted.deleted++;
    else if (step.op === "update") this.counted.updated++;
    else if (step.op === "same") this.counted.same++;
    if (step.type === STACK_TYPE) return;
    const started = this.startedAt.get(step.urn);
    this.emit({
      type: "resource.finished", stack: this.stack, urn: step.urn, resourceType: step.type, op: step.op,
      ...(started !== undefined && { seconds: (this.now() - started) / 1000 }),
    });
  }

  private failed(step: StepMetadata): void {
    this.failedUrns.push(step.urn);
    if (step.op === "delete") this.failedDeletes.push(step.urn);
    this.emit({ type: "resource.failed", stack: this.stack, urn: step.urn, resourceType: step.type, op: step.op });
  }

  private diagnostic(diag: { readonly severity: string; readonly message: string; readonly urn?: string; readonly ephemeral?: boolean }): void {
    const message = inTermsOfParts(withoutWay(plainText(diag.message)));
    if (this.options.partial && NO_OUTPUT.test(message)) return;
    if (diag.urn && NO_ANSWER.test(message)) this.noAnswer.add(diag.urn);
    if (diag.ephemeral && diag.urn) this.progress(diag.urn, message);
    if (diag.ephemeral || message === "" || diag.severity === "debug") return;
    const severity = diag.severity === "error" ? "error" : diag.severity === "warning" ? "warning" : "info";
    // The engine repeats at the end that the update failed; that line names no cause.
    const echo = /^(update|preview|destroy|refresh|resource \w+) failed$/.test(message);
    if (severity === "error" && !echo) this.errors.push({ message: firstLine(message), ...furtherLines(message), ...(diag.urn && { urn: diag.urn }) });
    if (!echo) this.emit({ type: "stack.diagnostic", stack: this.stack, severity, message, ...(diag.urn && { urn: diag.urn }) });
  }

  private progress(urn: string, message: string): void {
    const [, phase, checks, seconds, detail] = PROGRESS.exec(message) ?? [];
    if (phase === undefined) return;
    const last = this.progressAt.get(urn);
    if (last?.phase === phase && this.now() - last.at < PROGRESS_INTERVAL_MS) return;
    this.progressAt.set(urn, { phase, at: this.now() });
    this.emit({ type: "resource.progress", stack: this.stack, urn, phase, checks: Number(checks), seconds: Number(seconds), ...(detail !== undefined && { detail }) });
  }

  private policy(event: { readonly policyName: string; readonly enforcementLevel: string; readonly message: string; readonly resourceUrn?: string }): void {
    const level = event.enforcementLevel === "advisory" ? "advisory" : event.enforcementLevel === "remediate" ? "remediate" : "mandatory";
    const message = violationOf(plainText(event.message));
    if (level === "mandatory") this.violations.push({ message: `${event.policyName}: ${firstLine(message)}`, ...(event.resourceUrn && { urn: event.resourceUrn }) });
    this.emit({ type: "stack.policy", stack: this.stack, policy: event.policyName, level, message, ...(event.resourceUrn && { urn: event.resourceUrn }) });
  }
}

interface StepMetadata {
  readonly op: string;
  readonly urn: string;
  readonly type: string;
  readonly provider?: string;
  readonly new?: { readonly custom?: boolean; readonly parent?: string; readonly inputs?: Record<string, unknown>; readonly protect?: boolean; readonly retainOnDelete?: boolean } | null;
}

function createOf({ urn, type, provider, new: made }: StepMetadata): UnansweredCreate {
  return {
    urn, type, inputs: made?.inputs ?? {}, ...(made?.parent && { parent: made.parent }), ...(provider && { provider }),
    ...(made?.protect && { protect: true }), ...(made?.retainOnDelete && { retainOnDelete: true }),
  };
}

function isStackUrn(urn: string): boolean {
  return urn.includes(`::${STACK_TYPE}::`);
}

/** Counts of the engine's summary; a replacement is one resource created and one deleted. */
export function changesOf(summary: Partial<Record<OpType, number>>): Changes {
  const count = (...ops: OpType[]): number => ops.reduce((sum, op) => sum + (summary[op] ?? 0), 0);
  const replaced = count("replace");
  const created = count("create", "import", "import-replacement");
  const deleted = count("delete");
  return {
    created: created + Math.max(replaced, count("create-replacement")),
    updated: count("update"),
    same: count("same", "read", "refresh"),
    deleted: deleted + Math.max(replaced, count("delete-replaced")),
  };
}
