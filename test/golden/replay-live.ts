/** Replays a recording in this terminal, at its real speed or faster: `node --import tsx test/golden/replay-live.ts many 4`. */
import { createRenderer, defaultOutput } from "../../automation/render";
import { EMPTY_VIEW, reduce } from "../../automation/report";
import { recording } from "./replay";

async function main(name = "failure", speed = "1"): Promise<void> {
  const renderer = await createRenderer(defaultOutput(process.stdout, process.env), { stdout: process.stdout, stderr: process.stderr, env: process.env });
  const began = Date.now();
  const events = recording(name);
  const first = Date.parse(events[0]?.time ?? "");
  let view = EMPTY_VIEW;
  for (const event of events) {
    const due = began + (Date.parse(event.time) - first) / Number(speed);
    while (Date.now() < due) await new Promise((resolve) => setTimeout(resolve, due - Date.now()));
    const now = { ...event, time: new Date().toISOString() };
    view = reduce(view, now);
    renderer.event(now, view);
  }
  if (view.report) await renderer.finish(view.report);
}

void main(...process.argv.slice(2));
