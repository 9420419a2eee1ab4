/** Deletions of what others use: the provider tries again for a while, then fails. */
import { ServiceError, type CloudContext } from "../model";
import { REMOVAL_POLL_SECONDS, REMOVAL_TIMEOUT_SECONDS } from "./latencies";

/**
 * Waits until nothing uses it any more, in simulated time.
 * @param inUse why it can't be removed yet
 * @param state the provider's word for that
 * @throws {ServiceError} in the provider's words, with the engine's last reason
 */
export async function untilFree(inUse: () => string | undefined, state: string, cloud: CloudContext, shutdown: AbortSignal): Promise<void> {
  for (let waited = 0; ; waited += REMOVAL_POLL_SECONDS) {
    const reason = inUse();
    if (reason === undefined) return;
    if (waited >= REMOVAL_TIMEOUT_SECONDS) {
      throw new ServiceError(`timeout while waiting for state to become 'removed' (last state: '${state}', timeout: ${REMOVAL_TIMEOUT_SECONDS}s)`, `Error response from daemon: ${reason}`, 409);
    }
    await cloud.clock.sleep(REMOVAL_POLL_SECONDS, shutdown);
  }
}
