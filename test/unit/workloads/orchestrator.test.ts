import { DeleteItemCommand, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { OrchestratorAnswer, OrchestratorEvent, RecordAnswer } from "../../../workloads/loadtest/events";
import { orchestrate, type OrchestratorContext, type TestState } from "../../../workloads/loadtest/orchestrator";
import { ITEMS, tableState } from "../../../workloads/loadtest/table";
import { createTable, type TestTable } from "./dynamo";

const REGIONS = ["ap-northeast-1", "us-east-2", "ca-central-1", "eu-west-1", "ap-northeast-3"];
const CLUSTER = "arn:aws:ecs:eu-west-1:123456789012:cluster/test";

let table: TestTable;
let state: TestState;
let clock = 0;
const scaleToZero = vi.fn(async () => ["arn:aws:ecs:eu-west-1:123456789012:service/test/generator"]);

beforeAll(async () => { table = await createTable(); });
afterAll(() => table.close());
beforeEach(async () => {
  for (const id of Object.values(ITEMS)) await table.client.send(new DeleteItemCommand({ TableName: table.name, Key: { id: { S: id } } }));
  state = tableState(table.client, table.name);
  clock = 1_000_000;
  scaleToZero.mockClear();
});

function ask(event: OrchestratorEvent, overrides: Partial<OrchestratorContext> = {}): Promise<OrchestratorAnswer> {
  return orchestrate(event, { state, scaleToZero, now: () => clock++, startBufferMs: 100_000, ...overrides });
}
const record = async (region: string): Promise<RecordAnswer> => (await ask({ action: "agg-record", region })) as RecordAnswer;
const reset = (regions = REGIONS): Promise<OrchestratorAnswer> => ask({ action: "test-reset", regions });
const end = (region: string): OrchestratorEvent => ({ action: "test-end", region, clusterArn: CLUSTER });

async function item(id: string): Promise<Record<string, unknown> | undefined> {
  return (await table.client.send(new GetItemCommand({ TableName: table.name, Key: { id: { S: id } }, ConsistentRead: true }))).Item;
}

describe("agg-record", () => {
  it("starts the test when the last required region is ready, and not before", async () => {
    await reset();
    for (const region of REGIONS.slice(0, -1)) expect(await record(region)).toMatchObject({ state: false });
    const before = clock;
    const last = await record("ap-northeast-3");
    expect(last).toMatchObject({ state: true, timestamp: before + 100_000, ready: [...REGIONS].sort(), required: [...REGIONS].sort() });
    expect(await ask({ action: "test-init" })).toEqual({ state: true, timestamp: before + 100_000 });
  });

  it("loses none of 23 regions that record at once, and sets one timestamp", async () => {
    const regions = Array.from({ length: 23 }, (_, index) => `xx-north-${index + 1}`);
    await reset(regions);
    const answers = await Promise.all(regions.map(record));
    expect((await item(ITEMS.ready))?.["regions"]).toEqual({ SS: expect.arrayContaining(regions) });
    const started = answers.filter((answer) => answer.state);
    expect(started.length).toBeGreaterThan(0);
    expect(new Set(started.map((answer) => answer.timestamp))).toEqual(new Set([(await state.startState()).timestamp]));
  });

  it("keeps the first timestamp however often regions record again", async () => {
    await reset(["eu-west-1"]);
    const { timestamp } = await record("eu-west-1");
    expect(timestamp).toBeDefined();
    const again = await Promise.all([record("eu-west-1"), record("eu-west-1"), record("us-east-2")]);
    expect(again.map((answer) => answer.timestamp)).toEqual([timestamp, timestamp, timestamp]);
  });

  it("starts nothing before a test-reset has named the regions", async () => {
    expect(await record("eu-west-1")).toEqual({ state: false, ready: ["eu-west-1"], required: [] });
    expect(await ask({ action: "test-init" })).toEqual({ state: false });
  });

  it("is not completed by regions that are not required", async () => {
    await reset(["eu-west-1", "us-east-2"]);
    await record("eu-west-1");
    expect(await record("ca-central-1")).toMatchObject({ state: false });
  });

  it("doesn't start the next round with the regions of the one before", async () => {
    await reset(["eu-west-1"]);
    // The reset comes between the record's add and its look at what is required.
    let resets = 0;
    const interrupted: TestState = { ...state, addReady: async (region) => {
      const ready = await state.addReady(region);
      if (resets++ === 0) await state.reset(["eu-west-1", "us-east-2"]);
      return ready;
    } };
    expect(await ask({ action: "agg-record", region: "eu-west-1" }, { state: interrupted })).toMatchObject({ state: false, ready: ["eu-west-1"] });
  });

  it("can't start a round that a reset has ended", async () => {
    await reset(["eu-west-1"]);
    const late: TestState = { ...state, start: async (round, timestamp) => {
      await state.reset(["eu-west-1", "us-east-2"]);
      return state.start(round, timestamp);
    } };
    expect(await ask({ action: "agg-record", region: "eu-west-1" }, { state: late })).toMatchObject({ state: false });
    expect(await state.startState()).toEqual({ state: false });
  });

  it("says so when a reset was cut off, and is well again after the next", async () => {
    await reset(["eu-west-1"]);
    await table.client.send(new DeleteItemCommand({ TableName: table.name, Key: { id: { S: ITEMS.ready } } }));
    await expect(record("eu-west-1")).rejects.toThrow(/test-reset is under way or was cut off/);
    await reset(["eu-west-1"]);
    expect(await record("eu-west-1")).toMatchObject({ state: true });
  });
});

describe("test-end", () => {
  it("records each region once, scales its services every time, and tells when all have ended", async () => {
    await reset(["eu-west-1", "us-east-2"]);
    const first = await ask(end("eu-west-1"));
    expect(first).toEqual({ completed: ["eu-west-1"], allCompleted: false, scaledToZero: [expect.stringContaining("generator")] });
    expect(await ask(end("eu-west-1"))).toEqual(first);
    expect(scaleToZero).toHaveBeenCalledTimes(2);
    expect(scaleToZero).toHaveBeenCalledWith(expect.objectContaining({ region: "eu-west-1", clusterArn: CLUSTER }));
    expect(await ask(end("us-east-2"))).toMatchObject({ completed: ["eu-west-1", "us-east-2"], allCompleted: true });
  });

  it("loses none of two regions that end at once", async () => {
    await reset(["eu-west-1", "us-east-2"]);
    const answers = await Promise.all([ask(end("eu-west-1")), ask(end("us-east-2"))]);
    expect(answers.some((answer) => "allCompleted" in answer && answer.allCompleted)).toBe(true);
    expect((await item(ITEMS.completed))?.["regions"]).toEqual({ SS: expect.arrayContaining(["eu-west-1", "us-east-2"]) });
  });

  it("fails when scaling fails, and may be repeated", async () => {
    await reset(["eu-west-1"]);
    scaleToZero.mockRejectedValueOnce(new Error("throttled"));
    await expect(ask(end("eu-west-1"))).rejects.toThrow("throttled");
    expect(await ask(end("eu-west-1"))).toMatchObject({ allCompleted: true });
  });
});

describe("test-reset", () => {
  it("sets all four items", async () => {
    await reset(["eu-west-1"]);
    await record("eu-west-1");
    await ask(end("eu-west-1"));
    await reset(["us-east-2", "eu-west-1", "us-east-2"]);
    const items = await Promise.all(Object.values(ITEMS).map(item));
    expect(new Set(items.map((found) => JSON.stringify(found?.["round"]))).size).toBe(1);
    expect((await item(ITEMS.ready))?.["regions"]).toBeUndefined();
    expect((await item(ITEMS.completed))?.["regions"]).toBeUndefined();
    expect((await item(ITEMS.required))?.["regions"]).toEqual({ SS: ["eu-west-1", "us-east-2"] });
    expect((await item(ITEMS.start))).toMatchObject({ state: { BOOL: false } });
    expect((await item(ITEMS.start))?.["timestamp"]).toBeUndefined();
  });

  it("leaves one round when two come at once", async () => {
    await Promise.allSettled([reset(["eu-west-1"]), reset(["us-east-2"])]);
    const items = await Promise.all(Object.values(ITEMS).map(item));
    expect(new Set(items.map((found) => JSON.stringify(found?.["round"]))).size).toBe(1);
  });
});
