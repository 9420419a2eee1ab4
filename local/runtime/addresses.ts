/** Gives each container its own loopback address, the same over restarts, and never one that another local cloud uses. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { ServiceError } from "../model";
import { errorCode } from "./processes";

/** Addresses come from 127.64.0.0 to 127.127.255.255, in blocks of 256: away from 127.0.0.1 and from distributions' 127.0.1.1. */
const FIRST_OCTET_RANGE = { from: 64, to: 127 } as const;
const ADDRESSES_PER_BLOCK = 254;
const BLOCKS = (FIRST_OCTET_RANGE.to - FIRST_OCTET_RANGE.from + 1) * 256;

/**
 * A daemon holds this port on the first address of each block that it uses, so that two daemons on one machine never hand out
 * the same address. A container on that address can't listen on this one port.
 */
const CLAIM_PORT = 64_064;

/** What the pool needs from the system; replaced in tests. */
export interface AddressSystem {
  /** Holds the block for this process. `false`: another process has it. @throws ServiceError when the address doesn't exist here */
  claim(firstAddress: string): Promise<{ release(): Promise<void> } | false>;
  /** Loopback addresses that something listens on or talks over. */
  inUse(): ReadonlySet<string>;
}

/** The addresses of one runtime. */
export class AddressPool {
  private readonly claims = new Map<number, { release(): Promise<void> }>();
  private readonly taken = new Map<string, string>();
  private queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly system: AddressSystem = systemAddresses) {}

  /** Takes back what was handed out before a restart, under the ids that had it. */
  async adopt(addresses: ReadonlyMap<string, string>): Promise<void> {
    for (const [id, address] of addresses) this.taken.set(address, id);
    const blocks = new Set([...addresses.values()].map(blockOf));
    for (const block of blocks) {
      const claim = await this.system.claim(addressAt(block, 1));
      // Held by another: our processes may live on these addresses, so keep them; new ones come from a block of our own.
      if (claim !== false) this.claims.set(block, claim);
    }
  }

  /** The lowest free address of a block this process holds; claims another block when all are full. */
  take(id: string): Promise<string> {
    const result = this.queue.then(() => this.takeNow(id));
    this.queue = result.catch(() => undefined);
    return result;
  }

  private async takeNow(id: string): Promise<string> {
    const used = this.system.inUse();
    for (const block of [...this.claims.keys()].sort((a, b) => a - b)) {
      const address = this.freeIn(block, used);
      if (address !== undefined) return this.hand(address, id);
    }
    for (let block = 0; block < BLOCKS; block++) {
      if (this.claims.has(block) || [...used].some((address) => isPooled(address) && blockOf(address) === block)) continue;
      const claim = await this.system.claim(addressAt(block, 1));
      if (claim === false) continue;
      this.claims.set(block, claim);
      return this.hand(addressAt(block, 1), id);
    }
    throw new ServiceError("AddressLimitExceeded", "no loopback address is left between 127.64.0.1 and 127.127.255.254; stop other local clouds");
  }

  private freeIn(block: number, used: ReadonlySet<string>): string | undefined {
    for (let host = 1; host <= ADDRESSES_PER_BLOCK; host++) {
      const address = addressAt(block, host);
      if (this.taken.has(address)) continue;
      // The claim itself listens on the first address; that is no other's use of it.
      if (host > 1 && used.has(address)) continue;
      return address;
    }
    return undefined;
  }

  private hand(address: string, id: string): string {
    this.taken.set(address, id);
    return address;
  }

  free(address: string): void {
    this.taken.delete(address);
  }

  async close(): Promise<void> {
    await Promise.all([...this.claims.values()].map((claim) => claim.release()));
    this.claims.clear();
  }
}

function addressAt(block: number, host: number): string {
  return `127.${FIRST_OCTET_RANGE.from + Math.floor(block / 256)}.${block % 256}.${host}`;
}

function isPooled(address: string): boolean {
  const [first, second] = address.split(".").map(Number);
  return first === 127 && second !== undefined && second >= FIRST_OCTET_RANGE.from && second <= FIRST_OCTET_RANGE.to;
}

function blockOf(address: string): number {
  const [, second = 0, third = 0] = address.split(".").map(Number);
  return (second - FIRST_OCTET_RANGE.from) * 256 + third;
}

/** The real system. */
export const systemAddresses: AddressSystem = {
  claim: async (address) => {
    const server = createServer((socket) => socket.destroy());
    try {
      await listen(server, address);
    } catch (error) {
      if (errorCode(error) === "EADDRINUSE") return false;
      if (errorCode(error) === "EADDRNOTAVAIL") throw missingAlias(address);
      throw error;
    }
    server.unref();
    return { release: () => new Promise((resolve, reject) => server.close((error) => (error ? reject(error) : resolve()))) };
  },
  inUse: () => (process.platform === "linux" ? parseProcNetTcp(readFileSync("/proc/net/tcp", "utf8")) : new Set()),
};

function listen(server: Server, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port: CLAIM_PORT, exclusive: true }, resolve);
  });
}

/** macOS has only 127.0.0.1 on lo0 until others are added; the whole of 127.0.0.0/8 works on Linux. */
export function missingAlias(address: string): ServiceError {
  const prefix = address.slice(0, address.lastIndexOf("."));
  return new ServiceError(
    "AddressNotAvailable",
    `loopback address ${address} does not exist on this system; got EADDRNOTAVAIL; each container needs one address of 127.0.0.0/8; `
      + `add aliases: for i in $(seq 1 64); do sudo ifconfig lo0 alias ${prefix}.$i up; done`,
  );
}

/** Local addresses of `/proc/net/tcp` (little-endian hex, proc_net_tcp(5)), in any state but TIME_WAIT (06), which binds nothing. */
export function parseProcNetTcp(table: string): Set<string> {
  const found = new Set<string>();
  for (const line of table.split("\n").slice(1)) {
    const [, local, , state] = line.trim().split(/\s+/);
    if (local === undefined || state === "06") continue;
    const bytes = local.slice(0, 8).match(/../g)?.map((byte) => Number.parseInt(byte, 16)).reverse();
    if (bytes !== undefined) found.add(bytes.join("."));
  }
  return found;
}
