import { PassThrough } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { ChunksCommands, ChunkStoreError, runSession, type ChunksWorld } from "../../../workloads/chunkstore/client";
import { FakeController } from "./fake-controller";
import { folder } from "./support";

const [CTRL_C, CTRL_D, UP, TAB] = ["\u0003", "\u0004", "\u001b[A", "\t"];

interface Terminal {
  readonly controller: FakeController;
  readonly done: Promise<boolean>;
  type(keys: string): void;
  signal(name: string): void;
  /** All that was printed, without the line editor's escapes. */
  text(): string;
  /** Resolves once the text has this in it, after what was seen before. */
  sees(part: string | RegExp): Promise<void>;
}

/** A session on a terminal that is two streams. */
async function session(): Promise<Terminal> {
  const controller = await FakeController.start();
  const input = new PassThrough();
  const output = Object.assign(new PassThrough(), { columns: 100, isTTY: true });
  let printed = "";
  let seen = 0;
  const watchers = new Set<() => void>();
  const print = (text: string): void => {
    printed += text;
    watchers.forEach((watcher) => watcher());
  };
  output.on("data", (chunk: Buffer) => print(chunk.toString()));
  const text = (): string => printed.replace(/\u001b\[[0-9;]*[A-Za-z]/g, "");
  const listeners = new Set<(signal: string) => void>();
  const dir = folder();
  const world: Omit<ChunksWorld, "ask" | "askHidden"> = {
    cwd: dir, stdin: input, interactive: true, stdout: { write: print }, stderr: { write: print }, writeContent: () => Promise.resolve(),
  };
  const done = runSession({
    input, output, stdout: world.stdout, cwd: dir,
    commands: (asking) => new ChunksCommands({
      world: { ...world, ...asking }, output: "text", timeouts: { answerMs: 20_000 },
      target: { command: "", sessionFile: `${dir}/session.json`, cluster: () => Promise.resolve({ source: "test", endpoints: [controller.endpoint] }) },
    }),
    report: (error) => print(error instanceof ChunkStoreError ? `error: ${error.message} (${error.options.fix ?? ""})\n` : `unexpected: ${String(error)}\n`),
    onSignal: (listener) => (listeners.add(listener), () => listeners.delete(listener)),
  });
  onTestFinished(() => void input.end());
  return {
    controller, done, text, type: (keys) => void input.write(keys), signal: (name) => listeners.forEach((listener) => listener(name)),
    sees: (part) => new Promise((resolve) => {
      const look = (): void => {
        const at = typeof part === "string" ? text().indexOf(part, seen) : text().slice(seen).search(part);
        if (at < 0) return;
        seen = (typeof part === "string" ? at : seen + at) + 1;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
    }),
  };
}

async function loggedIn(): Promise<Terminal> {
  const terminal = await session();
  terminal.controller.cluster.put("hello.txt", Buffer.from("hi"), ["greeting"]);
  await terminal.sees("chunks> ");
  terminal.type("login admin\r");
  await terminal.sees("Password of admin: ");
  terminal.type("secret\r");
  await terminal.sees(/logged in as admin until .*\nchunks> /);
  return terminal;
}

describe("an interactive session", () => {
  it("runs commands until Ctrl+D, and shows no password", async () => {
    const terminal = await loggedIn();
    terminal.type("ls greeting\r");
    await terminal.sees(/hello\.txt +2 B/);
    await terminal.sees("chunks> ");
    terminal.type(CTRL_D);
    expect(await terminal.done).toBe(true);
    expect(terminal.text()).not.toContain("secret");
  });

  it.each(["exit", "quit"])("is left by %s", async (word) => {
    const terminal = await session();
    await terminal.sees("chunks> ");
    terminal.type(`${word}\r`);
    expect(await terminal.done).toBe(true);
  });

  it("goes on after errors, which name what to do in it", async () => {
    const terminal = await session();
    await terminal.sees("chunks> ");
    terminal.type("ls\r");
    await terminal.sees("error: not logged in at this cluster (log in: login <user>)\nchunks> ");
    terminal.type("lss\r");
    await terminal.sees(/error: unknown command 'lss'; did you mean ls; see help/);
    terminal.type("upload\r");
    await terminal.sees("missing required argument 'file'");
    terminal.type("download 'x\r");
    await terminal.sees("incomplete word");
    terminal.type("   \r");
    terminal.type("help\r");
    await terminal.sees("download [options] <file> [target]");
    terminal.type("help delete\r");
    await terminal.sees("Usage: delete [options] <file>");
    terminal.type("exit\r");
    expect(await terminal.done).toBe(true);
    expect(terminal.text()).not.toContain("unexpected");
  });

  it("asks before a delete, and remembers neither the answer nor a password", async () => {
    const terminal = await loggedIn();
    terminal.type("login admin secret\r");
    await terminal.sees(/logged in as admin until .*\nchunks> /);
    terminal.type("delete hello.txt\r");
    await terminal.sees("Delete hello.txt for everybody? [y/N] ");
    terminal.type("n\r");
    await terminal.sees("nothing was deleted\nchunks> ");
    terminal.type(`${UP}\r`);
    await terminal.sees("[y/N] ");
    terminal.type("y\r");
    await terminal.sees("deleted hello.txt\n");
    terminal.type(`${UP}${UP}`);
    await terminal.sees("chunks> login admin");
    expect(terminal.text().slice(terminal.text().indexOf("deleted hello.txt"))).not.toContain("secret");
    terminal.type(`${CTRL_C}${CTRL_C}${CTRL_C}`);
    await terminal.done;
  });

  it("completes names of files", async () => {
    const terminal = await loggedIn();
    terminal.type(`down${TAB}`);
    await terminal.sees("chunks> download ");
    terminal.type(`he${TAB}`);
    await terminal.sees("download hello.txt ");
    terminal.type("\r");
    await terminal.sees("saved hello.txt to hello.txt: 2 B");
    terminal.type(CTRL_D);
    await terminal.done;
  });

  it("is not left by one Ctrl+C, which cancels a command or a line, but by two in a row at an empty prompt", async () => {
    const terminal = await loggedIn();
    terminal.controller.misbehave = () => true;
    terminal.type("ls\r");
    await new Promise<void>((resolve) => { terminal.controller.misbehave = () => (resolve(), true); });
    terminal.type(CTRL_C);
    await terminal.sees("error: interrupted");
    await terminal.sees("chunks> ");
    terminal.controller.misbehave = () => false;
    terminal.type(CTRL_C); // not the second one
    await terminal.sees("(Ctrl+C again leaves)\nchunks> ");
    terminal.type("delete hel");
    await terminal.sees("delete hel");
    const before = terminal.text().length;
    terminal.type(CTRL_C);
    terminal.type("ls\r");
    await terminal.sees("hello.txt");
    await terminal.sees("chunks> ");
    expect(terminal.text().slice(before)).not.toContain("again leaves"); // the text is discarded, no more
    terminal.type(CTRL_C);
    await terminal.sees("(Ctrl+C again leaves)\nchunks> ");
    terminal.type(`x\u007f${CTRL_C}`);
    await terminal.sees("(Ctrl+C again leaves)\nchunks> ");
    terminal.type("ls\r");
    await terminal.sees("hello.txt");
    await terminal.sees("chunks> ");
    terminal.type(CTRL_C);
    await terminal.sees("(Ctrl+C again leaves)");
    terminal.type(CTRL_C);
    expect(await terminal.done).toBe(true);
    expect(terminal.controller.requests.filter((request) => request.startsWith("DELETE"))).toEqual([]);
  });

  it("keeps a password prompt that is interrupted out of the next command", async () => {
    const terminal = await session();
    await terminal.sees("chunks> ");
    terminal.type("login admin\r");
    await terminal.sees("Password of admin: ");
    terminal.type(`half${CTRL_C}`);
    await terminal.sees("error: interrupted");
    await terminal.sees("chunks> ");
    terminal.type("help\r");
    await terminal.sees("COMMAND");
    terminal.type("exit\r");
    await terminal.done;
    expect(terminal.text()).not.toContain("half");
  });

  it("runs what was typed while a command ran", async () => {
    const terminal = await loggedIn();
    let answer = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      terminal.controller.misbehave = () => (resolve(), new Promise<boolean>((go) => { answer = () => go(false); }));
    });
    terminal.type("ls\r");
    await asked;
    terminal.type("locations hello.txt\rexit\r");
    terminal.controller.misbehave = () => false;
    answer();
    expect(await terminal.done).toBe(true);
    expect(terminal.text()).toMatch(/REPLICAS {2}MODIFIED[^]*chunks> locations hello\.txt\nCHUNK/);
  });

  it("ends by SIGTERM in the middle of a command", async () => {
    const terminal = await loggedIn();
    const asked = new Promise<void>((resolve) => { terminal.controller.misbehave = () => (resolve(), true); });
    terminal.type("ls\r");
    await asked;
    terminal.signal("SIGTERM");
    terminal.signal("SIGINT");
    expect(await terminal.done).toBe(false);
  });
});
