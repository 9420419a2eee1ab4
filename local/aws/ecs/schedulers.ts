/** The one scheduler of each cloud. */
import type { CloudContext } from "../../model";
import { EcsController } from "./controller";

const controllers = new WeakMap<object, EcsController>();

/** The scheduler of a cloud; starts with the first call. */
export function ecsController(cloud: CloudContext): EcsController {
  const known = controllers.get(cloud.store) ?? new EcsController(cloud);
  controllers.set(cloud.store, known);
  return known;
}

/** Ends the scheduler of a cloud, if it has one. */
export function closeEcs(cloud: Pick<CloudContext, "store">): void {
  controllers.get(cloud.store)?.close();
  controllers.delete(cloud.store);
}
