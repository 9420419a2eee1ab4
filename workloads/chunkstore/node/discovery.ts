/** Finds nodes by the network's DNS: all of a role answer to one alias. */
import { lookup as dnsLookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import type { Log } from "../transport";

/** A resolver that is down may take half a minute to say so; nobody waits for that. */
const TIMEOUT_MS = 2_000;

/** All addresses of a name. @throws when there are none */
export type Lookup = (name: string) => Promise<readonly string[]>;

export interface DiscoveryOptions {
  readonly alias: string;
  readonly log: Pick<Log, "info" | "debug" | "warn">;
  /** @default the system's resolver */
  readonly lookup?: Lookup;
  /** @default 2,000 */
  readonly timeoutMs?: number;
}

export interface Discovery {
  /**
   * Addresses of the alias, this node's own left out, sorted. When the look-up fails, those that it gave last: a resolver that
   * is away for a moment must not make peers vanish. Never rejects; calls that come during a look-up share it.
   */
  find(): Promise<readonly string[]>;
}

/** Logs "discovered N peers" whenever the addresses are others than before. */
export function createDiscovery({ alias, log, lookup = systemLookup, timeoutMs = TIMEOUT_MS }: DiscoveryOptions): Discovery {
  let known: readonly string[] = [];
  let told: string | undefined;
  let failing = false;
  let pending: Promise<void> | undefined;

  const look = async (): Promise<void> => {
    try {
      const [found, own] = await Promise.all([lookup(alias), ownAddresses(lookup)]);
      known = [...new Set(found)].filter((address) => !own.has(address)).sort();
      failing = false;
      const text = known.join(" ");
      if (text !== told) log.info({ alias, peers: known }, `discovered ${known.length} peers`);
      told = text;
    } catch (error) {
      const fields = { alias, reason: codeOf(error), kept: known.length };
      if (failing) log.debug(fields, "the alias doesn't resolve");
      else log.info(fields, "the alias doesn't resolve");
      failing = true;
    }
  };
  return {
    find: async () => {
      // A look-up that hangs goes on by itself, and only one of them: each would hold one of the few threads that also serve files.
      pending ??= look().finally(() => { pending = undefined; });
      await within(pending, timeoutMs);
      return known;
    },
  };
}

const systemLookup: Lookup = async (name) => (await dnsLookup(name, { all: true, family: 4 })).map(({ address }) => address);

/** Of this machine's interfaces, and what `localhost` is: where several nodes share a machine, each has its own. */
async function ownAddresses(lookup: Lookup): Promise<ReadonlySet<string>> {
  const local = await lookup("localhost").catch(() => []); // a machine without `localhost` has its interfaces all the same
  return new Set([...local, ...Object.values(networkInterfaces()).flatMap((entries) => entries?.map(({ address }) => address) ?? [])]);
}

async function within(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => { timer = setTimeout(resolve, ms); });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
