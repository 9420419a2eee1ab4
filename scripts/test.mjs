// Runs every test and ends with one line, `N passed, N failed[, N skipped]`. Arguments go on to vitest as filters or options.
import { ChildProcess, spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const vitest = path.join(path.dirname(require.resolve("vitest/package.json")), "vitest.mjs");
const args = process.argv.slice(2);
const filters = args.filter((arg) => !arg.startsWith("-"));
const results = mkdtempSync(path.join(tmpdir(), "stackfleet-test-"));
const total = { passed: 0, failed: 0, skipped: 0 };
let crashed = false;
let running;
let stopped;

/** A run that ended without a verdict is a failure, and is counted as one. */
function crash(message) {
  crashed = true;
  total.failed += 1;
  console.error(message);
}

function run(projects, env) {
  const report = path.join(results, `${projects.join("-")}.json`);
  const command = [vitest, "run", "--root", root, "--passWithNoTests", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  return new Promise((resolve) => {
    running = spawn(process.execPath, [...command, ...projects.map((name) => `--project=${name}`), ...args], { cwd: root, env, stdio: "inherit" });
    running.once("error", (error) => { crash(`vitest did not start: ${error.message}`); resolve(); });
    running.once("exit", (code, signal) => { count(projects, report, code, signal); resolve(); });
  });
}

function count(projects, report, code, signal) {
  const name = projects.join(" and ");
  let json;
  try {
    json = JSON.parse(readFileSync(report, "utf8"));
  } catch (error) {
    crash(`${name} tests: vitest ended (${signal ?? `exit code ${code}`}) and wrote no result: ${error.message}`);
    return;
  }
  // A file that failed before its first test has no failed test to count, so it counts as one itself.
  const broken = json.testResults.filter((file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"));
  total.passed += json.numPassedTests;
  total.failed += json.numFailedTests + broken.length;
  total.skipped += json.numPendingTests + json.numTodoTests;
  if (code !== 0 && json.numFailedTests + broken.length === 0) crash(`${name} tests: vitest ended (${signal ?? `exit code ${code}`}) with no failed test`);
}

/** True when a file of the folder could match the filters, as vitest matches them: by a part of the path. */
function wanted(folder) {
  const files = globSync(`test/${folder}/**/*.test.ts`, { cwd: root });
  return files.some((file) => filters.length === 0 || filters.some((filter) => path.join(root, file).includes(filter)));
}

/** One look for the CLI (or one build of it) up front, so that no test waits for it inside its own timeout. */
async function withToolchain() {
  const abort = new AbortController();
  running = { kill: () => abort.abort() };
  const { findToolchain } = require(path.join(root, "dist/automation/toolchain"));
  const toolchain = await findToolchain({ report: (line) => console.error(line), signal: abort.signal });
  return { ...process.env, STACKFLEET_PULUMI_BIN: toolchain.binDir };
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    stopped ??= signal;
    // Ctrl+C in a terminal reaches vitest by itself; a second one would make it drop its tests' clean-up.
    if (signal !== "SIGINT" || !process.stdin.isTTY || !(running instanceof ChildProcess)) running?.kill(signal);
  });
}
try {
  await run(["unit"], process.env);
  const rest = ["engine", "drills"].filter(wanted);
  if (rest.length > 0 && !stopped) {
    const env = await withToolchain();
    if (!stopped) await run(rest, env);
  }
} catch (error) {
  crash([error.message, ...(error.options?.details ?? []), error.options?.fix].filter(Boolean).join("\n"));
} finally {
  rmSync(results, { recursive: true, force: true });
}

const ran = total.passed + total.failed > 0;
if (stopped) console.error(`interrupted by ${stopped}`);
else if (!ran) console.error(filters.length > 0 ? `no test matches ${filters.join(", ")}` : "no test ran");
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`);
process.exitCode = stopped ? 130 : total.failed > 0 || crashed || !ran ? 1 : 0;
