/** What the command line needs of the local cloud's client (`local/client.ts`), which is loaded only by commands that use it. */
import type { CloudStatus, Fault, LedgerEntry, NetworkStatus, NewFault, SetLink } from "../../local/protocol";

export interface LocalCloudPort {
  status(): Promise<CloudStatus>;
  ledger(): Promise<LedgerEntry[]>;
  addFault(fault: NewFault): Promise<Fault>;
  faults(): Promise<Fault[]>;
  clearFaults(): Promise<unknown>;
  /** Lines, without their ends. */
  logs(container: string, options: { readonly follow: boolean; readonly signal: AbortSignal }): AsyncIterable<string>;
  kill(container: string): Promise<unknown>;
  networks(): Promise<NetworkStatus>;
  setLink(from: string, to: string, link: SetLink["link"]): Promise<unknown>;
  heal(between?: readonly [string, string]): Promise<readonly SetLink[]>;
  stop(): Promise<unknown>;
}

export interface LocalCloudModule {
  ensureStarted(options: { readonly dir: string; readonly timeScale?: number; readonly report: (line: string) => void; readonly signal?: AbortSignal }): Promise<LocalCloudPort>;
  /** Undefined when none lives. */
  connect(dir: string): Promise<LocalCloudPort | undefined>;
  /** Without a state to compare with, every resource that lives counts as left behind. */
  balance(entries: readonly LedgerEntry[]): { readonly createdTwice: readonly { readonly urn: string }[]; readonly leftBehind: readonly { readonly urn: string }[] };
}
