import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FleetEvent } from "../../../automation/events";
import { layoutAt, type Layout } from "../../../automation/layout";
import { readStatus, statusJson, type LivenessProbe } from "../../../automation/status";
import { ownIdentity } from "../../../automation/system/process-identity";
import { recording } from "../../golden/replay";

let layout: Layout;
beforeEach(() => (layout = layoutAt(fs.mkdtempSync(path.join(tmpdir(), "status-")))));
afterEach(() => fs.rmSync(layout.root, { recursive: true, force: true }));

const alive: LivenessProbe = { holder: () => true, writer: () => true };
const dead: LivenessProbe = { holder: () => false, writer: () => false };

function writeRun(id: string, events: readonly FleetEvent[]): void {
  const { journal } = layout.run(id);
  fs.mkdirSync(path.dirname(journal), { recursive: true });
  fs.writeFileSync(journal, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
}
function lock(run: string): void {
  fs.mkdirSync(layout.home, { recursive: true });
  fs.writeFileSync(layout.runLock, JSON.stringify({ run, operation: "up", since: "2026-11-21T09:30:15.000Z", ...ownIdentity() }));
}

const OLD = "20261120T000000-aaaaaa";
const RUN = "20261121T093015-abc123";
const success = recording("success");
/** All that was written when home was up and the regions had just begun. */
const halfway = success.slice(0, success.findIndex((event) => event.type === "stack.status" && event.stack === "us-east-2" && event.status === "running") + 1);

describe("readStatus", () => {
  it("has nothing to show where nothing ran", () => {
    expect(readStatus(layout)).toBeUndefined();
    expect(statusJson(undefined, 0)).toEqual({ run: null, status: null, stacks: [] });
  });

  it("shows the live run rather than the last finished one", () => {
    writeRun(OLD, success);
    writeRun(RUN, halfway);
    lock(RUN);
    expect(readStatus(layout)).toMatchObject({ run: RUN, live: true, view: { status: "running" } });
  });

  it("shows a run that still prepares", () => {
    writeRun(OLD, success);
    lock(RUN);
    expect(readStatus(layout)).toMatchObject({ run: RUN, live: true, view: { status: "running", stacks: [] } });
  });

  it("shows the last run as it ended", () => {
    writeRun(OLD, recording("failure"));
    writeRun(RUN, success);
    expect(readStatus(layout)).toMatchObject({ run: RUN, live: false, view: { status: "succeeded" } });
  });

  it("shows a run whose driver died as interrupted, with what each stack last was", () => {
    writeRun(RUN, halfway);
    lock(RUN);
    const status = readStatus(layout, dead);
    expect(status).toMatchObject({ run: RUN, live: false, view: { status: "interrupted" } });
    expect(status?.view.stacks.map((stack) => stack.status)).toEqual(["succeeded", "running", "running", "running", "running", "running"]);
  });

  it("takes a lock that can't be read for none", () => {
    writeRun(RUN, halfway);
    fs.writeFileSync(layout.runLock, "{torn");
    expect(readStatus(layout, alive)).toMatchObject({ live: false, view: { status: "interrupted" } });
  });

  it("knows a live preview, which takes no lock, by its process", () => {
    writeRun(RUN, halfway.map((event) => (event.type === "run.started" ? { ...event, operation: "preview" as const } : event)));
    expect(readStatus(layout, alive)).toMatchObject({ live: true });
    expect(readStatus(layout, dead)).toMatchObject({ live: false, view: { status: "interrupted" } });
  });
});

describe("statusJson", () => {
  it("has exactly the fields that scripts rely on, null where nothing is known", () => {
    writeRun(RUN, halfway);
    lock(RUN);
    const now = Date.parse(halfway[0]?.time ?? "") + 15_000;
    const json = statusJson(readStatus(layout), now);
    expect(Object.keys(json)).toEqual(["run", "status", "stacks"]);
    expect(json.stacks.slice(0, 2)).toEqual([
      { name: "home", status: "succeeded", done: 6, expected: 6, elapsedSeconds: 12.4, etaSeconds: null },
      { name: "ap-northeast-1", status: "running", done: 0, expected: 5, elapsedSeconds: 2.4, etaSeconds: 17.6 },
    ]);
    writeRun(RUN, recording("failure").slice(0, 3));
    expect(statusJson(readStatus(layout), now).stacks[0]).toEqual({ name: "home", status: "ready", done: 0, expected: null, elapsedSeconds: null, etaSeconds: null });
  });

  it("lets the time of an interrupted run stand still", () => {
    writeRun(RUN, halfway);
    const status = readStatus(layout, dead);
    expect(statusJson(status, Date.now())).toEqual(statusJson(status, Date.now() + 1e6));
  });
});
