/** Expands the Constellation form of a load test, `{HOME_REGION, REMOTE_REGIONS, DURATION}`, into stacks. */
import * as path from "node:path";
import { inputError, type InputFault } from "../errors";
import { isObject } from "./checks";
import { describe, pathText, schemaFaults } from "./faults";
import { configFolder } from "./folder";
import { readJson } from "./json";
import { metricsStoreFault, partitionOf, regionFault } from "./regions";
import { constellationSchema, MAX_VIRTUAL_USERS, TASKS_PER_SERVICE, USERS_PER_TASK } from "./schema";
import type { StackDeclaration } from "./types";

/** A load test over regions, as its JSON file has it. */
export interface Constellation {
  /** For editors; ignored. */
  readonly $schema?: string;
  /** Length of the test in milliseconds, a positive whole number. */
  readonly DURATION: number;
  /** Region of results and orchestration; one with Amazon Managed Service for Prometheus. */
  readonly HOME_REGION: string;
  /** Virtual users by region, 1 to 1,000,000 each. The home region may be among them. */
  readonly REMOTE_REGIONS: Readonly<Record<string, number>>;
}

export interface ConstellationOptions {
  /** Name of the home stack. @default "home" */
  readonly homeStack?: string;
}

/**
 * The stacks of a Constellation load test: `home`, and one a region, named by its region, which depends on it.
 *
 * The home region may generate load too: its load stack is named by the region, so the two don't clash.
 *
 * @param source a Constellation, or the path of its JSON file: relative to the config file's folder when called while one is
 *   loaded, else to the working directory
 * @example
 * export default defineFleet({ stacks: { ...constellation("./examples/constellation.json") } });
 * @throws FleetError `config-invalid` with every fault, `config-unreadable`
 */
export function constellation(source: string | Constellation, options: ConstellationOptions = {}): Record<string, StackDeclaration> {
  const { homeStack = "home" } = options;
  const data = typeof source === "string" ? readJson(path.resolve(configFolder(), source)) : source;
  const faults = constellationFaults(data, homeStack);
  if (faults.length > 0) throw inputError(typeof source === "string" ? path.basename(source) : "constellation", faults);
  return expand(data as Constellation, homeStack);
}

function expand({ DURATION, HOME_REGION, REMOTE_REGIONS }: Constellation, homeStack: string): Record<string, StackDeclaration> {
  const remoteRegions = Object.keys(REMOTE_REGIONS).sort();
  const home: StackDeclaration = {
    program: "constellation-home", region: HOME_REGION, tags: ["home"],
    config: { homeRegion: HOME_REGION, remoteRegions, durationMs: DURATION },
  };
  const regions = remoteRegions.map((region): [string, StackDeclaration] => [region, {
    program: "constellation-region", region, dependsOn: [homeStack], tags: ["region"],
    config: { virtualUsers: REMOTE_REGIONS[region] ?? 0, homeRegion: HOME_REGION, homeStack, durationMs: DURATION },
  }]);
  return { [homeStack]: home, ...Object.fromEntries(regions) };
}

/** Every fault of a Constellation. */
export function constellationFaults(data: unknown, homeStack = "home"): InputFault[] {
  const shape = schemaFaults(constellationSchema, data, "constellation");
  if (!isObject(data)) return shape;
  const { DURATION: duration, HOME_REGION: home, REMOTE_REGIONS: remote } = data;
  return [
    ...shape,
    ...(typeof duration === "number" ? durationFaults(duration) : []),
    ...(typeof home === "string" ? homeFaults(home) : []),
    ...(isObject(remote) ? remoteFaults(remote, home, homeStack) : []),
  ];
}

function durationFaults(duration: number): InputFault[] {
  if (!Number.isFinite(duration) || (Number.isSafeInteger(duration) && duration > 0)) return [];
  return [{ path: "DURATION", problem: "not a length of time", got: duration, expected: "a positive whole number of milliseconds", fix: "write 20000 for 20 seconds" }];
}

function homeFaults(home: string): InputFault[] {
  const fault = regionFault("HOME_REGION", home) ?? metricsStoreFault("HOME_REGION", home);
  return fault ? [fault] : [];
}

function remoteFaults(remote: Readonly<Record<string, unknown>>, home: unknown, homeStack: string): InputFault[] {
  const regions = Object.keys(remote);
  if (regions.length === 0) return [{ path: "REMOTE_REGIONS", problem: "no remote region", got: "an object without keys", expected: "at least one region with its virtual users", fix: "add one, such as \"eu-west-1\": 5" }];
  return regions.flatMap((region) => {
    const at = pathText(["REMOTE_REGIONS", region]);
    const unknown = regionFault(at, region);
    return [
      ...(unknown ? [unknown] : partitionFaults(at, region, home)),
      ...(region === homeStack ? [{ path: at, problem: "named as the home stack", got: region, expected: "another name of the home stack", fix: "choose another homeStack" }] : []),
      ...usersFaults(at, remote[region]),
    ];
  });
}

/** IAM roles and the orchestrator are shared by account, and an account belongs to one partition. */
function partitionFaults(at: string, region: string, home: unknown): InputFault[] {
  const partition = typeof home === "string" ? partitionOf(home) : undefined;
  if (partition === undefined || partitionOf(region) === partition) return [];
  return [{ path: at, problem: "in another partition than the home region", got: region, expected: `a region of the partition ${partition}`, fix: "run a fleet of its own there" }];
}

function usersFaults(at: string, users: unknown): InputFault[] {
  if (typeof users !== "number" || !Number.isFinite(users)) return []; // the schema says so already
  if (!Number.isSafeInteger(users) || users < 1) {
    const fix = users === 0 ? "remove the region, or give it at least 1" : "give a whole number from 1: virtual users are split exactly, never rounded";
    return [{ path: at, problem: "not a number of virtual users", got: describe(users), expected: `a whole number from 1 to ${MAX_VIRTUAL_USERS}`, fix }];
  }
  if (users <= MAX_VIRTUAL_USERS) return [];
  return [{
    path: at, problem: "more virtual users than one region can drive", got: users,
    expected: `at most ${MAX_VIRTUAL_USERS} (${TASKS_PER_SERVICE} tasks a service, the ECS quota, of ${USERS_PER_TASK} users each)`, fix: "spread them over more regions",
  }];
}
