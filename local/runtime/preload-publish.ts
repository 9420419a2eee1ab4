/** Published ports: a server of the container listens on the machine's port too, without a hop between. Needs nothing but Node. */
import net = require("node:net");
import { view } from "./preload-world";

/** Options that a server keeps for its sockets, and its count of them. */
interface ServerParts extends net.Server, Pick<net.ServerOpts, "allowHalfOpen" | "pauseOnConnect" | "noDelay" | "keepAlive" | "keepAliveInitialDelay" | "highWaterMark"> {
  _connections: number;
}
type Listen = (this: net.Server, options: net.ListenOptions) => net.Server;

const twins = new WeakMap<net.Server, net.Server[]>();

/** Opens the machine's ports of a server that is about to listen on a port of the container. `listen`: without the container's address. */
export function publish(server: net.Server, port: number, listen: Listen): void {
  const published = (view().publish ?? []).filter(({ containerPort }) => containerPort === port);
  if (published.length === 0) return;
  const listeners = published.map(({ hostAddress, hostPort }) => {
    const twin = twinOf(server, `Bind for ${hostAddress}:${hostPort} failed: port is already allocated`);
    server.once("listening", () => listen.call(twin, { port: hostPort, host: hostAddress, exclusive: true }));
    return twin;
  });
  twins.set(server, listeners);
}

/** A listener that hands its connections to the server. */
function twinOf(server: net.Server, taken: string): net.Server {
  const served = server as ServerParts;
  const { allowHalfOpen, pauseOnConnect, noDelay, keepAlive, keepAliveInitialDelay, highWaterMark } = served;
  const twin = net.createServer({ allowHalfOpen, pauseOnConnect, noDelay, keepAlive, keepAliveInitialDelay, highWaterMark }) as ServerParts;
  twin.on("connection", (socket: net.Socket) => {
    // Counted where it is served, so that closing that server waits for it.
    Object.assign(socket, { server, _server: server });
    twin._connections--;
    served._connections++;
    server.emit("connection", socket);
  });
  // The server was closed while this one was being opened.
  twin.on("listening", () => void (server.listening || twin.close()));
  twin.on("error", (error: NodeJS.ErrnoException) => {
    server.emit("error", error.code === "EADDRINUSE" ? Object.assign(error, { message: taken }) : error);
  });
  return twin;
}

/** Lets the machine's ports close with their servers. */
export function closePublished(): void {
  const close = net.Server.prototype.close;
  Object.assign(net.Server.prototype, {
    close(this: net.Server, ...args: [callback?: (error?: Error) => void]): net.Server {
      for (const twin of twins.get(this) ?? []) if (twin.listening) close.call(twin);
      twins.delete(this);
      return close.apply(this, args);
    },
  });
}
