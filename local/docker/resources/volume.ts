/** `docker:index/volume:Volume`: a folder of the container runtime. A create with a name that is there gives the one that is there, as in Docker. */
import { z } from "zod";
import { defineDocker, labelList, VOLUME } from "../define";
import { engineOf } from "../engine/index";
import { asProvider } from "../errors";
import { untilFree } from "../removal";

export const volume = defineDocker({
  type: VOLUME,
  file: "local/docker/resources/volume.ts",
  shape: {
    name: z.string().optional(),
    driver: z.literal("local", 'only the driver "local" is modelled by the local cloud').optional(),
    labels: labelList,
  },
  replaceOn: ["name", "driver", "labels"],
  begin(inputs, scope, cloud) {
    const { volumes } = engineOf(cloud);
    const name = inputs.name ?? `${scope.name}-${cloud.ids.hex(7)}`;
    asProvider("Unable to create volume", () => volumes.prepare(name));
    return { id: name, outputs: { name, driver: "local", mountpoint: volumes.mountpoint(name) } };
  },
  async read(record, cloud) {
    return engineOf(cloud).volumes.find(record.id) && record.outputs;
  },
  async destroy(record, { signal }, cloud) {
    const { volumes } = engineOf(cloud);
    await untilFree(() => volumes.inUse(record.id), "in_use", cloud, signal);
    asProvider("Unable to remove volume", () => volumes.remove(record.id));
  },
});
