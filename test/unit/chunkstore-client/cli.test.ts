import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import type { CommandsModule } from "../../../automation/cli/context";
import { world, type Outcome } from "../cli/support";
import { FakeController } from "./fake-controller";

interface Ground {
  readonly controller: FakeController;
  readonly cwd: string;
  readonly run: (...argv: string[]) => Promise<Outcome>;
  /** Stacks that outputs were asked of. */
  readonly asked: string[];
  answer: string | undefined;
  stackEndpoints: unknown;
}

/** A fleet whose stack names one controller that doesn't answer and one that does. */
async function ground(more: { readonly endpoints?: unknown; readonly env?: NodeJS.ProcessEnv } = {}): Promise<Ground> {
  const controller = await FakeController.start();
  const { cwd, run } = world();
  fs.mkdirSync(path.join(cwd, ".stackfleet"));
  const asked: string[] = [];
  const commands = { readOutputs: ({ stack = "", target = "" }: { stack?: string; target?: string }) => (asked.push(`${target}/${stack}`),
    Promise.resolve({ [stack]: { endpoints: { value: own.stackEndpoints, secret: false } } })) } as unknown as CommandsModule;
  const own: Ground = {
    controller, cwd, asked, answer: undefined, stackEndpoints: "endpoints" in more ? more.endpoints : ["http://127.0.0.1:9", controller.endpoint],
    run: (...argv) => run(["chunks", ...argv], {
      env: { STACKFLEET_ROOT: cwd, ...more.env }, commands: () => Promise.resolve(commands), interactive: own.answer !== undefined, ask: () => Promise.resolve(own.answer),
    }),
  };
  return own;
}

async function loggedIn(): Promise<Ground> {
  const own = await ground();
  expect((await own.run("login", "admin", "secret")).code).toBe(0);
  return own;
}

describe("stackfleet chunks", () => {
  it("finds the controllers in the stack's outputs, and keeps the login in the fleet's folder", async () => {
    const own = await ground();
    const { code, stdout, stderr } = await own.run("login", "admin", "secret");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "logged in as admin until 2030-01-01 00:00:00Z\n" });
    expect(stderr).toBe(`note: http://127.0.0.1:9: connection refused; trying ${own.controller.endpoint}\n`);
    const file = path.join(own.cwd, ".stackfleet", "local", "chunkstore-session.json");
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(own.asked).toEqual(["local/chunkstore"]);
    expect((await own.run("ls")).stderr).toBe("no files\n"); // the second process begins with the good controller
    await own.run("ls", "--stack", "other", "--target", "cloud");
    expect(own.asked.at(-1)).toBe("cloud/other");
  });

  it("stores, lists, saves and deletes a file", async () => {
    const own = await loggedIn();
    const file = path.join(own.cwd, "data.bin");
    fs.writeFileSync(file, "hello");
    expect((await own.run("upload", "data.bin", "x", "--name", "a b")).stdout).toMatch(/^stored a b: 5 B, 5 replicas, SHA-256 2cf24dba/);
    expect((await own.run("ls")).stdout).toBe("NAME  SIZE  TAGS  REPLICAS  MODIFIED\na b    5 B  x            5  2026-01-02 03:04:05Z\n");
    expect(await own.run("download", "a b")).toEqual({ code: 0, stdout: "saved a b to a b: 5 B, checksum verified\n", stderr: "" });
    expect((await own.run("download", "a b", "data.bin")).stderr).toMatch(/^error: target: is there already; got .*data\.bin \[target-exists\]\n {2}fix: /);
    expect((await own.run("download", "a b", "data.bin", "--force")).code).toBe(0);
    expect((await own.run("locations", "a b")).stdout).toMatch(/cs-1, cs-2/);
    expect((await own.run("status")).stdout).toMatch(/1 of 1 controllers and 1 of 2 chunkservers alive/);
    expect(await own.run("delete", "a b")).toMatchObject({ code: 2, stdout: "" });
    own.answer = "no";
    expect(await own.run("delete", "a b")).toEqual({ code: 0, stdout: "", stderr: "nothing was deleted\n" });
    own.answer = "y";
    expect(await own.run("delete", "a b")).toEqual({ code: 0, stdout: "deleted a b\n", stderr: "" });
    expect(own.controller.cluster.files.size).toBe(0);
  });

  it("gives results as JSON, and nothing else on stdout", async () => {
    const own = await loggedIn();
    own.controller.cluster.put("a\u202eb", Buffer.from("x"), ["t"]);
    const { stdout } = await own.run("ls", "--output", "json");
    expect(stdout).toContain("a\\u202eb");
    expect(JSON.parse(stdout)).toMatchObject([{ name: "a\u202eb", size: 1, tags: ["t"] }]);
    expect(JSON.parse((await own.run("login", "admin", "secret", "--output", "json")).stdout)).toEqual({ user: "admin", expiresAt: "2030-01-01T00:00:00.000Z" });
  });

  it.each([
    ["not logged in", ["ls"], /^error: not logged in at this cluster \[not-logged-in\]\n {2}fix: log in: stackfleet chunks login <user>\n$/],
    ["a wrong password", ["login", "admin", "hunter2"], /error: user or password is wrong \[wrong-credentials\]\n {2}fix: check both/],
  ])("says what to do: %s", async (_, argv, expected) => {
    const { code, stdout, stderr } = await (await ground()).run(...argv);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(expected);
    expect(stderr).not.toContain("hunter2");
  });

  it("says what to do when the login has expired, and when a file is unknown", async () => {
    const own = await loggedIn();
    own.controller.cluster.put("hello.txt", Buffer.from("x"));
    expect((await own.run("download", "helo.txt")).stderr).toBe("error: no such file in the store; got helo.txt [file-not-found]\n  fix: did you mean hello.txt?\n");
    expect((await own.run("delete", "zzz", "--yes")).stderr).toMatch(/fix: see stackfleet chunks ls\n$/);
    own.controller.cluster.tokens.clear();
    expect((await own.run("ls")).stderr).toBe("error: the login has expired [token-expired]\n  fix: log in again: stackfleet chunks login admin\n");
  });

  it("lists what was tried when no controller can be reached", async () => {
    const own = await loggedIn();
    await own.controller.stop();
    const { code, stderr } = await own.run("ls");
    expect(code).toBe(1);
    expect(stderr).toContain(`error: no controller could answer; got 2 failures; expected an answer of one of them [no-controller]\n  ${own.controller.endpoint}: connection refused\n  http://127.0.0.1:9: connection refused\n`);
  });

  it.each([["nothing", undefined], ["no list", "http://x"], ["an empty list", []]])("says so when the stack's outputs name %s", async (_, endpoints) => {
    const { code, stderr } = await (await ground({ endpoints })).run("ls");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: stack chunkstore has no controllers; got .*\[no-endpoints\]\n {2}fix: bring it up with stackfleet up chunkstore/);
  });

  it("takes addresses from the command line before those of the environment, and gives no token to other clusters", async () => {
    const own = await ground({ env: { CHUNKSTORE_ENDPOINTS: "http://127.0.0.1:9" } });
    expect((await own.run("login", "admin", "secret", "--endpoint", own.controller.endpoint)).code).toBe(0);
    expect(own.asked).toEqual([]);
    expect((await own.run("ls", "--endpoint", own.controller.endpoint)).code).toBe(0);
    const other = await FakeController.start();
    expect((await own.run("ls", "--endpoint", other.endpoint)).stderr).toMatch(/not-logged-in/);
    expect(other.requests).toEqual([]);
    expect((await own.run("ls")).stderr).toMatch(/not-logged-in/);
  });

  it("gives no token to a controller that is named beside a known one, until it is named at a login", async () => {
    const own = await ground();
    const known = ["--endpoint", own.controller.endpoint];
    expect((await own.run("login", "admin", "secret", ...known)).code).toBe(0);
    const other = await FakeController.start(own.controller.cluster);
    const both = ["--endpoint", other.endpoint, ...known];
    expect(await own.run("ls", ...both)).toEqual({ code: 0, stdout: "", stderr: `note: not asked, because the login is not for it: ${other.endpoint}\nno files\n` });
    expect(other.requests).toEqual([]);
    expect((await own.run("login", "admin", "wrong", ...both)).stderr).toMatch(/wrong-credentials/);
    expect((await own.run("ls", ...both)).stderr).toMatch(/^note: not asked/);
    expect((await own.run("login", "admin", "secret", ...both)).code).toBe(0);
    await own.controller.stop();
    expect(await own.run("ls", ...both)).toEqual({ code: 0, stdout: "", stderr: `note: ${own.controller.endpoint}: connection refused; trying ${other.endpoint}\nno files\n` });
  });

  it("goes on with a stack's login when its controllers have other addresses", async () => {
    const own = await ground();
    const [old, replaced] = [own.controller.endpoint, await FakeController.start(own.controller.cluster)];
    expect((await own.run("login", "admin", "secret")).code).toBe(0);
    own.stackEndpoints = [replaced.endpoint];
    expect(await own.run("ls")).toEqual({ code: 0, stdout: "", stderr: "no files\n" });
    // Named one by one, the address is a stranger's.
    expect((await own.run("ls", "--endpoint", replaced.endpoint, "--endpoint", old)).stderr).toMatch(/^note: not asked/);
  });

  it("keeps the login in the user's folder outside a fleet", async () => {
    const own = await ground();
    fs.rmSync(path.join(own.cwd, ".stackfleet"), { recursive: true });
    const config = path.join(own.cwd, "config");
    const controller = await FakeController.start();
    const { run } = world();
    const env = { STACKFLEET_ROOT: own.cwd, XDG_CONFIG_HOME: config };
    expect((await run(["chunks", "login", "admin", "secret", "--endpoint", controller.endpoint], { env })).code).toBe(0);
    expect(fs.readdirSync(path.join(config, "stackfleet"))).toEqual(["chunks.json"]);
  });
});
