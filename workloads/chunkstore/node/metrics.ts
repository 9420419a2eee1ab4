/** A node's figures for Prometheus: the process's own, and those that its parts add. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { Role } from "./settings";
import { VERSION } from "./version";

/** Prefix of all metrics of the store. */
export const METRIC_PREFIX = "chunkstore_";

/** A registry of its own for each node, so that several can live in one process. Labels `role` and `node` are on every figure. */
export function createMetrics(role: Role, node: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ role, node });
  collectDefaultMetrics({ register: registry });
  new Gauge({ name: `${METRIC_PREFIX}build_info`, help: "Always 1; the label tells the version", labelNames: ["version"], registers: [registry] }).set({ version: VERSION }, 1);
  return registry;
}

/** Connections to the inter-node port that did not prove the cluster's key. */
export function handshakeCounter(registry: Registry): Counter {
  return new Counter({ name: `${METRIC_PREFIX}handshake_failures_total`, help: "Connections from others that did not prove the cluster's key", registers: [registry] });
}
