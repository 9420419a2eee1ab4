/** Waiting for a container to be of use. */
import { ServiceError } from "../model";
import type { ContainerRuntime, ContainerState } from "./port";

/**
 * Resolves when a container is healthy, or runs without a health check.
 * @throws ServiceError when there is no such container, or it has ended for good; the signal's reason when it aborts
 */
export function waitHealthy(runtime: Pick<ContainerRuntime, "get" | "onChange">, id: string, signal?: AbortSignal): Promise<ContainerState> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      unsubscribe();
      signal?.removeEventListener("abort", look);
      finish();
    };
    const look = (): void => {
      const state = runtime.get(id);
      if (signal?.aborted === true) return settle(() => reject(signal.reason));
      if (state === undefined) return settle(() => reject(noSuchContainer(id)));
      const ready = state.health === "healthy" || (state.health === "none" && state.status === "running");
      if (ready) return settle(() => resolve(state));
      // Only a container that nothing starts again is `exited`.
      if (state.status === "exited") settle(() => reject(new ServiceError("ContainerExited", `container ${id} has ended with exit code ${state.exitCode ?? "unknown"} before it was healthy; see ${state.logFile}`)));
    };
    const unsubscribe = runtime.onChange((state) => {
      if (state.spec.id === id) look();
    });
    signal?.addEventListener("abort", look);
    look();
  });
}

export function noSuchContainer(id: string): ServiceError {
  return new ServiceError("NoSuchContainer", `no container ${id}; list them with: stackfleet local status`, 404);
}
