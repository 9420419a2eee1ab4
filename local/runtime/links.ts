/** Links between containers that are not open: by direction, kept in the runtime's database by its owner. */
import { ServiceError } from "../model";
import type { Link } from "./port";

/** One direction between two containers. */
export interface SetLink { readonly from: string; readonly to: string; readonly link: Link }

/** Longest delay: beyond it, a link is as good as cut. */
export const MAX_DELAY_MS = 60_000;

const OPEN: Link = { kind: "open" };

/** The links of one runtime. */
export class LinkTable {
  private readonly byPair = new Map<string, SetLink>();

  constructor(links: Iterable<SetLink> = []) {
    for (const link of links) this.set(link);
  }

  get(from: string, to: string): Link {
    return this.byPair.get(keyOf(from, to))?.link ?? OPEN;
  }

  /** @throws ServiceError for a link of a container with itself, or a delay out of range */
  set({ from, to, link }: SetLink): void {
    if (from === to) throw invalid(`link: a container always reaches itself; got ${from} twice; name two containers`);
    if (link.kind === "slow" && !(link.delayMs >= 0 && link.delayMs <= MAX_DELAY_MS)) {
      throw invalid(`delayMs: out of range; got ${link.delayMs}; expected 0 to ${MAX_DELAY_MS} milliseconds; cut the link to let nothing through`);
    }
    const open = link.kind === "open" || (link.kind === "slow" && link.delayMs === 0);
    if (open) this.byPair.delete(keyOf(from, to));
    else this.byPair.set(keyOf(from, to), { from, to, link });
  }

  /** Drops every link of a container that is gone. Returns whether there were any. */
  forget(id: string): boolean {
    const before = this.byPair.size;
    for (const [key, { from, to }] of this.byPair) if (from === id || to === id) this.byPair.delete(key);
    return this.byPair.size < before;
  }

  list(): SetLink[] {
    return [...this.byPair.values()];
  }
}

/** Ids hold no space. */
function keyOf(from: string, to: string): string {
  return `${from} ${to}`;
}

function invalid(message: string): ServiceError {
  return new ServiceError("InvalidParameterException", message);
}
