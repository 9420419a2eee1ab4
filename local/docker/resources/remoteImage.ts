/** `docker:index/remoteImage:RemoteImage`: an image that is pulled or built, kept under its name. */
import { z } from "zod";
import type { CloudContext, Properties } from "../../model";
import { defineDocker, REMOTE_IMAGE, textOf } from "../define";
import { engineOf } from "../engine/index";
import type { StoredImage } from "../engine/state";
import { asProvider } from "../errors";

const textMap = z.record(z.string(), z.string());
const texts = z.array(z.string());

const build = z.strictObject({
  context: z.string(),
  dockerfile: z.string().optional(),
  tags: texts.optional(),
  buildArgs: textMap.optional(),
  label: textMap.optional(),
  labels: textMap.optional(),
  target: z.string().optional(),
  platform: z.string().optional(),
  noCache: z.boolean().optional(),
  remove: z.boolean().optional(),
  forceRemove: z.boolean().optional(),
  pullParent: z.boolean().optional(),
  suppressOutput: z.boolean().optional(),
  useLegacyBuilder: z.boolean().optional(),
  builder: z.string().optional(),
  provenance: z.string().optional(),
  sbom: z.string().optional(),
});

/** What the provider only takes note of when it changes; the rest of a build, when changed, makes another image. */
const BUILD_IN_PLACE = new Set(["tags", "label", "remove"]);

export const remoteImage = defineDocker({
  type: REMOTE_IMAGE,
  file: "local/docker/resources/remoteImage.ts",
  named: false,
  shape: {
    name: z.string().min(1, "empty image name is not allowed"),
    build: build.optional(),
    keepLocally: z.boolean().optional(),
    forceRemove: z.boolean().optional(),
    triggers: textMap.optional(),
    pullTriggers: texts.optional(),
    platform: z.string().optional(),
  },
  replaceOn: ["name", "pullTriggers", "triggers", "platform", ...Object.keys(build.shape).filter((key) => !BUILD_IN_PLACE.has(key)).map((key) => `build.${key}`)],
  check: (inputs) => (inputs["build"] !== undefined && inputs["pullTriggers"] !== undefined
    ? [{ property: "build", reason: '"build": conflicts with pullTriggers' }] : []),
  begin(inputs, _scope, cloud) {
    const { images } = engineOf(cloud);
    const { build: request, name, triggers, platform } = inputs;
    const image = request === undefined
      ? asProvider(`Unable to read Docker image into resource: unable to pull image ${name}: error pulling image ${name}`, () => images.obtain(name))
      : asProvider("Error running buildx build", () => images.build({
        name, context: request.context, ...(request.dockerfile !== undefined && { dockerfile: request.dockerfile }), tags: request.tags ?? [],
        labels: { ...request.label, ...request.labels },
        // The context isn't read: what a program says of its content by triggers stands for it.
        ingredients: { args: request.buildArgs, target: request.target, platform: request.platform ?? platform, triggers },
      }));
    return { id: `${image.id}${name}`, outputs: imageOutputs(image) };
  },
  async read(record, cloud) {
    const image = engineOf(cloud).images.find(textOf(record.inputs["name"]));
    return image && { ...record.outputs, ...imageOutputs(image) };
  },
  async update(record, inputs, _scope, cloud) {
    return live(inputs.name, record.outputs, cloud);
  },
  beforeDelete({ inputs }, cloud) {
    if (inputs["keepLocally"] === true) return;
    asProvider("Unable to remove Docker image", () => engineOf(cloud).images.requireRemovable(textOf(inputs["name"]), inputs["forceRemove"] === true));
  },
  async destroy({ inputs }, _scope, cloud) {
    const { images } = engineOf(cloud);
    const name = textOf(inputs["name"]);
    if (inputs["keepLocally"] === true || images.find(name) === undefined) return;
    asProvider("Unable to remove Docker image", () => images.remove(name, inputs["forceRemove"] === true));
  },
});

function imageOutputs(image: StoredImage): Properties {
  return { imageId: image.id, repoDigest: image.digest ?? "" };
}

function live(name: string, outputs: Properties, cloud: CloudContext): Properties {
  const image = asProvider(`Unable to read Docker image into resource: unable to pull image ${name}: error pulling image ${name}`, () => engineOf(cloud).images.obtain(name));
  return { ...outputs, ...imageOutputs(image) };
}
