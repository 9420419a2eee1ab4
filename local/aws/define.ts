/** Turns a short description of a resource type into a `ResourceModel`: tags, regions, echoed inputs and latency in one place. */
import { z } from "zod";
import { ServiceError } from "../model";
import type { Begun, CallScope, CheckFault, CloudContext, Properties, PropertyValue, ResourceModel, ResourceRecord } from "../model";
import { requireEnabledRegion } from "./regions";
import { latencyOf } from "./latencies";

const tagMap = z.record(z.string(), z.string());

/** What every model accepts beside its own arguments. */
export interface CommonInputs {
  readonly region?: string;
  readonly tags?: Record<string, string>;
  readonly tagsAll?: Record<string, string>;
}

/** The validated inputs of a shape. */
export type InputsOf<S extends z.ZodRawShape> = z.output<z.ZodObject<S>> & CommonInputs;

/** One resource type, without what all types share. */
export interface ResourceSpec<S extends z.ZodRawShape> {
  readonly type: string;
  readonly file: string;
  /** The arguments that are modelled; everything else is refused. */
  readonly shape: S;
  readonly replaceOn: readonly string[];
  readonly autoname?: ResourceModel["autoname"];
  readonly global?: boolean;
  /** Has `tags` and `tagsAll`. @default true */
  readonly taggable?: boolean;
  check?(inputs: Properties, scope: Pick<CallScope, "region" | "account">): CheckFault[];
  begin(inputs: InputsOf<S>, scope: CallScope, cloud: CloudContext): Begun;
  settle?(record: ResourceRecord, scope: CallScope, cloud: CloudContext): Promise<Properties | void>;
  settleSeconds?(record: ResourceRecord, cloud: CloudContext): number;
  restore?(record: ResourceRecord, cloud: CloudContext): Promise<void>;
  read?(record: ResourceRecord, cloud: CloudContext): Promise<Properties | undefined>;
  /** Returns the outputs that are not simply the new inputs. */
  update?(record: ResourceRecord, inputs: InputsOf<S>, scope: CallScope, cloud: CloudContext): Promise<Properties>;
  beforeDelete?(record: ResourceRecord, cloud: CloudContext): void;
  destroy?(record: ResourceRecord, scope: CallScope, cloud: CloudContext): Promise<void>;
  importIds?(record: ResourceRecord): readonly string[];
}

/** A model as a package lists it. The inputs' type is the model's own business, hence `never`. */
export type AnyResourceModel = ResourceModel<never>;

/** @throws {Error} when the type has no entry in `latencies.ts` */
export function defineResource<S extends z.ZodRawShape>(spec: ResourceSpec<S>): AnyResourceModel {
  const taggable = spec.taggable ?? true;
  const common = {
    ...(spec.global ? {} : { region: z.string().optional() }),
    ...(taggable ? { tags: tagMap.optional(), tagsAll: tagMap.optional() } : {}),
  };
  const { shape, ...rest } = spec;
  const model = {
    ...rest,
    args: z.strictObject({ ...common, ...shape }),
    latency: latencyOf(spec.type),
    check: (inputs: Properties, scope: Pick<CallScope, "region" | "account">) => [
      ...(spec.global ? [] : regionFaults(inputs, scope)),
      ...(spec.check?.(inputs, scope) ?? []),
    ],
    begin(inputs: InputsOf<S>, scope: CallScope, cloud: CloudContext): Begun {
      if (!spec.global) requireEnabledRegion(scope.region);
      const begun = spec.begin(inputs, scope, cloud);
      const place: Properties = spec.global ? {} : { region: scope.region };
      return { ...begun, outputs: { ...echo(inputs), ...place, ...(taggable ? tagOutputs(inputs) : {}), ...begun.outputs } };
    },
    async update(record: ResourceRecord, inputs: InputsOf<S>, scope: CallScope, cloud: CloudContext): Promise<Properties> {
      const changed = await spec.update?.(record, inputs, scope, cloud);
      return { ...dropped(record.inputs, inputs), ...echo(inputs), ...(taggable ? tagOutputs(inputs) : {}), ...changed };
    },
  };
  // The zod type of a strict object and the shape's inferred type are the same; the compiler can't see it through the generic.
  return model as unknown as AnyResourceModel;
}

/** Inputs as outputs: the provider hands every argument back. */
export function echo(inputs: object): Properties {
  return { ...(inputs as Properties) };
}

/** Arguments that the program took away, as nulls, so that a merge removes them. */
function dropped(before: Properties, after: object): Properties {
  return Object.fromEntries(
    Object.keys(before)
      .filter((key) => !(key in after))
      .map((key) => [key, null]),
  );
}

function tagOutputs(inputs: CommonInputs): Properties {
  return { tagsAll: { ...(inputs.tagsAll ?? inputs.tags ?? {}) } };
}

function regionFaults(inputs: Properties, scope: Pick<CallScope, "region">): CheckFault[] {
  const { region } = inputs;
  if (region === undefined || region === null || region === scope.region) return [];
  return [
    {
      property: "region",
      reason: `a region other than the provider's is not modelled; got ${JSON.stringify(region)}; expected "${scope.region}"; use an explicit provider`,
    },
  ];
}

/** A string property, or the fallback. */
export function text(value: PropertyValue | undefined, fallback = ""): string {
  return typeof value === "string" ? value : fallback;
}

/** A number property, or the fallback. Numbers that Pulumi programs write as strings count. */
export function numeric(value: PropertyValue | undefined, fallback = 0): number {
  const parsed = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof parsed === "number" && Number.isFinite(parsed) ? parsed : fallback;
}

/** An array property, or none. */
export function list(value: PropertyValue | undefined): PropertyValue[] {
  return Array.isArray(value) ? value : [];
}

/** An object property, or an empty one. */
export function object(value: PropertyValue | undefined): Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Properties) : {};
}

/** A JSON document that programs give as text or as an object. */
export const jsonDocument = z.union([z.string(), z.record(z.string(), z.unknown())]);

/** The document as text. @throws {ServiceError} `MalformedPolicyDocument` when the text is not JSON */
export function documentText(document: z.output<typeof jsonDocument>): string {
  if (typeof document !== "string") return JSON.stringify(document);
  try {
    JSON.parse(document);
  } catch (cause) {
    throw new ServiceError("MalformedPolicyDocument", `Syntax errors in policy: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  return document;
}

/** The live record, or the service's not-found error. */
export function mustExist(
  cloud: CloudContext,
  type: string,
  id: string,
  scope: Pick<CallScope, "region" | "account">,
  code: string,
  message: string,
): ResourceRecord {
  const record = cloud.store.get(type, id, { region: scope.region, account: scope.account });
  if (!record) throw new ServiceError(code, message);
  return record;
}
