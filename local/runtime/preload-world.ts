/**
 * What a container's processes know of their surroundings: files that the runtime replaces as networks and links change, read
 * without the runtime's help. Loaded by `preload.ts`; needs nothing but Node.
 */
import fs = require("node:fs");
import path = require("node:path");
import type { NetworkTable } from "./names";
import type { ContainerView, LinkView } from "./views";

/** Set by the runtime for each container; see `environment.ts`. */
export const OWN_ADDRESS = process.env["STACKFLEET_ADDRESS"] ?? "";
const VIEW_FILE = process.env["STACKFLEET_NETWORK"] ?? "";

/** Where nothing notifies (the system's limit of watches is reached), files are looked at this often. */
const POLL_MS = 100;
/** A notification that was lost is made up for after this long. */
const SAFETY_POLL_MS = 1_000;

const NOTHING: ContainerView = { networks: [], links: {} };

/** A JSON file that is replaced whole; parsed again when it is another one than before. */
class ReplacedFile<T> {
  private version = "";
  private content: T | undefined;

  constructor(private readonly file: string) {}

  /** Undefined when there is no such file. */
  read(): T | undefined {
    const stat = fs.statSync(this.file, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    const version = `${stat.ino}:${stat.mtimeNs}`;
    if (version === this.version) return this.content;
    try {
      this.content = JSON.parse(fs.readFileSync(this.file, "utf8")) as T;
      this.version = version;
    } catch (error) {
      // Replaced between the two calls; the next look reads the new file. Any other fault must show.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
    return this.content;
  }
}

const viewFile = new ReplacedFile<ContainerView>(VIEW_FILE);
const tables = new Map<string, ReplacedFile<NetworkTable>>();

/** What this container may see now. */
export function view(): ContainerView {
  return (VIEW_FILE === "" ? undefined : viewFile.read()) ?? NOTHING;
}

/** The networks that this container is on now. */
export function networkTables(): NetworkTable[] {
  return view().networks.flatMap((file) => {
    let table = tables.get(file);
    if (table === undefined) tables.set(file, (table = new ReplacedFile(file)));
    return table.read() ?? [];
  });
}

/** How traffic with the container at an address fares. */
export function linkTo(address: string): LinkView {
  const { links } = view();
  return (Object.hasOwn(links, address) ? links[address] : undefined) ?? {};
}

/** Whether the container at an address is on one of this container's networks. */
export function sharesNetwork(address: string): boolean {
  return networkTables().some(({ members }) => members.includes(address));
}

/** Containers' addresses; the same range as in `addresses.ts`. */
export function isContainer(address: string): boolean {
  const match = /^127\.(\d+)\./.exec(address);
  return match !== null && Number(match[1]) >= 64 && Number(match[1]) <= 127;
}

/** Calls back soon after every change of this container's view. Doesn't keep the process alive, and costs nothing until it is called. */
export function onViewChange(listener: () => void): void {
  let interval = SAFETY_POLL_MS;
  try {
    // The folder and not the file, which is replaced.
    fs.watch(path.dirname(VIEW_FILE), { persistent: false }, listener).on("error", () => setInterval(listener, POLL_MS).unref());
  } catch {
    interval = POLL_MS; // no more watches (ENOSPC, EMFILE), or none on this system
  }
  setInterval(listener, interval).unref();
}
