/** What the provider waits for after it has started a container: its health, or its end. */
import { ServiceError, type CloudContext } from "../../model";
import type { ContainerView } from "../engine/containers";
import { engineOf } from "../engine/index";

/** Default of `waitTimeout`, in seconds. */
const DEFAULT_WAIT_SECONDS = 60;

/**
 * Until the container is healthy, in real seconds: health checks run in real time.
 * @throws {ServiceError} in the provider's words
 */
export async function waitForHealth(container: ContainerView, timeoutSeconds = DEFAULT_WAIT_SECONDS, shutdown: AbortSignal, cloud: CloudContext): Promise<void> {
  const { runtimeId, state } = container;
  if (state?.spec.healthCheck === undefined) {
    throw new ServiceError("error inspecting container state", "you have supplied a 'wait' argument, but the container does not have a healthcheck defined. Please remove the 'wait' argument or add a 'healthcheck' attribute");
  }
  const limit = AbortSignal.timeout(timeoutSeconds * 1_000);
  try {
    await cloud.runtime.waitHealthy(runtimeId, AbortSignal.any([shutdown, limit]));
  } catch {
    shutdown.throwIfAborted();
    // The real provider waits on after the container's end; there is nothing left to wait for.
    const why = limit.aborted ? ` within ${timeoutSeconds} s` : `: it ended${exitOf(container, cloud)}`;
    throw new ServiceError("container failed to be in healthy state", `${container.name} did not become healthy${why}; see: stackfleet local logs ${runtimeId}`, 500);
  }
}

/** Until the program has ended. */
export async function waitForEnd(container: ContainerView, shutdown: AbortSignal, cloud: CloudContext): Promise<void> {
  await engineOf(cloud).containers.ended(container, shutdown);
}

function exitOf({ runtimeId }: ContainerView, cloud: CloudContext): string {
  const code = cloud.runtime.get(runtimeId)?.exitCode;
  return code === undefined ? "" : ` with exit code ${code}`;
}
