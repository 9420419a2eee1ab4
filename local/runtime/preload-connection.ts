/**
 * One connection with another container, and what its link does to it: silence, delay, or nothing. See `preload-links.ts` for the
 * model. Needs nothing but Node.
 */
import os = require("node:os");
import { linkTo, onViewChange, sharesNetwork, view } from "./preload-world";
import type { Link } from "./port";
import type { LinkView } from "./views";

/** Linux gives up a connect after six more SYNs, 127 s (tcp_syn_retries, ip-sysctl(7)). */
const CONNECT_TIMEOUT_MS = 127_000;
/** A connect that waits looks again this often: networks that only the far side joins are not notified. */
const RETRY_MS = 100;
/** Bytes under way on a slow connection before its writer waits, as a kernel's send buffer would hold (tcp_wmem's usual maximum). */
const SEND_BUFFER_BYTES = 4 * 1024 * 1024;
/** What a write says when the far side has sent a RST. */
const RESET_CODES = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED"]);

/** Node's own methods of a TCP handle, free of what `preload-links.ts` puts over them. */
export interface TcpHandle {
  connect(request: ConnectRequest, port: number): number;
  readStart(): void;
  readStop(): void;
  /** Doesn't keep the process alive any more. */
  unref(): void;
}
export interface ConnectRequest { oncomplete?: (status: number, ...rest: unknown[]) => void }
export type Done = (error?: Error | null) => void;

const isCut = (link: Link | undefined): boolean => link?.kind === "cut";
const delayOf = (link: Link | undefined): number => (link?.kind === "slow" ? link.delayMs : 0);

/** Every open connection with another container. */
const connections = new Set<Connection>();
let silencing = false;
let following: unknown;

/** A connection with another container, from its connect or accept to its close. */
export class Connection {
  /** The program wants to read. */
  wantsRead = false;
  /** Nothing that arrives is seen. */
  silent = false;
  private link: LinkView = {};
  private attempt: (() => void) | undefined;
  private timer: NodeJS.Timeout | undefined;
  private parked: (() => void) | undefined;
  private readonly heldErrors: (() => void)[] = [];
  private readonly delayed: { readonly due: number; readonly send: (next: () => void) => void }[] = [];
  private bytesUnderWay = 0;
  private blockedWriter: Done | undefined;

  constructor(private readonly handle: TcpHandle, private readonly peer: string) {
    connections.add(this);
    follow();
    this.update();
  }

  /** Takes the link as it is now. */
  update(): void {
    this.link = linkTo(this.peer);
    const silent = isCut(this.link.in);
    if (silent !== this.silent) {
      this.silent = silent;
      if (silent) this.silence();
      else if (this.wantsRead) this.handle.readStart();
    }
    if (!silent) for (const tell of this.heldErrors.splice(0)) tell();
    if (!isCut(this.link.out)) this.parked?.();
    this.attempt?.();
  }

  silence(): void {
    this.handle.readStop();
    if (silencing) return;
    silencing = true;
    setImmediate(silenceAll).unref();
  }

  /** 0, as for every connect that is under way; `fail` when it has failed later than Node could see. Else the system's error. */
  connect(request: ConnectRequest, port: number, fail: (status: number) => void): number {
    const begin = (): number => this.handle.connect(request, port);
    if (!this.isBlocked() && this.roundTripMs() === 0) return begin();
    this.hold(begin, fail);
    return 0;
  }

  private hold(begin: () => number, fail: (status: number) => void): void {
    const deadline = performance.now() + CONNECT_TIMEOUT_MS;
    let travelled: number | undefined;
    this.attempt = () => {
      // The timer keeps the process alive, as a connect that is under way does.
      clearTimeout(this.timer);
      const again = (ms: number): void => void (this.timer = setTimeout(() => this.attempt?.(), ms));
      const now = performance.now();
      if (now >= deadline) return this.settleAttempt(() => fail(-os.constants.errno.ETIMEDOUT));
      if (this.isBlocked()) {
        travelled = undefined;
        return again(RETRY_MS);
      }
      travelled ??= now + this.roundTripMs();
      if (now < travelled) return again(travelled - now);
      this.settleAttempt(() => {
        const status = begin();
        if (status !== 0) fail(status);
      });
    };
    this.attempt();
  }

  private settleAttempt(settle: () => void): void {
    this.attempt = undefined;
    settle();
  }

  private isBlocked(): boolean {
    return isCut(this.link.in) || isCut(this.link.out) || !sharesNetwork(this.peer);
  }

  private roundTripMs(): number {
    return delayOf(this.link.in) + delayOf(this.link.out);
  }

  /** True when nothing stands between a write and the kernel. */
  get isDirect(): boolean {
    return this.delayed.length === 0 && delayOf(this.link.out) === 0;
  }

  /** Passes the outcome of a write on, if the far side's news may arrive. */
  settleWrite(error: Error | null | undefined, done: Done): void {
    const reset = error !== null && error !== undefined && "code" in error && RESET_CODES.has(String(error.code));
    // An error is rare, so the file may be asked: the notice of the cut may still be on its way.
    if (reset && isCut(linkTo(this.peer).in)) this.heldErrors.push(() => done(error));
    else done(error);
  }

  /** Does later what follows whatever was sent before; one thing at a time, as TLS needs it. `send` says when it is done. */
  delay(send: (next: () => void) => void): void {
    const due = Math.max(performance.now() + delayOf(this.link.out), this.delayed.at(-1)?.due ?? 0);
    this.delayed.push({ due, send });
    if (this.delayed.length === 1) this.sendNext();
  }

  private sendNext(): void {
    const [first] = this.delayed;
    if (first === undefined) return;
    setTimeout(() => first.send(() => {
      // Removed only now: what was written meanwhile had to queue behind it.
      this.delayed.shift();
      this.sendNext();
    }), first.due - performance.now());
  }

  /** A write that travels for a while; its writer goes on at once, until the send buffer is full. */
  delayWrite(bytes: number, write: (done: Done) => void, done: Done, fail: (error: Error) => void): void {
    this.bytesUnderWay += bytes;
    if (this.bytesUnderWay < SEND_BUFFER_BYTES) process.nextTick(done);
    else this.blockedWriter = done;
    this.delay((next) => write((error) => this.settleWrite(error, (seen) => {
      this.bytesUnderWay -= bytes;
      const writer = this.blockedWriter;
      this.blockedWriter = undefined;
      if (seen !== null && seen !== undefined) fail(seen);
      else writer?.();
      next();
    })));
  }

  /** True when the close must wait, because the far side may not see it yet; the program is told that it is done. */
  park(close: () => void, callback: () => void): boolean {
    if (this.attempt === undefined) this.link = linkTo(this.peer);
    const delayMs = delayOf(this.link.out);
    if (this.attempt !== undefined || (!isCut(this.link.out) && delayMs === 0)) {
      this.attempt = undefined;
      clearTimeout(this.timer);
      connections.delete(this);
      return false;
    }
    const finish = (): void => {
      this.parked = undefined;
      connections.delete(this);
      close();
    };
    this.handle.readStop();
    this.wantsRead = false;
    this.handle.unref();
    if (delayMs > 0) setTimeout(finish, delayMs);
    else this.parked = finish;
    setImmediate(callback);
    return true;
  }
}

/**
 * HTTP/2 starts to read again by itself when a write has been taken. An immediate that keeps nothing alive runs at the end of each turn of the
 * event loop, makes no turns by itself, and comes before the next look at the sockets; so hardly anything is read meanwhile.
 */
function silenceAll(): void {
  silencing = false;
  for (const connection of connections) if (connection.silent) connection.silence();
}

/** From the first connection on, changes of the links are followed. */
function follow(): void {
  if (following !== undefined) return;
  following = view();
  onViewChange(() => {
    const now = view();
    if (now === following) return;
    following = now;
    for (const connection of [...connections]) connection.update();
  });
}
