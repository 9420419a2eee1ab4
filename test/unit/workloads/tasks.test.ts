/** The tasks' own bundles, run by the real container and function runtimes against the real orchestrator bundle. */
import { build } from "esbuild";
import { createServer, type Server } from "node:http";
import { mkdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createContainerRuntime, type OwnedContainerRuntime } from "../../../local/runtime/index";
import { createFunctionRuntime, type OwnedFunctionRuntime } from "../../../local/runtime/functions";
import type { ContainerSpec } from "../../../local/runtime/port";
import { makeSandbox, quiet, spec } from "../runtime/helpers";
import { createTable, type TestTable } from "./dynamo";

const FUNCTION = "123456789012-eu-central-1-orchestrator";
const ARN = "arn:aws:lambda:eu-central-1:123456789012:function:orchestrator";
const root = path.resolve(__dirname, "..", "..", "..");

let sandbox: ReturnType<typeof makeSandbox>;
let containers: OwnedContainerRuntime;
let functions: OwnedFunctionRuntime;
let table: TestTable;
/** Stands for the local cloud's Lambda API: the invoke path only, and refusals while `down`. */
let lambda: Server;
let down = 0;

beforeAll(async () => {
  sandbox = makeSandbox();
  const entries = ["orchestrator", "aggregator", "generator", "healthcheck"].map((name) => path.join(root, "workloads", "loadtest", "entry", `${name}.ts`));
  await build({ entryPoints: entries, outdir: path.join(sandbox.bundlesDir, "loadtest", "entry"), bundle: true, platform: "node", format: "cjs", target: "node22", logLevel: "silent" });
  table = await createTable();
  functions = createFunctionRuntime({ dataDir: path.join(sandbox.dir, "data"), log: quiet, endpointUrl: () => table.endpoint, bootstrap: sandbox.bootstrap });
  await functions.deploy({
    name: FUNCTION, codeDir: path.join(sandbox.bundlesDir, "loadtest", "entry"), handler: "orchestrator.handler", timeoutSeconds: 10, memoryMb: 256,
    environment: { TABLE_NAME: table.name, START_BUFFER_SECONDS: "100" },
  });
  lambda = createServer((request, response) => {
    const body: Buffer[] = [];
    request.on("data", (bytes: Buffer) => body.push(bytes)).on("end", () => {
      if (down-- > 0) return response.writeHead(503).end("{}");
      functions.invoke(FUNCTION, Buffer.concat(body)).then(({ payload, functionError }) => {
        response.writeHead(200, functionError === undefined ? {} : { "x-amz-function-error": functionError }).end(payload);
      }, (error: unknown) => response.writeHead(500).end(String(error)));
    });
  });
  await new Promise<void>((resolve) => lambda.listen(0, "127.0.0.1", resolve));
  mkdirSync(path.join(sandbox.dir, "data"), { recursive: true });
  containers = await createContainerRuntime({ dataDir: path.join(sandbox.dir, "data"), log: quiet, bundlesDir: sandbox.bundlesDir, preload: sandbox.preload });
}, 60_000);

afterAll(async () => {
  await containers.close({ stopContainers: true });
  await functions.close();
  lambda.close();
  await table.close();
  sandbox.remove();
});

const ask = async (event: object): Promise<unknown> => JSON.parse(Buffer.from((await functions.invoke(FUNCTION, Buffer.from(JSON.stringify(event)))).payload).toString());

function task(program: string, region: string, environment: Record<string, string> = {}): ContainerSpec {
  return spec(`${program}-${region}`, {
    command: [program],
    environment: {
      HOME_REGION: "eu-central-1", AWS_REGION: region, ORCHESTRATOR_FUNCTION: ARN, AWS_ENDPOINT_URL: `http://127.0.0.1:${(lambda.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: "123456789012", AWS_SECRET_ACCESS_KEY: "x", ...environment,
    },
    healthCheck: { command: ["CMD", "node", "healthcheck.js"], intervalSeconds: 5, timeoutSeconds: 5, retries: 3, startPeriodSeconds: 60 },
  });
}

async function health(id: string): Promise<unknown> {
  return (await fetch(`http://${containers.get(id)?.address}:8080/health`)).json();
}

async function lines(id: string): Promise<string[]> {
  const found: string[] = [];
  for await (const line of containers.logs(id, {})) found.push(line);
  return found;
}

describe("load test tasks", () => {
  it("aggregators are healthy only once their region is recorded, over failures, and the last one starts the test", async () => {
    await ask({ action: "test-reset", regions: ["eu-west-1", "us-east-2"] });
    // The SDK itself tries three times; so the aggregator's own retry is needed too.
    down = 4;
    const first = await containers.run(task("aggregator", "eu-west-1"));
    expect(first.health).toBe("starting");
    await containers.waitHealthy("aggregator-eu-west-1", AbortSignal.timeout(20_000));
    expect(await health("aggregator-eu-west-1")).toEqual({ healthy: true, task: "aggregator", region: "eu-west-1", recorded: true });
    expect((await lines("aggregator-eu-west-1")).join("\n")).toContain("region not recorded yet");
    expect(await ask({ action: "test-init" })).toEqual({ state: false });
    const before = Date.now();
    await containers.run(task("aggregator", "us-east-2"));
    await containers.waitHealthy("aggregator-us-east-2", AbortSignal.timeout(20_000));
    const { state, timestamp } = (await ask({ action: "test-init" })) as { state: boolean; timestamp: number };
    expect(state).toBe(true);
    expect(timestamp - before).toBeGreaterThanOrEqual(100_000);
  }, 60_000);

  it("generators report their exact share and learn the start time", async () => {
    await containers.run(task("generator", "eu-west-1", { VIRTUAL_USERS: "194" }));
    await containers.waitHealthy("generator-eu-west-1", AbortSignal.timeout(20_000));
    await expect.poll(() => health("generator-eu-west-1"), { timeout: 10_000 }).toEqual({
      healthy: true, task: "generator", region: "eu-west-1", virtualUsers: 194, start: { state: true, timestamp: expect.any(Number) },
    });
  }, 60_000);

  it("two tasks of one port live side by side, log JSON lines, and end cleanly on SIGTERM", async () => {
    for (const { spec: { id } } of containers.list()) {
      await containers.stop(id);
      expect(containers.get(id)).toMatchObject({ status: "exited", exitCode: 0 });
      const records = (await lines(id)).map((line) => JSON.parse(line) as { level: number; msg: string });
      expect(records.at(0)?.msg).toBe("started");
      expect(records.at(-1)?.msg).toBe("ended");
    }
    expect(containers.list()).toHaveLength(3);
  }, 60_000);

  it("a task with a faulty environment names every fault and exits 1", async () => {
    await containers.run({ ...task("generator", "us-east-2", { VIRTUAL_USERS: "12.5" }), environment: { VIRTUAL_USERS: "12.5" } });
    await expect(containers.waitHealthy("generator-us-east-2")).rejects.toThrow("exit code 1");
    const [line = ""] = await lines("generator-us-east-2");
    expect(line).toMatch(/HOME_REGION: is missing.*ORCHESTRATOR_FUNCTION: is missing.*VIRTUAL_USERS: out of range; got \\"12.5\\"/);
  }, 60_000);

  it("the orchestrator refuses an unknown action in Lambda's way", async () => {
    expect(await ask({ action: "dance" })).toMatchObject({ errorType: "InvalidEvent", errorMessage: expect.stringContaining('action: unknown; got "dance"') });
  });
});
