/** What other nodes ask of a controller: gossip, anti-entropy, heartbeats. */
import { heartbeatSchema, type Heartbeat, type HeartbeatReply } from "../contract/nodeApi";
import { ANTI_ENTROPY_PATH, GOSSIP_PATH, type Gossip } from "../metadata";
import { callerOf, createNodeServer, NodeRefusal, plainAddress, type NodeServer, type NodeServerOptions } from "../transport";

export interface ControllerNodeServerOptions extends NodeServerOptions {
  readonly gossip: Pick<Gossip, "handle" | "handleAntiEntropy">;
  /** A chunkserver's heartbeat, with its address and this node's own, as the connection has them. The answer tells it of all controllers. */
  readonly heartbeat: (heartbeat: Heartbeat, address: string, ownAddress: string) => HeartbeatReply;
}

/** Makes the server; `listen` is left to the caller. */
export function createControllerNodeServer(options: ControllerNodeServerOptions): NodeServer {
  const app = createNodeServer(options);
  app.post(GOSSIP_PATH, async (request) => options.gossip.handle(request.body, callerOf(request).address));
  app.post(ANTI_ENTROPY_PATH, async (request) => options.gossip.handleAntiEntropy(request.body, callerOf(request).address));
  app.post("/v1/heartbeat", async (request): Promise<HeartbeatReply> => {
    const caller = callerOf(request);
    const parsed = heartbeatSchema.safeParse(request.body);
    if (!parsed.success) throw new NodeRefusal(400, "invalid-request", `heartbeat: ${parsed.error.issues[0]?.path.join(".") ?? ""}: ${parsed.error.issues[0]?.message ?? "is of another form"}`);
    if (parsed.data.id !== caller.id) throw new NodeRefusal(400, "invalid-request", "heartbeat: is of another node than the request says");
    return options.heartbeat(parsed.data, caller.address, plainAddress(request.socket.localAddress ?? ""));
  });
  return app;
}
