/** Every event as one line of JSON on stdout; the last is `run.finished`. */
import type { FleetEvent } from "../events";
import type { Renderer, TextSink } from "./renderer";

export class JsonRenderer implements Renderer {
  constructor(private readonly out: TextSink) {}

  event(event: FleetEvent): void {
    const { seq, time, run, type, ...payload } = event;
    this.out.write(`${JSON.stringify({ seq, time, run, type, ...payload })}\n`);
  }

  finish(): void {
    // run.finished was the last event
  }

  close(): void {
    // nothing is held
  }
}
