import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CommandsModule } from "../../../automation/cli/context";
import type { LocalCloudModule, LocalCloudPort } from "../../../automation/cli/local-port";
import { shellQuote } from "../../../automation/cli/commands/fleet";
import { balance } from "../../../local/balance";
import { layoutAt } from "../../../automation/layout";
import { ownIdentity } from "../../../automation/system/process-identity";
import { recording } from "../../golden/replay";
import { world } from "./support";

function commands(parts: Partial<CommandsModule>): { commands: () => Promise<CommandsModule> } {
  const missing = (): never => expect.fail("not expected");
  return { commands: async () => ({ readOutputs: missing, shellEnvironment: missing, resetFleet: missing, ...parts }) };
}

describe("outputs", () => {
  const readOutputs: CommandsModule["readOutputs"] = async (options) => {
    const all = { home: { url: { value: "http://127.64.0.1", secret: false }, token: { value: options.showSecrets ? "s3cret" : undefined, secret: true } }, eu: { tasks: { value: [1, 2], secret: false } } };
    return options.stack === "home" ? { home: all.home } : all;
  };

  it("are a table with secrets masked", async () => {
    const { code, stdout } = await world().run(["outputs"], commands({ readOutputs }));
    expect(code).toBe(0);
    expect(stdout).toBe("STACK  OUTPUT  VALUE\nhome   url     http://127.64.0.1\nhome   token   [secret]\neu     tasks   [1,2]\n");
  });

  it("of one stack as JSON are that stack's alone, of all by stack", async () => {
    expect(JSON.parse((await world().run(["outputs", "home", "--output", "json"], commands({ readOutputs }))).stdout)).toEqual({ url: "http://127.64.0.1", token: "[secret]" });
    expect(JSON.parse((await world().run(["outputs", "--output", "json"], commands({ readOutputs }))).stdout)).toEqual({ home: { url: "http://127.64.0.1", token: "[secret]" }, eu: { tasks: [1, 2] } });
  });

  it("show secrets only when asked", async () => {
    expect((await world().run(["outputs", "home", "--show-secrets"], commands({ readOutputs }))).stdout).toContain("s3cret");
  });
});

describe("env", () => {
  it("prints what a shell evaluates to exactly the values", async () => {
    const value = "it's $HOME `x` \"y\" \\ \n!";
    const { stdout } = await world().run(["env"], commands({ shellEnvironment: async () => ({ exports: { STACKFLEET_TEST: value }, functions: ["hello() { echo hi; }"] }) }));
    const out = execFileSync("/bin/sh", ["-c", 'eval "$1"; printf %s "$STACKFLEET_TEST"; hello', "sh", stdout], { encoding: "utf8" });
    expect(out).toBe(`${value}hi\n`);
  });

  it("quotes every text into one word", () => {
    fc.assert(fc.property(fc.string().filter((text) => !text.includes("\0")), (text) => {
      const quoted = shellQuote(text);
      expect(quoted.startsWith("'") && quoted.endsWith("'")).toBe(true);
      expect(quoted.slice(1, -1).split(`'\\''`).join("")).not.toContain("'");
    }));
  });

  it("keeps progress off stdout", async () => {
    const { stdout, stderr } = await world().run(["env"], commands({ shellEnvironment: async ({ report }) => (report?.("building the CLI"), { exports: {}, functions: [] }) }));
    expect(stdout).not.toContain("building");
    expect(stderr).toBe("building the CLI\n");
  });

  it("ends with 130 when a signal comes while it waits", async () => {
    const w = world();
    const shellEnvironment: CommandsModule["shellEnvironment"] = ({ signal }) => new Promise((_, reject) => {
      signal?.addEventListener("abort", () => reject(new Error("killed")));
      w.send("SIGTERM");
    });
    expect(await w.run(["env"], commands({ shellEnvironment }))).toEqual({ code: 130, stdout: "", stderr: "error: interrupted [interrupted]\n" });
  });
});

describe("status", () => {
  const write = (cwd: string, name: string, count?: number): void => {
    const { journal } = layoutAt(cwd).run("20261121T093015-abc123");
    fs.mkdirSync(path.dirname(journal), { recursive: true });
    fs.writeFileSync(journal, recording(name).slice(0, count).map((event) => `${JSON.stringify(event)}\n`).join(""));
  };

  it("needs no config and no run", async () => {
    expect(await world().run(["status"])).toEqual({ code: 0, stdout: "", stderr: "no run yet; stackfleet up starts one\n" });
    expect((await world().run(["status", "--output", "json"])).stdout).toBe('{"run":null,"status":null,"stacks":[]}\n');
  });

  it("shows the last run with its failures", async () => {
    const w = world();
    write(w.cwd, "failure");
    const { code, stdout } = await w.run(["status"]);
    expect(code).toBe(0);
    expect(stdout).toContain("up demo (local)  5/8 stacks  failed  0:23");
    expect(stdout).toContain("VpcLimitExceeded");
  });

  it("shows a run whose driver died as interrupted, also when it is to be watched", async () => {
    const w = world();
    write(w.cwd, "success", 30);
    const { stdout } = await w.run(["status", "--watch"]);
    expect(stdout).toContain("interrupted");
    expect(stdout).toContain("the driver of run 20261121T093015-abc123 died");
    expect(JSON.parse((await w.run(["status", "--output", "json"])).stdout)).toMatchObject({ run: "20261121T093015-abc123", status: "interrupted" });
  });

  const lock = (cwd: string): void => fs.writeFileSync(layoutAt(cwd).runLock, JSON.stringify({ run: "20261121T093015-abc123", operation: "up", since: "", ...ownIdentity() }));

  it("--watch follows a live run to its end", async () => {
    const w = world();
    write(w.cwd, "success", 30);
    lock(w.cwd);
    const watching = w.run(["status", "--watch"]);
    await new Promise(setImmediate);
    write(w.cwd, "success");
    const { code, stdout, stderr } = await watching;
    expect(code).toBe(0);
    expect(stderr).toContain("home: succeeded in 0:12, 6 created");
    expect(stdout).toMatch(/up succeeded in 0:38: 6 of 6 stacks/);
  });

  it("--watch ends with Ctrl+C and leaves the run alone", async () => {
    const w = world();
    write(w.cwd, "success", 30);
    lock(w.cwd);
    const lines: string[] = [];
    const stdout = { write: (text: string) => lines.push(text) === 1 && w.send("SIGINT") };
    expect((await w.run(["status", "--watch", "--output", "json"], { stdout })).code).toBe(130);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ run: "20261121T093015-abc123", status: "running" });
  });
});

describe("reset", () => {
  it("says what it removed", async () => {
    expect((await world().run(["reset"], commands({ resetFleet: async () => ["/fleet/.stackfleet/local"] }))).stdout).toBe("removed /fleet/.stackfleet/local\n");
  });
});

const entry = { seq: 1, time: "2026-11-21T09:30:15.000Z", stack: "home", urn: "urn:pulumi:home::demo::aws:ec2/vpc:Vpc::main", type: "aws:ec2/vpc:Vpc", operation: "create", id: "vpc-0a", result: "ok" } as const;

function cloud(parts: Partial<LocalCloudPort>): { localCloud: () => Promise<LocalCloudModule> } {
  const missing = (): never => expect.fail("not expected");
  const port: LocalCloudPort = { status: missing, ledger: missing, addFault: missing, faults: missing, clearFaults: missing, logs: missing, kill: missing, stop: missing, networks: missing, setLink: missing, heal: missing, ...parts };
  return { localCloud: async () => ({ connect: async () => port, ensureStarted: async () => port, balance }) };
}
const none = { localCloud: async () => ({ connect: async () => undefined, ensureStarted: () => expect.fail("not expected"), balance }) };

describe("local", () => {
  it("ledger is an array of exactly the fields that scripts rely on", async () => {
    const { stdout } = await world().run(["local", "ledger", "--output", "json"], cloud({ ledger: async () => [{ ...entry, durationMs: 3, region: "eu-central-1" }, { ...entry, seq: 2, result: "error: no" }] }));
    expect(JSON.parse(stdout)).toEqual([entry, { ...entry, seq: 2, result: "error: no" }]);
    expect((await world().run(["local", "ledger", "--output", "json"], cloud({ ledger: async () => [] }))).stdout).toBe("[]\n");
  });

  it("ledger is a table for people", async () => {
    expect((await world().run(["local", "ledger"], cloud({ ledger: async () => [entry] }))).stdout)
      .toBe("SEQ  TIME                      STACK  OPERATION  TYPE             NAME  ID      RESULT\n1    2026-11-21T09:30:15.000Z  home   create     aws:ec2/vpc:Vpc  main  vpc-0a  ok\n\n1 call; 1 resource alive; created twice: none\n");
  });

  it("says how to start it where it does not run", async () => {
    const { code, stderr } = await world().run(["local", "ledger"], none);
    expect(code).toBe(1);
    expect(stderr).toBe("error: the local cloud is not running [local-cloud-not-running]\n  fix: start it with stackfleet local start\n");
    expect((await world().run(["local", "stop"], none)).code).toBe(0);
    expect((await world().run(["local", "status", "--output", "json"], none)).stdout).toBe('{"running":false}\n');
  });

  it("fault add hands the fault over and says when it fires", async () => {
    let added: unknown;
    const { stdout } = await world().run(["local", "fault", "add", "--type", "aws:ec2/vpc:Vpc", "--stack", "eu", "--nth", "2", "--kind", "drop-reply"],
      cloud({ addFault: async (fault) => ((added = fault), { id: 7, seen: 0, fired: false, nth: 1, ...fault }) }));
    expect(added).toEqual({ type: "aws:ec2/vpc:Vpc", stack: "eu", nth: 2, kind: "drop-reply" });
    expect(stdout).toBe("fault 7: drop-reply at create number 2 from now of aws:ec2/vpc:Vpc in eu\n");
  });

  it("network shows who is on which network, and what is not open", async () => {
    const network = {
      networks: [{ name: "dfs-network", members: [{ id: "one", address: "127.64.0.1", status: "running", aliases: ["controller", "c1"] }, { id: "two", address: "127.64.0.2", status: "exited", aliases: [] }] }],
      links: [{ from: "one", to: "two", link: { kind: "slow" as const, delayMs: 200 } }],
    };
    expect((await world().run(["local", "network"], cloud({ networks: async () => network }))).stdout).toBe(
      "NETWORK      CONTAINER  ADDRESS     STATUS   ALIASES\ndfs-network  one        127.64.0.1  running  controller, c1\ndfs-network  two        127.64.0.2  exited\n\n"
        + "FROM  TO   LINK\none   two  slow by 200 ms\n");
    expect(JSON.parse((await world().run(["local", "network", "--output", "json"], cloud({ networks: async () => network }))).stdout)).toEqual(network);
    expect((await world().run(["local", "network"], cloud({ networks: async () => ({ networks: [], links: [] }) }))).stderr).toBe("no container is on a network\n");
  });

  it.each([
    [["cut", "a", "b"], [["a", "b", { kind: "cut" }], ["b", "a", { kind: "cut" }]], "cut: a to b, b to a\n"],
    [["cut", "a", "b", "--one-way"], [["a", "b", { kind: "cut" }]], "cut: a to b\n"],
    [["slow", "a", "b", "--delay", "1.5s", "--one-way"], [["a", "b", { kind: "slow", delayMs: 1_500 }]], "slow by 1500 ms: a to b\n"],
    [["slow", "a", "b", "--delay", "200ms"], [["a", "b", { kind: "slow", delayMs: 200 }], ["b", "a", { kind: "slow", delayMs: 200 }]], "slow by 200 ms: a to b, b to a\n"],
  ])("network %j sets the links", async (args, expected, said) => {
    const set: unknown[] = [];
    const { stdout, code } = await world().run(["local", "network", ...args], cloud({ setLink: async (...link) => set.push(link) }));
    expect([code, set, stdout]).toEqual([0, expected, said]);
  });

  it.each(["200", "0s", "61s", "-1s", "fast", "1e3ms"])("network refuses a delay of %s", async (delay) => {
    const { code, stderr } = await world().run(["local", "network", "slow", "a", "b", `--delay=${delay}`], cloud({}));
    expect(code).toBe(2);
    expect(stderr).toContain("expected a time above 0 and up to 60s, as 200ms or 1.5s");
  });

  it("network heal heals two containers' links, or all, and wants both", async () => {
    const asked: unknown[] = [];
    const heal: LocalCloudPort["heal"] = async (between) => (asked.push(between), [{ from: "a", to: "b", link: { kind: "cut" } }]);
    expect((await world().run(["local", "network", "heal", "a", "b"], cloud({ heal }))).stdout).toBe("healed 1 link: a to b\n");
    expect((await world().run(["local", "network", "heal"], cloud({ heal: async (between) => (asked.push(between), []) }))).stdout).toBe("nothing to heal: every link is open\n");
    expect(asked).toEqual([["a", "b"], undefined]);
    expect(await world().run(["local", "network", "heal", "a"], cloud({}))).toMatchObject({ code: 2, stderr: expect.stringContaining("missing argument 'b'") });
  });

  it("logs follow until Ctrl+C, which is no failure", async () => {
    const w = world();
    const logs: LocalCloudPort["logs"] = async function* (_container, { signal }) {
      yield "ready";
      w.send("SIGINT");
      if (signal.aborted) throw new Error("aborted");
    };
    expect(await w.run(["local", "logs", "web", "--follow"], cloud({ logs }))).toEqual({ code: 0, stdout: "ready\n", stderr: "" });
  });
});
