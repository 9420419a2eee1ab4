/**
 * The links between containers, as a container's own process feels them; loaded by `preload.ts`, needs nothing but Node.
 *
 * A cut is made where packets would arrive: the receiver stops reading, in the kernel, below TLS and every protocol. What the far
 * side sends, its FIN and its RST included, waits in the socket until the cut heals, as if it were sent again then. So nothing
 * stands between a program and its socket while all links are open. Beside that
 * - connects to where no packet arrives, or from where no answer does, are held back: a SYN into a void. They go through when
 *   the cut heals, and fail with ETIMEDOUT when the kernel's would;
 * - a socket that is closed stays open behind the program's back until the cut heals or the process ends;
 * - write errors that only the far side's RST can have caused are held back until the cut heals.
 *
 * What a `slow` link carries is held back by the sender, in order; a connect for the way there and the way back.
 *
 * Not modelled: IPv6 and UDP. HTTP/2 reads and writes past JavaScript: its frames are not slowed, and behind a cut it may see
 * what had arrived when one of its own large writes is taken. The TLS handshake's own messages are not slowed. What a process had sent
 * on a slow link when it destroys the socket or dies is lost; what it had sent into a cut when it died arrives after the healing.
 */
import net = require("node:net");
import { Connection, type ConnectRequest, type Done } from "./preload-connection";
import { isContainer, OWN_ADDRESS } from "./preload-world";

const CONNECTION = Symbol("stackfleet.connection");
const BOUND = Symbol("stackfleet.bound");

/** Node's handle of a TCP socket, or of TLS over one, as far as it is used here. */
interface Handle {
  [CONNECTION]?: Connection | null;
  [BOUND]?: boolean;
  /** What TLS lies on. */
  _parent?: Handle;
  bind(address: string, port: number, flags?: number): number;
  connect(request: ConnectRequest, address: string, port: number): number;
  readStart(): number;
  readStop(): number;
  close(callback?: () => void): void;
  reset(callback?: () => void): number;
  getpeername?(out: { address?: string }): number;
  unref(): void;
}

/** Parts of `net.Socket` that streams call. */
interface Socket extends net.Socket {
  _handle: Handle | null;
  _writeGeneric(this: Socket, writev: boolean, data: unknown, encoding: string, done: Done): unknown;
}

/** The methods as they were. */
let real: Pick<Handle, "bind" | "connect" | "readStart" | "readStop" | "close" | "reset">;

/** The connection that a handle belongs to, if it is one with another container; accepted ones are met here for the first time. */
function connectionOf(handle: Handle | null | undefined): Connection | undefined {
  let tcp = handle;
  while (tcp?._parent !== undefined) tcp = tcp._parent;
  if (tcp === null || tcp === undefined) return undefined;
  if (tcp[CONNECTION] === undefined) {
    const out: { address?: string } = {};
    if (tcp.getpeername?.(out) !== 0 || out.address === undefined) return undefined;
    tcp[CONNECTION] = connectionWith(tcp, out.address);
  }
  return tcp[CONNECTION] ?? undefined;
}

/** Null with anything but another container. */
function connectionWith(handle: Handle, address: string): Connection | null {
  if (!isContainer(address) || address === OWN_ADDRESS) return null;
  return new Connection({
    connect: (request, port) => real.connect.call(handle, request, address, port),
    readStart: () => void real.readStart.call(handle),
    readStop: () => void real.readStop.call(handle),
    unref: () => handle.unref(),
  }, address);
}

/** The class of TCP handles is not public; a socket that is about to connect has one, and connects only in the next tick. */
function tcpPrototype(): Handle {
  const probe = new net.Socket() as Socket;
  probe.connect({ host: "127.0.0.1", port: 1 });
  const handle = probe._handle;
  probe.destroy();
  if (handle === null) throw new Error(`this Node.js has sockets of an unknown kind; got ${process.version}; expected 22 to 24; the local cloud can't model networks with it`);
  return Object.getPrototypeOf(handle) as Handle;
}

/** Reading starts and stops by the program's wish, unless the link is silent. For TCP, and for TLS over it. */
function patchReading(prototype: Handle): void {
  const { readStart, readStop } = prototype;
  Object.assign(prototype, {
    readStart(this: Handle): number {
      const connection = connectionOf(this);
      if (connection === undefined) return readStart.call(this);
      connection.wantsRead = true;
      return connection.silent ? 0 : readStart.call(this);
    },
    readStop(this: Handle): number {
      const connection = connectionOf(this);
      if (connection !== undefined) connection.wantsRead = false;
      return readStop.call(this);
    },
  });
}

function patchHandles(): void {
  const prototype = tcpPrototype();
  const { bind, connect, readStart, readStop, close, reset } = prototype;
  real = { bind, connect, readStart, readStop, close, reset };
  patchReading(prototype);
  Object.assign(prototype, {
    bind(this: Handle, address: string, port: number, flags?: number): number {
      this[BOUND] = true;
      return bind.call(this, address, port, flags);
    },
    connect(this: Handle, request: ConnectRequest, address: string, port: number): number {
      // Here and not by `localAddress`, which would keep Node from trying a name's addresses one after the other.
      const status = address.startsWith("127.") && this[BOUND] !== true ? this.bind(OWN_ADDRESS, 0, 0) : 0;
      if (status !== 0) return status;
      const connection = connectionWith(this, address);
      this[CONNECTION] = connection;
      if (connection === null) return connect.call(this, request, address, port);
      return connection.connect(request, port, (failed) => request.oncomplete?.(failed, this, request, false, false));
    },
    close(this: Handle, callback?: () => void): void {
      if (this[CONNECTION]?.park(() => close.call(this), () => callback?.call(this)) !== true) close.call(this, callback);
    },
    reset(this: Handle, callback?: () => void): number {
      return this[CONNECTION]?.park(() => void reset.call(this), () => callback?.call(this)) === true ? 0 : reset.call(this, callback);
    },
  });
}

function patchSockets(): void {
  const prototype = net.Socket.prototype as Socket;
  const { _read: read, _final: final, _writeGeneric: write } = prototype;
  let tlsIsPatched = false;
  Object.assign(prototype, {
    _read(this: Socket, size: number): void {
      // The class of TLS handles isn't public either; the first one that wants to read shows it.
      if (!tlsIsPatched && this._handle?._parent !== undefined) {
        tlsIsPatched = true;
        patchReading(Object.getPrototypeOf(this._handle) as Handle);
      }
      read.call(this, size);
    },
    _writeGeneric(this: Socket, writev: boolean, data: unknown, encoding: string, done: Done): unknown {
      // While it connects, Node calls again when it is connected.
      const connection = this.connecting ? undefined : connectionOf(this._handle);
      if (connection === undefined) return write.call(this, writev, data, encoding, done);
      if (connection.isDirect) return write.call(this, writev, data, encoding, (error) => connection.settleWrite(error, done));
      return connection.delayWrite(sizeOf(data), (sent) => void write.call(this, writev, data, encoding, sent), done, (error) => void this.destroy(error));
    },
    _final(this: Socket, done: Done): void {
      const connection = this.connecting ? undefined : connectionOf(this._handle);
      if (connection === undefined || connection.isDirect) final.call(this, done);
      else connection.delay((next) => final.call(this, (error) => {
        done(error);
        next();
      }));
    },
  });
}

/** Of a write: a buffer, a text, or a list of such. */
function sizeOf(data: unknown): number {
  if (Array.isArray(data)) return data.reduce((sum: number, part: unknown) => sum + sizeOf(part), 0);
  if (typeof data === "object" && data !== null && "chunk" in data) return sizeOf(data.chunk);
  return typeof data === "string" ? Buffer.byteLength(data) : ArrayBuffer.isView(data) ? data.byteLength : 0;
}

/** Makes this process's sockets obey the container's links. */
export function obeyLinks(): void {
  patchHandles();
  patchSockets();
}
