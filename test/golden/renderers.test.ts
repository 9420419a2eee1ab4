/** Recorded runs through every renderer, compared with what a reader saw when it was last looked at. */
import { describe, expect, it } from "vitest";
import { RECORDINGS, recording, replay, replayOnTerminal } from "./replay";

const SIZES = [{ columns: 80, rows: 24 }, { columns: 200, rows: 80 }] as const;
/** Seconds at which the screen is looked at, besides the end. */
const LOOKS = [0.5, 7.7, 14.2];

describe.each(RECORDINGS)("the recording %s", (name) => {
  it.each(SIZES)("reads well on a terminal of $columns×$rows", async (size) => {
    const { screens } = await replayOnTerminal(name, size, LOOKS, { NO_COLOR: "1" });
    const titles = [...LOOKS.map((seconds) => `after ${seconds} s`), "at the end"];
    const text = screens.map((screen, index) => `──── ${titles[index]} ────\n${screen}`).join("\n");
    await expect(text).toMatchFileSnapshot(`expected/${name}-${size.columns}x${size.rows}.txt`);
  });

  it("reads well without a terminal", async () => {
    const { stdout, stderr } = await replay(name, "plain");
    await expect(`──── stderr ────\n${stderr}\n──── stdout ────\n${stdout}`).toMatchFileSnapshot(`expected/${name}-plain.txt`);
  });

  it("never writes below or beside the terminal", async () => {
    for (const size of SIZES) {
      const { screens } = await replayOnTerminal(name, size, LOOKS);
      for (const screen of screens.slice(0, -1)) {
        const lines = screen.trimEnd().split("\n");
        expect(lines.length).toBeLessThan(size.rows);
        // Drawn in place: nothing has scrolled, so the header is the first line still.
        expect(lines[0]).toMatch(/^(up|destroy) demo/);
      }
    }
  });

  it("gives the cursor back", async () => {
    const { raw } = await replayOnTerminal(name, SIZES[0], LOOKS);
    expect(raw.lastIndexOf("\u001b[?25h")).toBeGreaterThan(raw.lastIndexOf("\u001b[?25l"));
  });

  it("has no escape codes without a terminal", async () => {
    const { stdout, stderr } = await replay(name, "plain");
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });

  it("is one line of JSON an event, the last one the report", async () => {
    const { stdout, stderr } = await replay(name, "json");
    const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toEqual(recording(name));
    for (const line of lines) expect(Object.keys(line).slice(0, 4)).toEqual(["seq", "time", "run", "type"]);
    expect(Object.keys(lines.at(-1) ?? {}).slice(3)).toEqual(["type", "status", "wallSeconds", "criticalPathSeconds", "cpuSeconds", "maxRssBytes", "stacks"]);
    expect(stderr).toBe("");
  });
});

describe("colours", () => {
  it("are left out with NO_COLOR", async () => {
    const { raw } = await replayOnTerminal("failure", SIZES[0], [], { NO_COLOR: "1" });
    expect(raw).not.toMatch(/\u001b\[\d+m/);
    expect((await replayOnTerminal("failure", SIZES[0], [])).raw).toMatch(/\u001b\[31m/);
  });
});

describe("a failure", () => {
  it("is told once, at its root, with what was skipped and its log", async () => {
    const { screens } = await replayOnTerminal("failure", SIZES[1], []);
    const end = screens.at(-1) ?? "";
    expect(end.match(/VpcLimitExceeded/g)).toHaveLength(1);
    expect(end).toMatch(/skipped because of it: dashboard-eu, 监控-dashboards/);
    expect(end).toMatch(/log: \/fleet\/.stackfleet\/runs\/20261121T093015-abc123\/logs\/eu-west-1.log/);
  });
});
