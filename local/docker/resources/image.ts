/** `docker:index/image:Image` and `docker:index/tag:Tag`. The provider deletes neither: what they made stays in the engine. */
import { z } from "zod";
import type { CloudContext, Properties } from "../../model";
import { defineDocker, IMAGE, TAG } from "../define";
import { engineOf } from "../engine/index";
import { asProvider } from "../errors";

const FILE = "local/docker/resources/image.ts";

const imageShape = {
  imageName: z.string(),
  skipPush: z.literal(true, "there is no registry in the local cloud; set skipPush: true"),
  buildOnPreview: z.boolean().optional(),
  build: z.strictObject({
    context: z.string(), dockerfile: z.string().optional(), args: z.record(z.string(), z.string()).optional(), target: z.string().optional(),
    platform: z.string().optional(), builderVersion: z.string().optional(),
  }),
} as const;
type ImageInputs = z.output<z.ZodObject<typeof imageShape>>;

export const image = defineDocker({
  type: IMAGE,
  file: FILE,
  named: false,
  shape: imageShape,
  // Every change builds again, in place.
  replaceOn: [],
  begin(inputs, _scope, cloud) {
    return { id: inputs.imageName, outputs: build(inputs, cloud) };
  },
  async update(_record, inputs, _scope, cloud) {
    return build(inputs, cloud);
  },
});

function build(inputs: ImageInputs, cloud: CloudContext): Properties {
  const { context, dockerfile, args, target, platform } = inputs.build;
  const built = asProvider("Error running build", () => engineOf(cloud).images.build({
    name: inputs.imageName, context, ...(dockerfile !== undefined && { dockerfile }), ingredients: { args, target, platform },
  }));
  return {
    imageName: inputs.imageName, baseImageName: inputs.imageName, context, dockerfile: dockerfile ?? "Dockerfile", platform: platform ?? "", registryServer: "",
    // Of an image that wasn't pushed, the provider hands back the id.
    repoDigest: built.id,
  };
}

export const tag = defineDocker({
  type: TAG,
  file: FILE,
  named: false,
  shape: { sourceImage: z.string(), targetImage: z.string(), tagTriggers: z.array(z.string()).optional() },
  replaceOn: ["sourceImage", "targetImage", "tagTriggers"],
  begin({ sourceImage, targetImage }, _scope, cloud) {
    const { id } = asProvider("failed to create docker tag", () => engineOf(cloud).images.tag(sourceImage, targetImage));
    return { id: `${sourceImage}.${targetImage}`, outputs: { sourceImageId: id } };
  },
});

