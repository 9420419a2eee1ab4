/** Tells every controller, every second, that this chunkserver lives and what is new here. */
import { heartbeatReplySchema, type Heartbeat } from "../contract/nodeApi";
import type { Clock, NodeClient } from "../contract/ports";
import type { ClusterTime } from "../metadata";
import type { Discovery } from "../node";
import type { Log } from "../transport";

/** Part of the interval by which heartbeats are sooner or later, so that those of many chunkservers don't meet. */
const JITTER = 0.1;
/** A heartbeat that is not answered for so long is lost, in milliseconds. */
const ANSWER_MS = 2_000;
/** Controllers that only others told of are forgotten after so many time-outs without an answer. */
const FORGET_TIMEOUTS = 10;
/** A bound for memory, far above the number of controllers of any cluster. */
const MOST = 100;

export interface HeartbeatParts {
  readonly client: Pick<NodeClient, "json">;
  readonly discovery: Discovery;
  /** What is sent. */
  readonly describe: () => Promise<Heartbeat>;
  /** Port of controllers that DNS tells of. */
  readonly controllerPort: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly time: Pick<ClusterTime, "sample">;
  readonly metrics: { heartbeat(result: "ok" | "failed"): void };
  readonly log: Log;
  /** @default `Math.random` */
  readonly random?: () => number;
}

interface Controller {
  readonly address: string;
  readonly port: number;
  /** By the monotonic clock, when this node heard of it. */
  heardOf: number;
  /** Its last answer. */
  answered?: number;
  id?: string;
  alive: boolean;
  busy: boolean;
}

export class Heartbeats {
  readonly #controllers = new Map<string, Controller>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  readonly #stop = new AbortController();

  constructor(private readonly parts: HeartbeatParts) {}

  /** Controllers that answered lately. */
  get living(): number {
    return [...this.#controllers.values()].filter(({ alive }) => alive).length;
  }

  /** Begins at once. */
  start(): void {
    const { intervalMs, random = Math.random } = this.parts;
    const beat = (): void => {
      if (this.#stopped) return;
      this.#timer = setTimeout(beat, intervalMs * (1 - JITTER + 2 * JITTER * random()));
      void this.round();
    };
    beat();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#stop.abort(new Error("stopped"));
  }

  /** One heartbeat to every controller that isn't still to answer the last one; resolves when all have answered or failed. Never rejects. */
  async round(): Promise<void> {
    const { discovery, controllerPort, describe, log } = this.parts;
    for (const address of await discovery.find()) this.#learn(address, controllerPort);
    this.#judge();
    let heartbeat: Heartbeat;
    try {
      heartbeat = await describe();
    } catch (error) {
      log.error({ err: error }, "no heartbeat: the disk can't be asked");
      return;
    }
    await Promise.all([...this.#controllers.values()].filter(({ busy }) => !busy).map((controller) => this.#send(controller, heartbeat)));
  }

  #learn(address: string, port: number): void {
    const key = `${address} ${port}`;
    const now = this.parts.clock.monotonic();
    const known = this.#controllers.get(key);
    if (known !== undefined) known.heardOf = now;
    else if (this.#controllers.size < MOST && !this.#stopped) this.#controllers.set(key, { address, port, heardOf: now, alive: false, busy: false });
  }

  /** Who didn't answer for long is lost; who isn't heard of either is forgotten. */
  #judge(): void {
    const { clock, timeoutMs, log } = this.parts;
    const now = clock.monotonic();
    for (const [key, controller] of this.#controllers) {
      const silent = now - (controller.answered ?? Number.NEGATIVE_INFINITY);
      if (controller.alive && silent > timeoutMs) {
        controller.alive = false;
        log.warn({ controller: controller.id, address: controller.address, silentSeconds: Math.round(silent / 1000) }, "lost controller");
      }
      if (Math.min(silent, now - controller.heardOf) > FORGET_TIMEOUTS * timeoutMs) this.#controllers.delete(key);
    }
  }

  async #send(controller: Controller, heartbeat: Heartbeat): Promise<void> {
    const { client, clock, time, metrics, log, timeoutMs } = this.parts;
    const { address, port } = controller;
    controller.busy = true;
    const sent = clock.monotonic();
    try {
      const body = { ...heartbeat, now: clock.now() };
      const reply = await client.json({ method: "POST", address, port, path: "/v1/heartbeat", body, timeoutMs: Math.min(ANSWER_MS, timeoutMs), signal: this.#stop.signal }, heartbeatReplySchema);
      time.sample(reply.id, reply.now, clock.monotonic() - sent);
      this.#answered(controller, reply.id);
      for (const peer of reply.controllers) if (peer.role === "controller" && peer.ageMs <= timeoutMs) this.#learn(peer.address, peer.port);
      metrics.heartbeat("ok");
    } catch (error) {
      if (this.#stopped) return;
      metrics.heartbeat("failed");
      log.debug({ address, reason: error instanceof Error ? error.message : String(error) }, "heartbeat not answered");
    } finally {
      controller.busy = false;
    }
  }

  #answered(controller: Controller, id: string): void {
    const first = !controller.alive || controller.id !== id;
    controller.alive = true;
    controller.id = id;
    controller.answered = this.parts.clock.monotonic();
    const fields = { controller: id, address: controller.address };
    // The first one tells an operator that the two have found each other; the others would fill the log.
    if (first) this.parts.log.info(fields, "heartbeat sent");
    else this.parts.log.debug(fields, "heartbeat sent");
  }
}
