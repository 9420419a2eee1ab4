import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import type { DrillEvent, DrillEventBody } from "../../../drills/model";
import { jsonRenderer } from "../../../drills/render/json";
import { textRenderer, type TextOptions } from "../../../drills/render/text";

const time = "2030-01-01T00:00:00.000Z";
const bodies: readonly DrillEventBody[] = [
  { type: "drill.started", drill: "partition", summary: "one controller is cut off", breaks: "moves controller-1", putsBack: "joins it again", tag: "drill-1a2b3c4d", number: 1, of: 2, seed: 7 },
  { type: "step.started", drill: "partition", step: "cut controller-1 off" },
  { type: "step.finished", drill: "partition", step: "cut controller-1 off", ok: true, seconds: 0.25 },
  { type: "check.started", drill: "partition", check: "healed" },
  { type: "check.finished", drill: "partition", check: "healed", ok: true, seconds: 3.1, detail: "within the target of 30 s", target: { targetSeconds: 30, source: "x", time: "within" } },
  { type: "check.finished", drill: "partition", check: "converged", ok: true, seconds: 7, detail: "over the target of 6 s", target: { targetSeconds: 6, source: "x", time: "over" } },
  { type: "check.finished", drill: "partition", check: "no-failed-reads", ok: false, seconds: 64.5, detail: "1 failed: \u001b[31mdownload\u001b[0m:\nno\u0007answer" },
  { type: "step.finished", drill: "partition", step: "put back: start controller-1", ok: false, seconds: 1, error: "no such container" },
  { type: "drill.ended", drill: "partition", ok: false, seconds: 75.2 },
  { type: "drill.skipped", drill: "conflict", reason: "it needs four chunkservers" },
];
const events: readonly DrillEvent[] = [...bodies.map((body) => ({ ...body, time })), {
  type: "drill.finished", status: "failed", checks: [
    { drill: "partition", check: "healed", ok: true, seconds: 3.1 }, { drill: "partition", check: "no-failed-reads", ok: false, seconds: 64.5, detail: "1 failed: download: no answer" },
  ],
}];

function rendered(options: Partial<TextOptions> = {}): string {
  let text = "";
  const show = textRenderer({ write: (part) => (text += part), ...options });
  events.forEach(show);
  return text;
}

describe("the text of drills", () => {
  it("has a line for each step and check, with seconds, and an account at the end", () => {
    expect(rendered()).toMatchInlineSnapshot(`
      "1/2  partition  one controller is cut off
        breaks    moves controller-1
        puts back joins it again (its files: drill-1a2b3c4d-…)
        ·    0.25 s  cut controller-1 off
        ✓    3.10 s  healed  within the target of 30 s
        ✓    7.00 s  converged  over the target of 6 s
        ✗  1:04 min  no failed reads  1 failed: download: noanswer
        ✗    1.00 s  put back: start controller-1: no such container
        failed in 1:15 min

      conflict  skipped: it needs four chunkservers
      failed: drills 0 passed, 1 failed, 1 skipped; checks 1 of 2 ok; times: 1 within their targets, 1 over
        ✗ partition  no failed reads: 1 failed: download: no answer
      "
    `);
  });

  it("lets nothing that comes from elsewhere steer the terminal", () => {
    expect(rendered()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  });

  it("shows on a terminal what is under way, and replaces it", () => {
    const text = rendered({ live: true });
    expect(text).toContain("cut controller-1 off\r\u001b[2K");
    expect(text.replaceAll(/[^\n]*\r\u001b\[2K/g, "")).toBe(rendered());
  });

  it.each([60, 80, 110])("breaks long lines between words at %d columns, and loses none", (columns) => {
    const long = events.map((event) => (event.type === "drill.started" ? { ...event, breaks: "moves one of three controllers from the network to a side network, until a file was stored without it" } : event));
    const show = (options: Partial<TextOptions>): string => {
      let text = "";
      long.forEach(textRenderer({ write: (part) => (text += part), ...options }));
      return text;
    };
    const text = show({ columns, colours: true });
    expect(Math.max(...stripVTControlCharacters(text).split("\n").map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(text.replace(/\n {15}/g, " ")).toBe(show({ colours: true }));
  });

  it("does without colours and without Unicode", () => {
    expect(rendered({ unicode: false })).not.toMatch(/[✓✗·…] /u);
    expect(rendered({ colours: true })).toContain("\u001b[31m");
  });
});

describe("the JSON of drills", () => {
  it("is one event a line, as it was told, with the account as the last", () => {
    let text = "";
    events.forEach(jsonRenderer((part) => (text += part)));
    expect(text.trimEnd().split("\n").map((line) => JSON.parse(line) as unknown)).toEqual(events);
  });
});
