/** Carries out what the fault plan has for a request of the API. */
import type { FastifyReply } from "fastify";
import type { Cloud } from "../core/cloud";
import type { FAULT_KINDS } from "../protocol";
import { internal, throttled } from "./problems";

export type Fault = (typeof FAULT_KINDS)[number];

/** Real seconds that a throttled client is asked to wait. */
const RETRY_AFTER_SECONDS = 1;
/** Simulated seconds that a slow answer takes. */
const SLOW_SECONDS = 60;

/**
 * Counts one request of the type. `handle` gets the kinds that are about the resource; those about the request happen here:
 * `throttle` (429), `fail` (500, nothing is made), `slow`, `hang` (until the plan is cleared), `drop-reply` (the work is done, the connection ends).
 */
export async function carryOut(cloud: Cloud, type: string, reply: FastifyReply, handle: (fault: Fault | undefined) => unknown): Promise<unknown> {
  const fault = cloud.faults.next(type, "");
  if (fault === "throttle") throw throttled(RETRY_AFTER_SECONDS);
  if (fault === "fail") throw internal("The request was refused by the fault plan.");
  if (fault === "slow") await cloud.context.clock.sleep(SLOW_SECONDS);
  const answer = await handle(fault === "hang" ? undefined : fault);
  if (fault === "hang") await cloud.faults.hold(new AbortController().signal);
  if (fault === "drop-reply") {
    reply.hijack();
    reply.raw.destroy();
  }
  return answer;
}
