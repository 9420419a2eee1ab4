// `npm run bench`: the benchmarks are TypeScript like everything else, compiled by the build.
import { createRequire } from "node:module";

process.argv[1] = new URL("../dist/bench/main.js", import.meta.url).pathname;
createRequire(import.meta.url)("../dist/bench/main.js");
