/** The daemon's control API as data: what `local/client.ts` and the daemon exchange over loopback HTTP. */
import { z } from "zod";

/** `daemon.json`, mode 0600: how to reach the daemon of this folder. Ports are chosen once and kept. */
export const daemonInfoSchema = z.object({
  version: z.string(),
  pid: z.number().int(),
  /** Start time of `pid` as the system tells it; proves that the process is the same one. */
  pidStart: z.string(),
  startedAt: z.string(),
  timeScale: z.number(),
  /** Bearer token of the control API. */
  token: z.string(),
  ports: z.object({
    control: z.number().int(),
    /** The AWS APIs. */
    aws: z.number().int(),
    /** Pulumi provider protocol, by package. */
    providers: z.record(z.string(), z.number().int()),
    /** APIs of services that are no part of AWS, by name. */
    services: z.record(z.string(), z.number().int()).default({}),
  }),
  /** Unix sockets of services, by name. */
  sockets: z.record(z.string(), z.string()).default({}),
  /** Variables that attach clients of those services: addresses, keys of the local account. */
  environment: z.record(z.string(), z.string()).default({}),
});
export type DaemonInfo = z.infer<typeof daemonInfoSchema>;

/** One provider call. `seq` counts from 1 over the ledger's whole life. */
export const ledgerEntrySchema = z.object({
  seq: z.number().int(),
  /** ISO 8601, when the call arrived. */
  time: z.string(),
  stack: z.string(),
  urn: z.string(),
  type: z.string(),
  operation: z.enum(["create", "read", "update", "delete"]),
  id: z.string(),
  /** `ok`, `error: …`; `pending` while the call is under way. */
  result: z.string(),
  /** Real milliseconds until the result. */
  durationMs: z.number().optional(),
  /** Simulated seconds of the modelled latency. */
  modelledSeconds: z.number().optional(),
  region: z.string().optional(),
});
export type LedgerEntry = z.infer<typeof ledgerEntrySchema>;

export const FAULT_KINDS = ["fail", "throttle", "hang", "drop-reply", "slow", "action-required", "rejected", "expired", "failed"] as const;

/** A planned fault: fires once, at the nth create of the type (in the stack, when given) since it was added. */
export const faultSchema = z.object({
  id: z.number().int(),
  type: z.string(),
  stack: z.string().optional(),
  nth: z.number().int().min(1).default(1),
  kind: z.enum(FAULT_KINDS),
  seen: z.number().int(),
  fired: z.boolean(),
});
export type Fault = z.infer<typeof faultSchema>;
export const newFaultSchema = faultSchema.pick({ type: true, stack: true, nth: true, kind: true });
export type NewFault = z.input<typeof newFaultSchema>;

export const cloudStatusSchema = z.object({
  version: z.string(),
  pid: z.number().int(),
  timeScale: z.number(),
  uptimeSeconds: z.number(),
  resources: z.number().int(),
  containers: z.array(z.object({
    id: z.string(), image: z.string(), status: z.string(), health: z.string(), address: z.string(),
    pid: z.number().int().optional(), restarts: z.number().int(), labels: z.record(z.string(), z.string()),
  })),
  faults: z.number().int(),
  ledgerEntries: z.number().int(),
});
export type CloudStatus = z.infer<typeof cloudStatusSchema>;

/** What one container sends to another: see `Link` of the container runtime. */
export const linkSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("open") }),
  z.object({ kind: z.literal("cut") }),
  z.object({ kind: z.literal("slow"), delayMs: z.number().min(0).max(60_000) }),
]);
/** One direction between two containers. */
export const setLinkSchema = z.object({ from: z.string(), to: z.string(), link: linkSchema });
export type SetLink = z.infer<typeof setLinkSchema>;

export const networkStatusSchema = z.object({
  /** Sorted by name. */
  networks: z.array(z.object({
    name: z.string(),
    members: z.array(z.object({ id: z.string(), address: z.string(), status: z.string(), aliases: z.array(z.string()) })),
  })),
  /** Those that aren't open. */
  links: z.array(setLinkSchema),
});
export type NetworkStatus = z.infer<typeof networkStatusSchema>;

/** Two containers, both directions; without them every link. */
export const healSchema = z.object({ between: z.tuple([z.string(), z.string()]).optional() });
export const healedSchema = z.object({ healed: z.array(setLinkSchema) });

/** Simulated seconds a real second. */
export const timeScaleSchema = z.object({ timeScale: z.number().positive().max(1_000_000) });

/** Answer to a refused request. */
export const refusalSchema = z.object({ error: z.object({ code: z.string(), message: z.string(), fix: z.string().optional() }) });

/** What a started daemon tells its starter over IPC, once. */
export const startReportSchema = z.discriminatedUnion("ready", [
  z.object({ ready: z.literal(true) }),
  z.object({ ready: z.literal(false), code: z.string(), message: z.string(), fix: z.string().optional() }),
]);
export type StartReport = z.infer<typeof startReportSchema>;
