/** Log groups: their names and how long they keep lines. */
import * as pulumi from "@pulumi/pulumi";
import type { ArgumentFault } from "./arguments";

/** Days that CloudWatch Logs can keep lines. Source: Amazon CloudWatch Logs API Reference, PutRetentionPolicy. */
const LOG_RETENTION_DAYS: readonly number[] = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/** Faults of the argument `logRetentionDays`. */
export function retentionFaults(days: number): ArgumentFault[] {
  if (LOG_RETENTION_DAYS.includes(days)) return [];
  return [{
    path: "logRetentionDays", problem: "not a retention that CloudWatch Logs has", got: days,
    expected: `one of ${LOG_RETENTION_DAYS.join(", ")}`, fix: "use the next larger one",
  }];
}

/** Start of the names of the project's log groups: `/stackfleet/<project>`. */
export function logGroupPrefix(): string {
  return `/stackfleet/${pulumi.getProject()}`;
}
