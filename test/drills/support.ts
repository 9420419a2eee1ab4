/** What the drills share: a load-test fleet of their own, kills, and seeded moments. */
import { readdirSync } from "node:fs";
import { procStat } from "../../automation/system/proc";
import { constellationFile, TestFleet } from "../support/fleet";

/** A Constellation fleet with a local cloud of its own. */
export class DrillFleet extends TestFleet {
  /** @param regions virtual users by remote region */
  constructor(regions: Readonly<Record<string, number>>, timeScale = 2000) {
    super({ files: { "fleet.json": constellationFile(regions) }, config: "fleet.json", timeScale });
  }
}

/** SIGKILL to a process and all its descendants, as a power cut would end them: nothing gets to clean up. */
export function killTree(root: number): void {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(Number(name));
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = (pid: number): number[] => [pid, ...(children.get(pid) ?? []).flatMap(tree)];
  for (const pid of tree(root)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

function parentOf(pid: number): number | undefined {
  const parent = procStat(pid)?.field(4);
  return parent === undefined ? undefined : Number(parent); // undefined: ended meanwhile
}

/** A small seeded generator (mulberry32), so that a failing moment can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
