/** A controller, put together: it starts, serves until it is closed, and ends in order. */
import { networkInterfaces } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { Heartbeat, HeartbeatReply } from "../contract/nodeApi";
import { CLIENT_PORT } from "../contract/settings";
import type { FileRecord } from "../contract/record";
import { ONE_WAY_ROUND_TRIP_MS } from "../metadata";
import { handshakeCounter, type RunningNode } from "../node";
import { nodeTls, type NodeServer } from "../transport";
import { Accounts, parseAccounts } from "./accounts";
import { runBackground } from "./background";
import { catchUp } from "./catchUp";
import { createClientServer } from "./clientServer";
import { addGauges } from "./metrics";
import { createControllerNodeServer } from "./nodeServer";
import { createParts, type ControllerOptions, type Parts } from "./parts";
import { createServices, type Services } from "./services";
import type { Phase } from "./status";

export type { ControllerOptions } from "./parts";

/** How long an upload or a deletion waits until the other controllers know of it. A peer that is gone must not slow every write. */
const PUSH_MS = 500;
/** How long requests that are under way may take at the end. */
const FINISH_MS = 3_000;
const FINISH_LOOK_MS = 50;

export interface RunningController extends RunningNode {
  readonly nodeId: string;
  readonly clientPort: number;
  readonly nodePort: number;
}

/**
 * Starts a controller. Resolves when it serves clients: its own store is open, and what others know is known here, as far as they
 * can be reached within seconds. Until then `/health` answers 503, `starting`.
 * @throws {SettingsError} for the accounts file, and whatever keeps the database or the ports from being opened
 */
export async function startController(options: ControllerOptions): Promise<RunningController> {
  const accounts = parseAccounts(options.settings.accounts, options.settings.accountsFile);
  const controller = new Controller(createParts(options), accounts);
  try {
    await controller.start();
    return controller;
  } catch (error) {
    await controller.close();
    throw error;
  }
}

class Controller implements RunningController {
  readonly #parts: Parts;
  readonly #services: Services;
  readonly #accounts: Accounts;
  readonly #clients: FastifyInstance;
  readonly #nodes: NodeServer;
  readonly #stop = new AbortController();
  #background: Promise<void> = Promise.resolve();
  #phase: Phase = "starting";
  #address: string;
  #downloads = 0;

  constructor(parts: Parts, accounts: ReadonlyMap<string, string>) {
    const { options, gossip, registry } = parts;
    this.#parts = parts;
    this.#address = options.host === undefined || options.host === "0.0.0.0" ? firstAddress() : options.host;
    this.#services = createServices(parts, { accounts, phase: () => this.#phase, address: () => this.#address, publish: (record) => this.#publish(record), push: () => this.#push() });
    this.#accounts = this.#services.accounts;
    this.#clients = this.#createClientServer();
    const handshakes = handshakeCounter(registry);
    this.#nodes = createControllerNodeServer({
      tls: nodeTls(options.settings.clusterKey), log: options.log, onHandshakeFailure: () => handshakes.inc(), gossip,
      heartbeat: (heartbeat, address, own) => this.#heartbeat(heartbeat, address, own),
    });
  }

  get nodeId(): string {
    return this.#parts.options.nodeId;
  }

  get clientPort(): number {
    return portOf(this.#clients);
  }

  get nodePort(): number {
    return portOf(this.#nodes);
  }

  async start(): Promise<void> {
    const { options: { log, host = "0.0.0.0", clientPort = CLIENT_PORT, signal }, nodePort, volume } = this.#parts;
    await this.#clients.listen({ host, port: clientPort });
    await this.#nodes.listen({ host, port: nodePort });
    void this.#accounts.warmUp().catch((error: unknown) => log.error({ err: error }, "passwords could not be hashed"));
    await volume.check();
    await catchUp(this.#parts);
    signal?.throwIfAborted();
    this.#background = runBackground(this.#parts, this.#services.repair, this.#services.repairPause, this.#stop.signal);
    this.#phase = "running";
    log.info({ clientPort: this.clientPort, nodePort: this.nodePort, accounts: this.#accounts.count, files: this.#parts.store.counts.files }, "controller ready");
  }

  async close(): Promise<void> {
    if (this.#phase === "stopping") return;
    this.#phase = "stopping";
    const { monotonic } = this.#parts;
    for (const until = monotonic() + FINISH_MS; this.#services.uploader.active + this.#downloads > 0 && monotonic() < until;) await delay(FINISH_LOOK_MS);
    this.#stop.abort(new Error("the controller stops"));
    await Promise.all([this.#clients.close(), this.#nodes.close()]);
    await this.#parts.disconnect();
    await this.#background;
    this.#parts.close();
  }

  #createClientServer(): FastifyInstance {
    const { options, registry, metrics, chunkservers, membership, index, clusterTime, monotonic } = this.#parts;
    const { files, uploader, downloads, authentication, status, repair, memory, uploadRefusal } = this.#services;
    addGauges(registry, {
      controllersAlive: () => 1 + membership.members("controller").filter(({ alive }) => alive).length, chunkserversAlive: () => chunkservers.living().length,
      underReplicated: () => repair.underReplicated(), files: () => index.files, uploadsActive: () => uploader.active, downloadsActive: () => this.#downloads,
      transitBytes: () => memory.reduce((sum, { used }) => sum + used, 0), clockOffsetSeconds: () => clusterTime.offsetMs / 1000,
    });
    return createClientServer({
      files, uploader, downloads, authentication, metrics, log: options.log, monotonic, uploadRefusal,
      countDownload: (change) => { this.#downloads += change; },
      health: { health: () => status.health(), metrics: registry }, cluster: () => status.cluster(),
    });
  }

  #heartbeat(heartbeat: Heartbeat, address: string, ownAddress: string): HeartbeatReply {
    const { chunkservers, membership, clusterTime, metrics, clock, nodePort } = this.#parts;
    this.#address = ownAddress;
    metrics.heartbeats.inc();
    membership.heard({ id: heartbeat.id, role: "chunkserver", address, port: heartbeat.port });
    clusterTime.sample(heartbeat.id, heartbeat.now, ONE_WAY_ROUND_TRIP_MS);
    chunkservers.heartbeat(heartbeat, address);
    const others = membership.members("controller").map(({ alive: _, ...peer }) => peer);
    return { id: this.nodeId, controllers: [{ id: this.nodeId, role: "controller", address: ownAddress, port: nodePort, ageMs: 0 }, ...others], now: clock.now() };
  }

  /** Keeps a record whose manifest is safe on chunkservers. */
  async #publish(record: FileRecord): Promise<void> {
    const { store, volume, options } = this.#parts;
    try {
      store.merge([record]);
    } catch (error) {
      // It is stored all the same: other controllers learn it from the chunkservers' manifests, and so will this one.
      if (!volume.failed(error)) throw error;
      options.log.error({ name: record.name }, "record of a stored file found no room here");
    }
    await this.#push();
  }

  async #push(): Promise<void> {
    await Promise.race([this.#parts.gossip.push(), delay(PUSH_MS, undefined, { ref: false })]);
  }
}

function portOf(app: { readonly server: { address(): string | { readonly port: number } | null } }): number {
  const address = app.server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Until a heartbeat tells at which address this node is reached. */
function firstAddress(): string {
  return Object.values(networkInterfaces()).flat().find((one) => one !== undefined && !one.internal && one.family === "IPv4")?.address ?? "127.0.0.1";
}
