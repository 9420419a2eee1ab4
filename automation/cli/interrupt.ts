/** Work that a signal ends: its AbortSignal aborts, and the command exits as interrupted. */
import { FleetError } from "../errors";
import type { CliContext } from "./context";

/** @throws FleetError `interrupted` when a signal came before the work was done */
export async function withSignal<T>(context: Pick<CliContext, "onSignal">, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stopListening = context.onSignal(() => controller.abort(new FleetError("interrupted", "interrupted", { source: "user", exitCode: 1 })));
  try {
    return await work(controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    throw error;
  } finally {
    stopListening();
  }
}
