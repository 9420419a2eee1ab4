#!/usr/bin/env node
// Starts the command line on a Node that is new enough: this one, or the one that `npm ci` brought. Plain CommonJS that is
// not built, because an old Node has to read it.
"use strict";
const { spawn } = require("node:child_process");
const { existsSync } = require("node:fs");
const nodeModule = require("node:module");
const path = require("node:path");

const root = path.dirname(__dirname);
const MINIMUM_NODE = [22, 18];
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
/** Tells the inner process which process is its outer one. */
const OUTER = "STACKFLEET_OUTER_PID";
/** How long the terminal's own copy of a signal may take to get to the inner process; far below a human's second Ctrl+C. */
const SAME_SIGNAL_MS = 150;

function newEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1]);
}

/** The Node of the npm package `node`, in this package's folder or in the one it is installed in. */
function findNode() {
  const folders = nodeModule.createRequire(__filename).resolve.paths("node-of-npm") || [];
  return folders.flatMap((dir) => [path.join(dir, "node", "bin", "node"), path.join(dir, ".bin", "node")]).find((file) => existsSync(file));
}

/**
 * Runs the same command on another Node, as if this process were that one. A signal from the terminal reaches both, one from
 * `kill` this one only, and nothing tells them apart here; so the inner process gets the count and makes up what it missed.
 */
function rerun(node) {
  // First on PATH as well, as inside npm scripts: what the command starts looks for a `node` of its own.
  const PATH = [path.dirname(node), process.env.PATH].filter(Boolean).join(path.delimiter);
  const child = spawn(node, [__filename, ...process.argv.slice(2)], {
    env: { ...process.env, PATH, [OUTER]: String(process.pid) }, stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  const counts = {};
  const forward = SIGNALS.map((signal) => {
    const listener = () => {
      counts[signal] = (counts[signal] || 0) + 1;
      if (child.connected) child.send({ stackfleetSignal: signal, count: counts[signal] });
    };
    process.on(signal, listener);
    return [signal, listener];
  });
  child.once("error", (error) => fail(`${node}: ${error.message}; run \`npm ci\` again`));
  child.once("exit", (code, signal) => {
    for (const [name, listener] of forward) process.removeListener(name, listener);
    if (child.connected) child.disconnect();
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = code;
  });
}

/** Signal listeners of this file's own. */
const ownListeners = new WeakSet();

/** The inner half of `rerun`. Without an outer process it does nothing. */
function followOuterProcess() {
  const outer = process.env[OUTER];
  delete process.env[OUTER];
  if (!process.channel || outer !== String(process.ppid)) return;
  const seen = {};
  for (const signal of SIGNALS) {
    const listener = () => {
      seen[signal] = (seen[signal] || 0) + 1;
      if (process.listenerCount(signal) > 1) return;
      // Nobody else handles it: what would have happened without this listener.
      process.removeListener(signal, listener);
      process.kill(process.pid, signal);
    };
    ownListeners.add(listener);
    process.on(signal, listener);
  }
  process.on("message", (message) => {
    const signal = message && message.stackfleetSignal;
    if (!SIGNALS.includes(signal)) return;
    setTimeout(() => {
      if ((seen[signal] || 0) < message.count) process.emit(signal, signal);
    }, SAME_SIGNAL_MS);
  });
  // Whoever kills the process they started means this one too.
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  process.channel.unref();
}

function fail(message) {
  console.error(`stackfleet: ${message}`);
  process.exitCode = 1;
}

/** What a config file left running may fail at any time: said in one line, and what goes on is stopped as by one Ctrl+C. */
function reportUncaught(error) {
  const debug = process.env.STACKFLEET_DEBUG === "1" && error instanceof Error;
  fail(`uncaught: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}${debug ? `\n${error.stack}` : "; run it again with STACKFLEET_DEBUG=1 to see where it comes from"}`);
  const stoppable = process.listeners("SIGTERM").some((listener) => !ownListeners.has(listener));
  if (stoppable) process.emit("SIGTERM", "SIGTERM");
  else process.exit(1);
}

async function start() {
  if (nodeModule.enableCompileCache) nodeModule.enableCompileCache();
  followOuterProcess();
  // stdout is for results, which `eval` and JSON parsers read; a config file's console.log is none.
  console.log = console.info = console.debug = console.error;
  process.on("uncaughtException", reportUncaught);
  const { main } = require(path.join(root, "dist", "automation", "cli", "main.js"));
  const code = await main(process.argv.slice(2));
  process.exitCode = process.exitCode || code;
}

const innerNode = newEnough(process.versions.node) ? undefined : findNode();
if (innerNode) {
  rerun(innerNode);
} else if (!newEnough(process.versions.node)) {
  fail(`Node.js is version ${process.versions.node}; needed is >= ${MINIMUM_NODE.join(".")}; run \`npm ci\`, which brings one, or install a newer Node.js`);
} else if (!existsSync(path.join(root, "dist"))) {
  fail("dist/ is missing; run `npm run build`");
} else {
  start().catch((error) => fail(error instanceof Error ? error.message : String(error)));
}
