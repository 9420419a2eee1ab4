/** Test projects: `unit` in parallel threads; `engine` and `drills`, which start real processes, one file after the other. */
import * as path from "node:path";
import { defineConfig } from "vitest/config";

const root = import.meta.dirname;
const shared = {
  // Compiled CommonJS under test keeps lazy package getters lazy: an ESM namespace import of @pulumi/aws would touch them all.
  alias: [{ find: /^#dist\//, replacement: `${path.join(root, "dist")}/` }],
  server: { deps: { external: [/\/dist\//] } },
};
/** The real CLI and real child processes take seconds a step; a first build of the CLI takes minutes, before the first test. */
const serial = { ...shared, pool: "forks", fileParallelism: false, testTimeout: 180_000, hookTimeout: 600_000, teardownTimeout: 60_000 } as const;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared, name: "unit", pool: "threads", testTimeout: 20_000, hookTimeout: 60_000,
          include: ["test/unit/**/*.test.ts", "test/golden/**/*.test.ts", "test/policy/**/*.test.ts"], sequence: { groupOrder: 0 },
        },
      },
      { test: { ...serial, name: "engine", include: ["test/engine/**/*.test.ts"], sequence: { groupOrder: 1 } } },
      { test: { ...serial, name: "drills", include: ["test/drills/**/*.test.ts"], testTimeout: 600_000, sequence: { groupOrder: 2 } } },
    ],
  },
});
