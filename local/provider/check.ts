/** Checks the inputs of a resource as the real provider would: names it, validates it, tells every fault. */
import { createHash, randomBytes } from "node:crypto";
import * as path from "node:path";
import type { z } from "zod";
import type { CallScope, CheckFault, Properties, PropertyValue } from "../model";
import type { AnyModel } from "../core/lifecycle";
import { DEFAULTS_KEY, isArchive, isAsset, pathText, unmarshal, type Path, type WireProperties } from "../../providers/wire/properties";

/** How the project asks for physical names; see Pulumi's `pulumi:autonaming`. */
export interface Autonaming { readonly mode: "propose" | "enforce" | "disable"; readonly proposedName: string }

export interface CheckRequest {
  readonly model: AnyModel;
  /** Logical name. */
  readonly name: string;
  readonly scope: Pick<CallScope, "region" | "account">;
  readonly olds: WireProperties;
  readonly news: WireProperties;
  readonly randomSeed: Uint8Array;
  readonly autonaming?: Autonaming;
  /** Tags that the provider instance adds to everything taggable. */
  readonly defaultTags: Readonly<Record<string, string>>;
}

export interface CheckResult { readonly inputs: WireProperties; readonly faults: readonly CheckFault[] }

/** Random digits after the logical name. Source: the bridge's `AutoName`. */
const RANDOM_DIGITS = 7;

export function checkInputs(request: CheckRequest): CheckResult {
  const { model, scope } = request;
  const faults: CheckFault[] = [];
  const { [DEFAULTS_KEY]: _defaults, ...given } = request.news;
  const inputs: WireProperties = { ...withTags(request, given), ...autoname(request, given, faults) };
  const { properties, unknowns } = unmarshal(inputs);
  faults.push(...schemaFaults(model, properties, unknowns), ...relativePaths(properties, []), ...(model.check?.(properties, scope) ?? []));
  return { inputs, faults };
}

/** The physical name, and which properties were named here: the real provider keeps that note in the inputs too. */
function autoname(request: CheckRequest, news: WireProperties, faults: CheckFault[]): WireProperties {
  const { autoname: rule } = request.model;
  if (!rule) return {};
  if (news[rule.property] !== undefined && news[rule.property] !== null) return { [DEFAULTS_KEY]: [] };
  const old = request.olds[rule.property];
  if (old !== undefined && old !== null) return { [rule.property]: old, [DEFAULTS_KEY]: [rule.property] };
  try {
    return { [rule.property]: newName(request, rule), [DEFAULTS_KEY]: [rule.property] };
  } catch (error) {
    faults.push({ property: rule.property, reason: error instanceof Error ? error.message : String(error) });
    return {};
  }
}

function newName({ name, randomSeed, autonaming }: CheckRequest, rule: NonNullable<AnyModel["autoname"]>): string {
  if (autonaming?.mode === "disable") throw new Error("automatic naming is switched off in this project; give a name");
  if (autonaming?.mode === "enforce") return autonaming.proposedName;
  const prefix = `${rule.lowercase ? name.toLowerCase() : name}${rule.separator ?? "-"}`;
  const proposed = autonaming?.proposedName ?? `${prefix}${hexOf(randomSeed)}`;
  if (proposed.length > rule.maxLength) {
    throw new Error(`name "${prefix}" plus ${RANDOM_DIGITS} random characters is too long; got ${proposed.length} characters; expected at most ${rule.maxLength}; shorten the resource's name or give a physical one`);
  }
  return proposed;
}

/** The same seed gives the same name, so that a preview and its update agree. */
function hexOf(seed: Uint8Array): string {
  return createHash("sha256").update(seed.length > 0 ? seed : randomBytes(32)).digest("hex").slice(0, RANDOM_DIGITS);
}

function withTags({ model, defaultTags }: CheckRequest, news: WireProperties): WireProperties {
  if (Object.keys(defaultTags).length === 0 || !accepts(model, "tagsAll")) return news;
  const own = news["tags"];
  return { ...news, tagsAll: { ...defaultTags, ...(typeof own === "object" && own !== null && !Array.isArray(own) ? own : {}) } };
}

function accepts(model: AnyModel, property: string): boolean {
  const { args } = model as { args: z.ZodType };
  return "shape" in args && typeof args.shape === "object" && args.shape !== null && property in args.shape;
}

/** Faults by the schema, without those that only say that a value is not known yet. */
export function schemaFaults(model: AnyModel, properties: Properties, unknowns: readonly Path[]): CheckFault[] {
  const result = (model as { args: z.ZodType }).args.safeParse(properties);
  if (result.success) return [];
  return result.error.issues.flatMap((issue) => issueFaults(model, issue, properties, unknowns));
}

function issueFaults(model: AnyModel, issue: z.core.$ZodIssue, properties: Properties, unknowns: readonly Path[]): CheckFault[] {
  const at = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const property = pathText([...at, key]);
      return { property, reason: `argument "${property}" is not modelled by the local cloud; extend ${model.file}` };
    });
  }
  if (unknowns.some((unknown) => related(unknown, at))) return [];
  const missing = at.length > 0 && valueAt(properties, at) === undefined;
  return [{ property: pathText(at), reason: missing ? `missing required argument "${pathText(at)}"` : issue.message }];
}

/** One path lies on the other. */
function related(one: Path, other: Path): boolean {
  return Array.from({ length: Math.min(one.length, other.length) }, (_, index) => one[index] === other[index]).every(Boolean);
}

function valueAt(properties: Properties, steps: Path): unknown {
  return steps.reduce<unknown>((value, step) => (typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[step] : undefined), properties);
}

/** An attached provider does not know the program's folder, so a relative path would mean another file here. */
function relativePaths(value: PropertyValue, at: Path): CheckFault[] {
  if (typeof value !== "object" || value === null) return [];
  if (isAsset(value) || isArchive(value)) {
    const own = value.path !== undefined && !path.isAbsolute(value.path)
      ? [{ property: pathText(at), reason: `relative asset path; got "${value.path}"; expected an absolute one; use path.resolve(__dirname, …)` }] : [];
    const members = "assets" in value ? Object.values(value.assets ?? {}) : [];
    return [...own, ...members.flatMap((member) => relativePaths({ ...member } as PropertyValue, at))];
  }
  const entries: [string | number, PropertyValue][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, item]) => relativePaths(item, [...at, key]));
}
