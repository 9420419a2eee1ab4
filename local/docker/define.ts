/** Turns a short description of a Docker resource type into a `ResourceModel`: echoed inputs, latency and what all types share. */
import { z } from "zod";
import type { Begun, CallScope, CheckFault, CloudContext, Properties, PropertyValue, ResourceModel, ResourceRecord } from "../model";
import { latencyOf } from "./latencies";

/** Tokens of the types that are modelled. */
export const NETWORK = "docker:index/network:Network";
export const VOLUME = "docker:index/volume:Volume";
export const CONTAINER = "docker:index/container:Container";
export const REMOTE_IMAGE = "docker:index/remoteImage:RemoteImage";
export const IMAGE = "docker:index/image:Image";
export const TAG = "docker:index/tag:Tag";

type Inputs<S extends z.ZodRawShape> = z.output<z.ZodObject<S>>;

/** One resource type, without what all of them share. */
export interface DockerSpec<S extends z.ZodRawShape> extends Pick<ResourceModel, "drifted" | "deleteBeforeReplace" | "importIds" | "read" | "settle" | "beforeDelete" | "destroy"> {
  readonly type: string;
  readonly file: string;
  /** The arguments that are modelled; everything else is refused. */
  readonly shape: S;
  readonly replaceOn: readonly string[];
  /** Named after the logical name when the program gives none (the bridge's rule for this package: 255 characters, `-`). @default true */
  readonly named?: boolean;
  check?(inputs: Properties): CheckFault[];
  begin(inputs: Inputs<S>, scope: CallScope, cloud: CloudContext): Begun;
  /** Returns the outputs that are not simply the new inputs. */
  update?(record: ResourceRecord, inputs: Inputs<S>, scope: CallScope, cloud: CloudContext): Promise<Properties>;
}

export type DockerModel = ResourceModel<never>;

/** @throws {Error} when the type has no entry in `latencies.ts` */
export function defineDocker<S extends z.ZodRawShape>(spec: DockerSpec<S>): DockerModel {
  const { shape, named = true, ...rest } = spec;
  const model = {
    ...rest,
    args: z.strictObject(shape),
    // One engine: a resource is found whatever provider instance asks for it.
    global: true,
    ...(named && { autoname: { property: "name", maxLength: 255 } }),
    latency: latencyOf(spec.type),
    begin(inputs: Inputs<S>, scope: CallScope, cloud: CloudContext): Begun {
      const begun = spec.begin(inputs, scope, cloud);
      return { ...begun, outputs: { ...(inputs as Properties), ...begun.outputs } };
    },
    async update(record: ResourceRecord, inputs: Inputs<S>, scope: CallScope, cloud: CloudContext): Promise<Properties> {
      const dropped = Object.keys(record.inputs).filter((key) => !(key in inputs)).map((key) => [key, null]);
      return { ...Object.fromEntries(dropped), ...(inputs as Properties), ...(await spec.update?.(record, inputs, scope, cloud)) };
    },
  };
  // The zod type of a strict object and the shape's inferred type are the same; the compiler can't see it through the generic.
  return model as unknown as DockerModel;
}

/** The list in which Docker's types take labels. */
export const labelList = z.array(z.strictObject({ label: z.string(), value: z.string() })).optional();

/** Labels of a record's inputs as a map. */
export function labelMap(value: PropertyValue | undefined): Record<string, string> {
  if (!Array.isArray(value)) return {};
  return Object.fromEntries(value.flatMap((item) => {
    const { label, value: text } = objectOf(item);
    return typeof label === "string" ? [[label, typeof text === "string" ? text : ""]] : [];
  }));
}

export function objectOf(value: PropertyValue | undefined): Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Properties) : {};
}

export function textOf(value: PropertyValue | undefined, fallback = ""): string {
  return typeof value === "string" ? value : fallback;
}

export function listOf(value: PropertyValue | undefined): readonly PropertyValue[] {
  return Array.isArray(value) ? value : [];
}

export function textsOf(value: PropertyValue | undefined): string[] {
  return listOf(value).filter((item) => typeof item === "string");
}
