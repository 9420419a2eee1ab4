import { spawn, type ChildProcess } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { alive, eventually, packageRoot, temporaryFolder } from "./support";

interface Options { readonly main?: string; readonly old?: boolean; readonly node?: boolean }

/** A package with the real bin, a fake `main`, and, when asked for, a Node of its own. */
function packageWith({ main, old = false, node = old }: Options): { readonly dir: string; readonly command: readonly string[] } {
  const dir = temporaryFolder();
  mkdirSync(path.join(dir, "bin"));
  copyFileSync(path.join(packageRoot, "bin", "stackfleet.js"), path.join(dir, "bin", "stackfleet.js"));
  if (main !== undefined) {
    mkdirSync(path.join(dir, "dist", "automation", "cli"), { recursive: true });
    writeFileSync(path.join(dir, "dist", "automation", "cli", "main.js"), `const fs = require("node:fs"); exports.main = async (argv) => { ${main} };`);
  }
  if (node) {
    mkdirSync(path.join(dir, "node_modules", "node", "bin"), { recursive: true });
    symlinkSync(process.execPath, path.join(dir, "node_modules", "node", "bin", "node"));
  }
  writeFileSync(path.join(dir, "old.cjs"), 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } });');
  return { dir, command: [...(old ? ["--require", path.join(dir, "old.cjs")] : []), path.join(dir, "bin", "stackfleet.js"), "up", "--yes"] };
}

interface Ended { readonly code: number | null; readonly signal: string | null; readonly stdout: string; readonly stderr: string }

function start({ dir, command }: ReturnType<typeof packageWith>): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  // Away from the terminal's process group, as a test must not be hit by its own signals.
  const child = spawn(process.execPath, command, { cwd: dir, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => { if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, "SIGKILL"); });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => { stdout += text; });
  child.stderr.setEncoding("utf8").on("data", (text: string) => { stderr += text; });
  const ended = new Promise<Ended>((resolve) => { child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr })); });
  return { child, ended };
}

const run = (options: Options): Promise<Ended> => start(packageWith(options)).ended;

describe("the command's entry", () => {
  it("passes the arguments on and exits with the code of main", async () => {
    expect(await run({ main: 'process.stdout.write(argv.join(" ") + "\\n"); return 2;' })).toMatchObject({ code: 2, stdout: "up --yes\n", stderr: "" });
  });
  it("says what to run when nothing is built", async () => {
    expect(await run({})).toEqual({ code: 1, signal: null, stdout: "", stderr: "stackfleet: dist/ is missing; run `npm run build`\n" });
  });
  it("shows no stack trace", async () => {
    expect(await run({ main: 'throw new Error("broken");' })).toMatchObject({ code: 1, stderr: "stackfleet: broken\n" });
  });
  it("keeps stdout for results: what a config file logs goes to stderr", async () => {
    expect(await run({ main: 'console.log("from the config"); process.stdout.write("{}\\n"); return 0;' })).toMatchObject({ code: 0, stdout: "{}\n", stderr: "from the config\n" });
  });
  it.each([
    ["a timer's throw", 'setTimeout(() => { throw new Error("late\\nmore"); }); return 0;'],
    ["a rejection that nobody handles", 'Promise.reject(new Error("late")); return 0;'],
  ])("says %s in one line, and fails", async (_, main) => {
    const { code, stderr } = await run({ main });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^stackfleet: uncaught: late; run it again with STACKFLEET_DEBUG=1 .*\n$/);
  });
  it.each([false, true])("lets a run end as after one Ctrl+C when something fails beside it (old Node: %s)", async (old) => {
    const main = 'const stopped = new Promise((resolve) => process.once("SIGTERM", resolve)); const open = setInterval(() => {}, 1e6);'
      + 'setTimeout(() => { throw new Error("late"); }); await stopped; clearInterval(open); process.stdout.write("saved\\n"); return 130;';
    expect(await run({ main, old })).toMatchObject({ code: 1, signal: null, stdout: "saved\n" });
  });
  it("says what to do on an old Node with no other at hand", async () => {
    const { code, stderr } = await run({ main: "return 0;", old: true, node: false });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^stackfleet: Node\.js is version 20\.20\.2; needed is >= 22\.18; run `npm ci`.*\n$/);
  });
});

/** Writes one line for each signal; ends at the third, or when the file `end` appears. */
const RECORDS = `
  const seen = [];
  const record = (signal) => { seen.push(signal); fs.appendFileSync("seen", signal + "\\n"); };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, record);
  fs.writeFileSync("pid", String(process.pid));
  return new Promise((resolve) => setInterval(() => { if (fs.existsSync("end")) process.exit(seen.length); }, 10));`;

describe("the command's entry on an old Node", () => {
  const pidOf = (dir: string): Promise<number> => eventually(() => (existsSync(path.join(dir, "pid")) ? Number(readFileSync(path.join(dir, "pid"), "utf8")) : 0));
  const seenIn = (dir: string): string => (existsSync(path.join(dir, "seen")) ? readFileSync(path.join(dir, "seen"), "utf8") : "");

  it("runs on the Node that npm brought, which also comes first on PATH", async () => {
    const main = 'process.stdout.write([argv.join(" "), process.versions.node, process.env.PATH.split(":")[0], String(process.env.STACKFLEET_OUTER_PID)].join(" ") + "\\n"); return 3;';
    const made = packageWith({ main, old: true });
    const { code, stdout } = await start(made).ended;
    expect(code).toBe(3);
    expect(stdout).toBe(`up --yes ${process.versions.node} ${path.join(made.dir, "node_modules/node/bin")} undefined\n`);
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("hands on %s from kill exactly once", async (signal) => {
    const made = packageWith({ main: RECORDS, old: true });
    const { child, ended } = start(made);
    await pidOf(made.dir);
    child.kill(signal);
    await eventually(() => seenIn(made.dir));
    writeFileSync(path.join(made.dir, "end"), "");
    expect(await ended).toMatchObject({ code: 1 });
    expect(seenIn(made.dir)).toBe(`${signal}\n`);
  });

  it("lets the terminal's Ctrl+C, which reaches both processes, count once", async () => {
    const made = packageWith({ main: RECORDS, old: true });
    const { child, ended } = start(made);
    await pidOf(made.dir);
    process.kill(-Number(child.pid), "SIGINT");
    // The signal of kill comes after it by the same way, so what it finds is final.
    await eventually(() => seenIn(made.dir));
    child.kill("SIGTERM");
    await eventually(() => seenIn(made.dir).includes("SIGTERM"));
    writeFileSync(path.join(made.dir, "end"), "");
    await ended;
    expect(seenIn(made.dir)).toBe("SIGINT\nSIGTERM\n");
  });

  it("dies of a signal that main does not handle", async () => {
    const made = packageWith({ main: 'fs.writeFileSync("pid", String(process.pid)); return new Promise(() => setInterval(() => {}, 1000));', old: true });
    const { child, ended } = start(made);
    await pidOf(made.dir);
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: null, signal: "SIGTERM" });
  });

  it("takes the inner process with it when it is killed", async () => {
    const made = packageWith({ main: RECORDS, old: true });
    const { child } = start(made);
    const pid = await pidOf(made.dir);
    child.kill("SIGKILL");
    await eventually(() => !alive(pid));
  });
});
