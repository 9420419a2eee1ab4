/** Test projects: `unit`; `engine` and `drills`, which start real processes, two files at a time. */
import { availableParallelism } from "node:os";
import * as path from "node:path";
import { defineConfig } from "vitest/config";

const root = import.meta.dirname;
const shared = {
  // Processes, not threads: a child that one test starts has, until its program runs, the sockets of all tests of the process.
  pool: "forks" as const,
  // Compiled CommonJS under test keeps lazy package getters lazy: an ESM namespace import of @pulumi/aws would touch them all.
  alias: [{ find: /^#dist\//, replacement: `${path.join(root, "dist")}/` }],
  server: { deps: { external: [/\/dist\//] } },
};
/** Many tests wait more than they compute, so that a few at a time pay off on two cores as well. */
const workers = Math.max(3, availableParallelism() - 1);
/**
 * The real CLI and real child processes take seconds a step; a first build of the CLI takes minutes, before the first test. Each file
 * has a fleet and a local cloud of its own; more than two of them at a time would only slow each other down.
 */
const processes = { ...shared, maxWorkers: 2, testTimeout: 180_000, hookTimeout: 600_000, teardownTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared, name: "unit", maxWorkers: workers, testTimeout: 20_000, hookTimeout: 60_000,
          include: ["test/unit/**/*.test.ts", "test/golden/**/*.test.ts", "test/policy/**/*.test.ts"], sequence: { groupOrder: 0 },
        },
      },
      { test: { ...processes, name: "engine", include: ["test/engine/**/*.test.ts"], sequence: { groupOrder: 1 } } },
      { test: { ...processes, name: "drills", include: ["test/drills/**/*.test.ts"], testTimeout: 600_000, sequence: { groupOrder: 2 } } },
    ],
  },
});
