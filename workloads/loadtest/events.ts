/** What the orchestrator is asked and what it answers, checked at the edge. */
import * as z from "zod/mini";
import english from "zod/v4/locales/en.js";

z.config(english());

/** Region codes: `eu-west-1`, `us-gov-west-1`. */
const region = z.string().check(z.regex(/^[a-z]{2}(-[a-z]+)+-\d+$/, "not a region code"));
const arn = (service: string, resource: string): z.ZodMiniString<string> => (
  z.string().check(z.regex(new RegExp(`^arn:aws[a-z-]*:${service}:[a-z0-9-]+:\\d{12}:${resource}/.+$`), `not the ARN of an ${service} ${resource}`))
);

const eventSchema = z.discriminatedUnion("action", [
  z.object({ action: z.literal("agg-record"), region }),
  z.object({ action: z.literal("test-init") }),
  z.object({ action: z.literal("test-end"), region, clusterArn: arn("ecs", "cluster"), serviceArn: z.optional(arn("ecs", "service")) }),
  z.object({ action: z.literal("test-reset"), regions: z.array(region).check(z.minLength(1)) }),
]);

/** An action with its arguments; see the README beside this file. */
export type OrchestratorEvent = z.infer<typeof eventSchema>;

/** The start state: `timestamp` (milliseconds since the epoch) is there exactly when `state` is true. */
export interface StartState { readonly state: boolean; readonly timestamp?: number }

/** Answer to `agg-record`. `required` is empty until a test-reset has named the regions. */
export interface RecordAnswer extends StartState { readonly ready: readonly string[]; readonly required: readonly string[] }
/** Answer to `test-end`. */
export interface EndAnswer { readonly completed: readonly string[]; readonly allCompleted: boolean; readonly scaledToZero: readonly string[] }
/** Answer to `test-reset`. */
export interface ResetAnswer { readonly required: readonly string[] }
export type OrchestratorAnswer = StartState | RecordAnswer | EndAnswer | ResetAnswer;

/** The form of what a polling task reads. */
export const startStateSchema = z.object({ state: z.boolean(), timestamp: z.optional(z.number()) });

/** A request that can't be understood; nothing was changed. */
export class InvalidEvent extends Error {
  constructor(faults: readonly string[]) {
    super(`invalid event: ${faults.join("; ")}`);
    this.name = "InvalidEvent";
  }
}

/**
 * Checks an event and reports all its faults at once.
 * @throws InvalidEvent
 */
export function parseEvent(input: unknown): OrchestratorEvent {
  const result = z.safeParse(eventSchema, input);
  if (result.success) {
    const event = result.data;
    const elsewhere = event.action === "test-end" ? [event.clusterArn, event.serviceArn].filter((value) => value !== undefined && value.split(":")[3] !== event.region) : [];
    if (event.action !== "test-end" || elsewhere.length === 0) return event;
    throw new InvalidEvent(elsewhere.map((value) => `region: differs from the ARN's; got "${event.region}" with ${value}; expected the region of the cluster`));
  }
  throw new InvalidEvent(result.error.issues.map((issue) => {
    const got = issue.path.reduce<unknown>((value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined), input);
    if (issue.code === "invalid_union") return `action: unknown; got ${JSON.stringify(got)}; expected agg-record, test-init, test-end or test-reset`;
    return `${issue.path.join(".") || "event"}: ${issue.message.replace(/^Invalid input: /, "")}; got ${JSON.stringify(got) ?? "nothing"}`;
  }));
}
