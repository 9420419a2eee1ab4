/** The one Docker engine of a cloud: what its provider and its API work on. An active swarm of one node. */
import type { CloudContext } from "../../model";
import { Containers } from "./containers";
import { Images } from "./images";
import { Networks } from "./networks";
import { EngineState } from "./state";
import { Volumes } from "./volumes";

export interface Engine {
  readonly containers: Containers;
  readonly images: Images;
  readonly networks: Networks;
  readonly volumes: Volumes;
}

const engines = new WeakMap<object, Engine>();

/** The engine of a cloud; opened with the first call. */
export function engineOf(cloud: CloudContext): Engine {
  const known = engines.get(cloud.store) ?? open(cloud);
  engines.set(cloud.store, known);
  return known;
}

function open(cloud: CloudContext): Engine {
  const state = new EngineState(cloud.dataDir);
  const containers: Containers = new Containers(cloud, (reference) => networks.find(reference), (reference) => images.find(reference)?.id);
  const images = new Images(state, () => cloud.clock.now(), () => containers.imageUsers());
  const networks = new Networks(cloud, state, (network) => containers.membersOf(network));
  return {
    containers, images, networks,
    volumes: new Volumes(cloud, state, (volume) => containers.mounting(volume)),
  };
}
