/** The tags of the fleet: one function makes them, one stack transformation puts them on every AWS and Docker resource that carries any. */
import * as pulumi from "@pulumi/pulumi";
import { TAG_KEYS } from "./keys";
import { UrnTracker } from "./urn";
import { urnHash } from "./urn-hash";

export { TAG_KEYS } from "./keys";
export { urnHash } from "./urn-hash";

/** The Pulumi project and stack that own a resource. */
export interface FleetTagOptions { readonly project: string; readonly stack: string }

/** The tags of one resource. @param urn its URN exactly as the engine forms it */
export function fleetTags(options: FleetTagOptions, urn: string): Record<string, string> {
  return { [TAG_KEYS.project]: options.project, [TAG_KEYS.stack]: options.stack, [TAG_KEYS.urnHash]: urnHash(urn) };
}

/**
 * Tags every taggable resource that the stack creates from now on, also those that a program creates with
 * `new aws.ec2.Vpc(…)` directly. Tags that the program sets win, except the URN's hash. On Docker resources they are labels.
 * Call it once, before the program runs.
 *
 * Children of remote components (components that run in a provider of their own) are created elsewhere and don't pass here.
 *
 * @throws {Error} when there is no stack yet, that is, outside a Pulumi program
 */
export function registerFleetTags(options: FleetTagOptions): void {
  const urns = new UrnTracker(options);
  pulumi.runtime.registerStackTransformation((args) => {
    const tags = fleetTags(options, urns.track(args));
    const { type, props, opts } = args;
    // What is looked up, not created (`Vpc.get`), keeps its tags.
    if (opts.id !== undefined || opts.urn !== undefined) return undefined;
    if (isTagged(type, props)) return { props: { ...props, tags: combined(props["tags"] as pulumi.Input<Tags> | undefined, (own) => withTags(own, tags)) }, opts };
    if (isLabelled(type, props)) return { props: { ...props, labels: combined(props["labels"] as pulumi.Input<Labels> | undefined, (own) => withLabels(own, tags)) }, opts };
    return undefined;
  });
}

type Props = pulumi.ResourceTransformationArgs["props"];

/** Every class of @pulumi/aws that has tags passes the key `tagsAll`, if only as undefined: so the check holds for any version of the SDK. */
function isTagged(type: string, props: Props): boolean {
  return type.startsWith("aws:") && "tagsAll" in props;
}

/** In the same way, every class of @pulumi/docker that has labels passes the key: containers, networks, volumes. */
function isLabelled(type: string, props: Props): boolean {
  return type.startsWith("docker:") && "labels" in props;
}

type Tags = Record<string, pulumi.Input<string>>;
interface Label { readonly label: pulumi.Input<string>; readonly value: pulumi.Input<string> }
type Labels = readonly pulumi.Input<Label>[];

function withTags(own: Tags | undefined, tags: Readonly<Record<string, string>>): Tags {
  return { ...tags, ...own, [TAG_KEYS.urnHash]: tags[TAG_KEYS.urnHash] ?? "" };
}

function withLabels(own: Labels = [], tags: Readonly<Record<string, string>>): Labels {
  const named = new Set(own.map(plainName));
  const added = Object.entries(tags).filter(([label]) => label === TAG_KEYS.urnHash || !named.has(label)).map(([label, value]) => ({ label, value }));
  return [...added, ...own.filter((label) => plainName(label) !== TAG_KEYS.urnHash)];
}

/** The key of a label that the program gives as a plain value. */
function plainName(label: pulumi.Input<Label>): unknown {
  return "label" in label && typeof label.label === "string" ? label.label : undefined;
}

/** A plain value stays plain, so that one tag that is not known yet doesn't hide the others in a preview. */
function combined<T>(own: pulumi.Input<T> | undefined, combine: (own: T | undefined) => T): pulumi.Input<T> {
  if (own === undefined || !(pulumi.Output.isInstance(own) || own instanceof Promise)) return combine(own as T | undefined);
  return pulumi.output(own).apply((known) => combine(known as T | undefined)) as pulumi.Input<T>;
}
