/**
 * Replays a recording through a renderer, in a terminal that is emulated, with a clock that only the recording moves. By hand, to
 * look at it in a real terminal at its real speed: `node --import tsx test/golden/replay-live.ts failure`.
 */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { Terminal } from "@xterm/headless";
import type { FleetEvent } from "../../automation/events";
import { createRenderer, type Output, type RenderClock, type Renderer } from "../../automation/render";
import { EMPTY_VIEW, reduce } from "../../automation/report";

export const RECORDINGS = ["success", "failure", "interrupted", "many"] as const;

export function recording(name: string): FleetEvent[] {
  const text = readFileSync(path.join(__dirname, "recordings", `${name}.jsonl`), "utf8");
  return text.trimEnd().split("\n").map((line) => JSON.parse(line) as FleetEvent);
}

/** Time stands still until it is moved; timers fire in order on the way. */
export class ManualClock implements RenderClock {
  private timers: { readonly at: number; readonly call: () => void }[] = [];
  constructor(private time: number) {}

  now(): number {
    return this.time;
  }

  after(ms: number, call: () => void): () => void {
    const timer = { at: this.time + ms, call };
    this.timers.push(timer);
    return () => (this.timers = this.timers.filter((other) => other !== timer));
  }

  moveTo(time: number): void {
    for (;;) {
      const next = this.timers.filter(({ at }) => at <= time).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.time = Math.max(this.time, next.at);
      next.call();
    }
    this.time = time;
  }
}

/** A terminal of a size, as a stream; what is on it can be read. */
export class EmulatedTerminal {
  readonly isTTY = true;
  /** Everything that was written. */
  raw = "";
  private readonly screen: Terminal;

  constructor(readonly columns: number, readonly rows: number) {
    this.screen = new Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true, scrollback: 1000 });
  }

  write(text: string): boolean {
    this.raw += text;
    this.screen.write(text);
    return true;
  }

  /** The lines on the screen, after all that scrolled out of it. */
  async text(): Promise<string> {
    await new Promise<void>((resolve) => this.screen.write("", resolve));
    const { active } = this.screen.buffer;
    const lines = Array.from({ length: active.length }, (_, row) => active.getLine(row)?.translateToString(true) ?? "");
    return `${lines.join("\n").trimEnd()}\n`;
  }
}

export interface Replay { readonly stdout: string; readonly stderr: string }

/** Replays without a terminal. */
export async function replay(name: string, output: Output): Promise<Replay> {
  const written = { stdout: "", stderr: "" };
  const events = recording(name);
  const clock = new ManualClock(Date.parse(events[0]?.time ?? ""));
  const renderer = await createRenderer(output, {
    env: {}, clock,
    stdout: { write: (text) => (written.stdout += text) }, stderr: { write: (text) => (written.stderr += text) },
  });
  await feed(events, clock, renderer, []);
  return written;
}

/** Replays on a terminal. @returns what is on it at the given seconds after the start, and at the end */
export async function replayOnTerminal(name: string, size: { readonly columns: number; readonly rows: number }, seconds: readonly number[], env: NodeJS.ProcessEnv = {}): Promise<{ readonly screens: readonly string[]; readonly raw: string }> {
  const terminal = new EmulatedTerminal(size.columns, size.rows);
  const events = recording(name);
  const clock = new ManualClock(Date.parse(events[0]?.time ?? ""));
  const renderer = await createRenderer("tty", { env, clock, stdout: terminal, stderr: terminal });
  const screens = await feed(events, clock, renderer, seconds, () => terminal.text());
  return { screens: [...screens, await terminal.text()], raw: terminal.raw };
}

async function feed(events: readonly FleetEvent[], clock: ManualClock, renderer: Renderer, seconds: readonly number[], look: () => Promise<string> = async () => ""): Promise<string[]> {
  const start = clock.now();
  const screens: string[] = [];
  let view = EMPTY_VIEW;
  for (const event of events) {
    const at = Date.parse(event.time);
    while (screens.length < seconds.length && start + (seconds[screens.length] ?? 0) * 1000 < at) {
      clock.moveTo(start + (seconds[screens.length] ?? 0) * 1000);
      screens.push(await look());
    }
    clock.moveTo(at);
    view = reduce(view, event);
    renderer.event(event, view);
  }
  if (view.report) await renderer.finish(view.report);
  return screens;
}
