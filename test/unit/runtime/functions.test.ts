import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { identityOf } from "../../../local/runtime/function-instance";
import { createFunctionRuntime, type OwnedFunctionRuntime } from "../../../local/runtime/functions";
import type { FunctionSpec } from "../../../local/runtime/port";
import { startOf } from "../../../local/runtime/processes";
import { makeSandbox, quiet } from "./helpers";

const NAME = "123456789012-eu-west-1-orders";
let sandbox: ReturnType<typeof makeSandbox>;
let runtime: OwnedFunctionRuntime;
let count = 0;

beforeAll(() => { sandbox = makeSandbox(); });
afterEach(() => runtime.close());
afterAll(() => sandbox.remove());

async function deploy(code: string, overrides: Partial<FunctionSpec> = {}, options: { maxInstances?: number; idleMs?: number } = {}): Promise<OwnedFunctionRuntime> {
  runtime = createFunctionRuntime({ dataDir: path.join(sandbox.dir, "data"), log: quiet, endpointUrl: () => "http://127.0.0.1:4566", bootstrap: sandbox.bootstrap, ...options });
  await runtime.deploy({ name: NAME, codeDir: codeDir(code), handler: "index.handler", environment: {}, timeoutSeconds: 3, memoryMb: 128, ...overrides });
  return runtime;
}

function codeDir(code: string, file = "index.js"): string {
  const dir = path.join(sandbox.dir, `code-${count++}`);
  mkdirSync(dir);
  writeFileSync(path.join(dir, file), code);
  return dir;
}

/** An answer whose form each test knows, because it wrote the handler. */
interface Answer { readonly value: Value; readonly functionError?: string; readonly logTail: string }
interface Value {
  readonly [key: string]: unknown;
  readonly env: Record<string, string>; readonly context: Record<string, string>; readonly trace: string[]; readonly errorMessage: string;
}

async function invoke(event: unknown = {}, signal?: AbortSignal): Promise<Answer> {
  const { payload, functionError, logTail } = await runtime.invoke(NAME, Buffer.from(JSON.stringify(event)), signal);
  return { value: JSON.parse(Buffer.from(payload).toString()) as Value, logTail, ...(functionError === undefined ? {} : { functionError }) };
}

describe("function runtime", () => {
  it("runs async, callback and plain handlers", async () => {
    await deploy("exports.handler = async (event) => ({ got: event.n })");
    expect((await invoke({ n: 7 })).value).toEqual({ got: 7 });
    await runtime.deploy({ name: NAME, codeDir: codeDir("exports.handler = (event, context, callback) => setImmediate(callback, null, event.n + 1)"), handler: "index.handler", environment: {}, timeoutSeconds: 3, memoryMb: 128 });
    expect((await invoke({ n: 7 })).value).toBe(8);
    await runtime.deploy({ name: NAME, codeDir: codeDir("exports.handler = () => 'ignored'"), handler: "index.handler", environment: {}, timeoutSeconds: 3, memoryMb: 128 });
    expect((await invoke()).value).toBeNull();
  });

  it("loads ESM handlers in nested folders", async () => {
    await deploy("");
    const dir = codeDir("");
    mkdirSync(path.join(dir, "src"));
    writeFileSync(path.join(dir, "src", "main.mjs"), "export const run = async () => import.meta.url.endsWith('main.mjs')");
    await runtime.deploy({ name: NAME, codeDir: dir, handler: "src/main.run", environment: {}, timeoutSeconds: 3, memoryMb: 128 });
    expect((await invoke()).value).toBe(true);
  });

  it("gives the context and environment of Lambda, and nothing of the daemon's", async () => {
    process.env["SECRET_OF_THE_DAEMON"] = "x";
    await deploy("exports.handler = async (event, context) => ({ env: process.env, ms: context.getRemainingTimeInMillis(), context })", { environment: { TABLE_NAME: "t" }, timeoutSeconds: 30 });
    const { value } = await invoke();
    delete process.env["SECRET_OF_THE_DAEMON"];
    expect(value.env).toMatchObject({
      TABLE_NAME: "t", AWS_REGION: "eu-west-1", AWS_LAMBDA_FUNCTION_NAME: "orders", AWS_ACCESS_KEY_ID: "123456789012", AWS_ENDPOINT_URL: "http://127.0.0.1:4566",
    });
    expect(value.env).not.toHaveProperty("SECRET_OF_THE_DAEMON");
    expect(value["ms"]).toBeGreaterThan(20_000);
    expect(value["ms"]).toBeLessThanOrEqual(30_000);
    expect(value.context).toMatchObject({ functionName: "orders", invokedFunctionArn: "arn:aws:lambda:eu-west-1:123456789012:function:orders", memoryLimitInMB: "128" });
    expect(value.context["awsRequestId"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("keeps one process warm over calls and starts more when calls overlap", async () => {
    await deploy("let calls = 0; exports.handler = async (e) => { await new Promise((r) => setTimeout(r, e.ms)); return { pid: process.pid, calls: ++calls } }");
    const [first, second] = [await invoke({ ms: 0 }), await invoke({ ms: 0 })];
    expect(second.value).toEqual({ pid: first.value["pid"], calls: 2 });
    // Long enough for the third process to be there before the first call ends.
    const together = await Promise.all([invoke({ ms: 2_000 }), invoke({ ms: 2_000 }), invoke({ ms: 2_000 })]);
    expect(new Set(together.map(({ value }) => value["pid"])).size).toBe(3);
  });

  it("serves a burst of short calls with few processes", async () => {
    await deploy("exports.handler = async () => process.pid");
    const results = await Promise.all(Array.from({ length: 50 }, () => invoke()));
    expect(new Set(results.map(({ value }) => Number(value))).size).toBeLessThanOrEqual(3);
  });

  it("makes calls wait in order at the cap", async () => {
    await deploy("let n = 0; exports.handler = async () => ({ pid: process.pid, n: ++n })", {}, { maxInstances: 1 });
    const results = await Promise.all([invoke(), invoke(), invoke()]);
    expect(results.map(({ value }) => value["n"])).toEqual([1, 2, 3]);
    expect(new Set(results.map(({ value }) => value["pid"])).size).toBe(1);
  });

  it("reports what a handler throws, and goes on with the same process", async () => {
    await deploy("exports.handler = async (e) => { if (e.bad) throw new TypeError('no such thing'); return process.pid }");
    const before = await invoke();
    const failed = await invoke({ bad: true });
    expect(failed.functionError).toBe("Unhandled");
    expect(failed.value).toMatchObject({ errorType: "TypeError", errorMessage: "no such thing" });
    expect(failed.value.trace[0]).toBe("TypeError: no such thing");
    expect((await invoke()).value).toBe(before.value);
  });

  it("cuts off what takes too long, kills it, and serves the next call from a new process", async () => {
    await deploy("exports.handler = async (e) => { if (e.hang) for (;;); return process.pid }", { timeoutSeconds: 0.2 });
    const { value: pid } = await invoke();
    const late = await invoke({ hang: true });
    expect(late.functionError).toBe("Unhandled");
    expect(late.value.errorMessage).toMatch(/Task timed out after 0\.20 seconds$/);
    expect((await invoke()).value).not.toBe(pid);
    expect(startOf(Number(pid))).toBeUndefined();
  });

  it.each([
    ["exits", "process.exit(3)", "Runtime.ExitError", /exit status 3/],
    ["exits quietly", "process.exit(0)", "Runtime.ExitError", /without providing a reason/],
    ["is killed", "process.kill(process.pid, 'SIGKILL')", "Runtime.ExitError", /signal: killed/],
    ["throws outside of the handler", "setImmediate(() => { throw new RangeError('far out') })", "RangeError", /far out/],
  ])("reports a process that %s", async (_, code, type, message) => {
    await deploy(`exports.handler = (event, context, callback) => { ${code} }`);
    const { value, functionError } = await invoke();
    expect(functionError).toBe("Unhandled");
    expect(value["errorType"]).toBe(type);
    expect(value.errorMessage).toMatch(message);
  });

  it.each([
    ["a missing module", "index.handler", "require('nowhere')", /nowhere/],
    ["a missing file", "other.handler", "", /Cannot find module 'other'/],
    ["a missing export", "index.nothing", "exports.handler = 1", /index\.nothing is undefined or not exported/],
  ])("reports %s at the first call", async (_, handler, code, message) => {
    await deploy(code, { handler });
    const { value, functionError } = await invoke();
    expect(functionError).toBe("Unhandled");
    expect(value.errorMessage).toMatch(message);
  });

  it("returns the end of this call's log, at most 4 KiB, and appends to the function's file", async () => {
    await deploy("exports.handler = async (e) => { console.log('hello', e.n); console.error('x'.repeat(e.length ?? 1)); return 1 }");
    const first = await invoke({ n: 1 });
    expect(first.logTail).toMatch(/^START RequestId: [\s\S]*INFO\thello 1\n[\s\S]*ERROR\tx\nEND RequestId: [\s\S]*REPORT/);
    const second = await invoke({ n: 2, length: 9_000 });
    expect(second.logTail).not.toContain("hello 1");
    expect(Buffer.byteLength(second.logTail)).toBe(4_096);
    await runtime.close();
    expect(readFileSync(path.join(sandbox.dir, "data", "function-logs", `${NAME}.log`), "utf8")).toContain("hello 1");
  });

  it("lets a call go on whose caller left, and doesn't start one that was still waiting", async () => {
    await deploy("let n = 0; exports.handler = async (e) => { n++; await new Promise((r) => setTimeout(r, e.ms)); return n }", {}, { maxInstances: 1 });
    await invoke({ ms: 0 });
    const caller = new AbortController();
    const left = invoke({ ms: 200 }, caller.signal);
    const queued = invoke({ ms: 0 }, caller.signal);
    setImmediate(() => caller.abort(new Error("gone")));
    await expect(left).rejects.toThrow("gone");
    await expect(queued).rejects.toThrow("gone");
    expect((await invoke({ ms: 0 })).value).toBe(3);
  });

  it("ends idle processes, and all of them on close", async () => {
    await deploy("exports.handler = async () => process.pid", {}, { idleMs: 20 });
    const { value: pid } = await invoke();
    await expect.poll(() => startOf(Number(pid))).toBeUndefined();
    const { value: next } = await invoke();
    await runtime.close();
    expect(startOf(Number(next))).toBeUndefined();
  });

  it("refuses a function that is not deployed", async () => {
    await deploy("");
    await expect(runtime.invoke("nobody", new Uint8Array())).rejects.toThrow("ResourceNotFoundException: Function not found: nobody");
  });
});

describe("identityOf", () => {
  it.each([
    [NAME, "arn:aws:lambda:eu-west-1:123456789012:function:orders"],
    ["123456789012-us-gov-west-1-a-b", "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:a-b"],
    ["123456789012-cn-north-1-x", "arn:aws-cn:lambda:cn-north-1:123456789012:function:x"],
  ])("takes %s apart", (name, arn) => {
    expect(identityOf(name).arn).toBe(arn);
  });
});
