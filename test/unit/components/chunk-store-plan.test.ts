import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ChunkStoreClusterArgs, withDefaults } from "../../../components/chunk-store-cluster/args";
import { faultsOf } from "../../../components/chunk-store-cluster/faults";
import { ACCOUNTS_FILE, ALIASES, CLIENT_PORT, CLUSTER_KEY_FILE, DATA_DIR, minWriteReplicas, planNodes } from "../../../components/chunk-store-cluster/plan";
import { HEARTBEAT_DEFAULTS, MOST_SECONDS, TIMINGS, timingVariables } from "../../../components/chunk-store-cluster/timings";
import * as settings from "../../../workloads/chunkstore/contract/settings";
import { readSettings } from "../../../workloads/chunkstore/node/settings";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";

const given: ChunkStoreClusterArgs = { clusterKey: "k".repeat(32), accounts: { admin: "correct horse" } };
const count = fc.integer({ min: 1, max: 99 });

describe("planNodes", () => {
  it("plans so many nodes of each role, each with a name of its own", () => {
    fc.assert(fc.property(count, count, (controllers, chunkservers) => {
      const nodes = planNodes("store", withDefaults({ ...given, controllers, chunkservers }));
      expect(nodes.filter(({ role }) => role === "controller")).toHaveLength(controllers);
      expect(nodes.filter(({ role }) => role === "chunkserver")).toHaveLength(chunkservers);
      expect(new Set(nodes.map(({ name }) => name)).size).toBe(nodes.length);
    }));
  });

  it("plans the nodes that were there before just as before when others are added", () => {
    fc.assert(fc.property(fc.integer({ min: 2, max: 50 }), count, fc.integer({ min: 0, max: 49 }), (chunkservers, controllers, more) => {
      const before = planNodes("store", withDefaults({ ...given, controllers, chunkservers }));
      const after = planNodes("store", withDefaults({ ...given, controllers: Math.min(99, controllers + more), chunkservers: chunkservers + more }));
      const names = new Set(before.map(({ name }) => name));
      expect(after.filter(({ name }) => names.has(name))).toEqual(before);
    }));
  });

  it("asks for as many acknowledgements as there can be, and never for more than two", () => {
    fc.assert(fc.property(count, fc.option(count, { nil: "all" as const }), (chunkservers, factor) => {
      const replicationFactor = factor === "all" ? factor : Math.min(factor, chunkservers);
      const least = minWriteReplicas({ replicationFactor, chunkservers });
      expect(least).toBeGreaterThanOrEqual(1);
      expect(least).toBeLessThanOrEqual(Math.min(2, chunkservers, replicationFactor === "all" ? 2 : replicationFactor));
    }));
  });
});

describe("what a cluster tells its nodes", () => {
  it("agrees with what the store expects", () => {
    expect({ CLIENT_PORT, ALIASES }).toEqual({ CLIENT_PORT: settings.CLIENT_PORT, ALIASES: { controller: settings.CONTROLLER_ALIAS, chunkserver: settings.CHUNKSERVER_ALIAS } });
    expect(HEARTBEAT_DEFAULTS).toEqual({ interval: settings.DEFAULTS.HEARTBEAT_INTERVAL, timeout: settings.DEFAULTS.HEARTBEAT_TIMEOUT });
    expect(TIMINGS.map(({ variable }) => variable).toSorted()).toEqual(Object.keys(settings.DEFAULTS).filter((name) => name !== "CHUNK_CACHE_MIB").toSorted());
    expect([DATA_DIR, CLUSTER_KEY_FILE, ACCOUNTS_FILE]).toEqual(["/data", "/run/secrets/cluster-key", "/run/secrets/accounts"]);
  });

  it("is read by the nodes without a fault, whatever of it the arguments allow", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "stackfleet-plan-"));
    try {
      for (const name of ["key", "accounts"]) writeFileSync(path.join(folder, name), "k".repeat(32));
      const files = { CLUSTER_KEY_FILE: path.join(folder, "key"), ACCOUNTS_FILE: path.join(folder, "accounts") };
      const seconds = (least: number): fc.Arbitrary<number> => fc.oneof(fc.double({ min: least, max: least + 10, noNaN: true }), fc.constantFrom(least, 1e3, MOST_SECONDS));
      const timings = fc.record(Object.fromEntries(TIMINGS.map(({ argument, least }) => [argument, seconds(least)])), { requiredKeys: [] });
      fc.assert(fc.property(timings, count, (some, factor) => {
        const args = withDefaults({ ...given, ...some, chunkservers: 99, replicationFactor: factor, chunkCacheMiB: 10, chunkserverCapacityMiB: 4, logLevel: "warn" });
        fc.pre(faultsOf("store", args).length === 0);
        for (const { role, environment } of planNodes("store", args)) {
          if (role === "controller") readSettings({ ...environment, ...files }, role);
          else readSettings({ ...environment, ...files }, role);
        }
      }), { numRuns: 50 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("has no exponents, which nodes don't read", () => {
    expect(timingVariables({ replacedGraceSeconds: 1e-7 }, "controller")).toEqual({ REPLACED_GRACE: "0.000000" });
  });
});
