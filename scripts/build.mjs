// Compiles every source file to CommonJS under dist/ (types are checked by `npm run typecheck`), and bundles the workloads.
import { build } from "esbuild";
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, rmSync } from "node:fs";

const folders = ["automation", "bench", "components", "drills", "local", "policy", "providers", "stacks", "workloads"];
const entryPoints = [
  ...globSync(folders.map((folder) => `${folder}/**/*.ts`), { exclude: (name) => /node_modules|\.test\.ts$|\.d\.ts$/.test(name) }),
  "index.ts",
].filter((file) => existsSync(file));

rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints, outdir: "dist", outbase: ".", platform: "node", format: "cjs", target: "node22", sourcemap: true, logLevel: "warning",
});

// Each workload is one file, as in its image or its function package: fast to start, nothing to install beside it.
const workloads = globSync("workloads/*/entry/*.ts");
if (workloads.length > 0) {
  await build({
    entryPoints: workloads, outdir: "dist/bundles", outbase: "workloads", platform: "node", format: "cjs", target: "node22",
    bundle: true, minify: false, sourcemap: false, logLevel: "warning", external: ["pg-native"],
  });
}
