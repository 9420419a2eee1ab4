/**
 * Every event of a run, one typed union. An event is stamped once (`seq`, `time`) and then only passed on: the journal,
 * the renderers, the status and the report read the same stream.
 */
import { z } from "zod";

export const OPERATIONS = ["preview", "up", "refresh", "destroy"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Statuses of a stack in a run. Terminal ones never change: succeeded, unchanged, failed, skipped, cancelled. */
export const STACK_STATUSES = ["pending", "ready", "running", "succeeded", "unchanged", "failed", "skipped", "cancelled"] as const;
export type StackStatus = (typeof STACK_STATUSES)[number];

export const TERMINAL_STATUSES = ["succeeded", "unchanged", "failed", "skipped", "cancelled"] as const satisfies readonly StackStatus[];
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];

export const RUN_STATUSES = ["running", "succeeded", "failed", "interrupted"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/** Counts of resources by what the update did (or, in a preview, would do). A replacement counts as created and deleted. */
export const changesSchema = z.object({
  created: z.number().int(), updated: z.number().int(), same: z.number().int(), deleted: z.number().int(),
});
export type Changes = z.infer<typeof changesSchema>;

/** Why a stack failed or did not run. `cause` names the stack, when the reason lies in another one. */
export const faultReportSchema = z.object({
  /** Stable code, e.g. `resource-failed`, `stack-locked`, `dependency-failed`, `interrupted`. */
  code: z.string(),
  /** One line, no stack trace. */
  message: z.string(),
  /** Further lines, such as the other faults of an input. */
  details: z.array(z.string()).readonly().optional(),
  /** URN of the resource that failed. */
  urn: z.string().optional(),
  /** Name of the stack that is the root cause. */
  cause: z.string().optional(),
  /** What the user can do. */
  fix: z.string().optional(),
  /** Path of the stack's log. */
  log: z.string().optional(),
});
export type FaultReport = z.infer<typeof faultReportSchema>;

export const stackResultSchema = z.object({
  name: z.string(),
  status: z.enum(STACK_STATUSES),
  seconds: z.number(),
  ...changesSchema.shape,
  error: faultReportSchema.optional(),
});
export type StackResult = z.infer<typeof stackResultSchema>;

export const runReportSchema = z.object({
  status: z.enum(["succeeded", "failed", "interrupted"]),
  wallSeconds: z.number(),
  criticalPathSeconds: z.number(),
  cpuSeconds: z.number(),
  maxRssBytes: z.number(),
  stacks: z.array(stackResultSchema),
});
export type RunReport = z.infer<typeof runReportSchema>;

const stack = z.string();
/** Payloads by event type. Add a member here and the compiler shows every place to extend. */
export const eventPayloads = {
  /** First event. `stacks` in the order of the graph; `cpus` etc. only inform. */
  "run.started": z.object({
    operation: z.enum(OPERATIONS), target: z.enum(["local", "cloud"]), project: z.string(), configFile: z.string(),
    pid: z.number().int(), parallel: z.number().int(),
    /** Simulated seconds a second, in the local cloud. */
    timeScale: z.number().optional(),
    /** The part that the run is limited to. */
    only: z.string().optional(),
    stacks: z.array(z.object({
      name: z.string(),
      /** What the stack waits for in this run: for a destroy, its dependents. */
      dependsOn: z.array(z.string()),
      region: z.string().optional(),
      /** Resources expected, from the checkpoint or the last run; absent: unknown. */
      expected: z.number().int().optional(),
      /** Seconds that the last run of this operation took. */
      expectedSeconds: z.number().optional(),
    })),
  }),
  /** Stacks that are deployed but no longer in the config. */
  "run.orphans": z.object({ stacks: z.array(z.string()) }),
  /** A stop was asked for: `graceful` finishes what is in flight, `cancel` terminates it. */
  "run.stopping": z.object({ mode: z.enum(["graceful", "cancel"]), signal: z.string() }),
  "run.finished": runReportSchema,
  "stack.status": z.object({ stack, status: z.enum(STACK_STATUSES), reason: z.string().optional(), cause: z.string().optional() }),
  /** Something was settled before the update: a dead lock cleared, a pending create adopted or found absent. */
  "stack.recovered": z.object({ stack, action: z.enum(["lock-cleared", "adopted", "absent", "dropped"]), urn: z.string().optional(), id: z.string().optional(), message: z.string() }),
  /** The number of resources the program registered so far that need steps; grows while the program runs. */
  "stack.finished": z.object({ stack, result: stackResultSchema }),
  /** A resource operation began. `op` as the engine says: create, update, replace, delete, same, read, import, refresh… */
  "resource.started": z.object({ stack, urn: z.string(), resourceType: z.string(), op: z.string() }),
  "resource.finished": z.object({ stack, urn: z.string(), resourceType: z.string(), op: z.string(), seconds: z.number().optional() }),
  "resource.failed": z.object({ stack, urn: z.string(), resourceType: z.string(), op: z.string(), message: z.string().optional() }),
  /**
   * How a resource's wait for something outside goes on, as its provider tells: `phase <phase>; <n> checks; <seconds>s[; <detail>]`. At most
   * one a second and a phase. `seconds` in the provider's time: simulated ones in the local cloud.
   */
  "resource.progress": z.object({
    stack, urn: z.string(), phase: z.string(), checks: z.number().int(), seconds: z.number(), detail: z.string().optional(),
  }),
  /** A message from the engine or the program; `info` ones are shown only in logs. */
  "stack.diagnostic": z.object({ stack, severity: z.enum(["info", "warning", "error"]), message: z.string(), urn: z.string().optional() }),
  /** A policy violation. */
  "stack.policy": z.object({ stack, policy: z.string(), level: z.enum(["advisory", "mandatory", "remediate"]), message: z.string(), urn: z.string().optional() }),
} as const;

export type EventType = keyof typeof eventPayloads;
export type EventPayload<T extends EventType> = z.infer<(typeof eventPayloads)[T]>;
export type FleetEventBody = { [T in EventType]: { readonly type: T } & Readonly<EventPayload<T>> }[EventType];
/** An event as everybody sees it. `seq` counts from 1 within the run, `time` is ISO 8601, `run` the run's id. */
export type FleetEvent = FleetEventBody & { readonly seq: number; readonly time: string; readonly run: string };
