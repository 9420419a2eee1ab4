/** The tags of the fleet: one function makes them, one stack transformation puts them on every taggable AWS resource. */
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
 * `new aws.ec2.Vpc(…)` directly. Tags that the program sets win, except the URN's hash. Call it once, before the program runs.
 *
 * Children of remote components (components that run in a provider of their own) are created elsewhere and don't pass here.
 *
 * @throws {Error} when there is no stack yet, that is, outside a Pulumi program
 */
export function registerFleetTags(options: FleetTagOptions): void {
  const urns = new UrnTracker(options);
  pulumi.runtime.registerStackTransformation((args) => {
    const urn = urns.track(args);
    if (!isTaggable(args)) return undefined;
    return { props: { ...args.props, tags: merged(args.props["tags"], options, urn) }, opts: args.opts };
  });
}

/**
 * Every class of @pulumi/aws that has tags passes the key `tagsAll`, if only as undefined: so the check holds for any version of
 * the SDK. What is looked up, not created (`Vpc.get`), keeps its tags.
 */
function isTaggable(args: pulumi.ResourceTransformationArgs): boolean {
  return args.type.startsWith("aws:") && "tagsAll" in args.props && args.opts.id === undefined && args.opts.urn === undefined;
}

type Tags = Record<string, pulumi.Input<string>>;

function merged(own: pulumi.Input<Tags> | undefined, options: FleetTagOptions, urn: string): pulumi.Input<Tags> {
  const tags = fleetTags(options, urn);
  const merge = (given: Tags | undefined): Tags => ({ ...tags, ...given, [TAG_KEYS.urnHash]: urnHash(urn) });
  // A plain map stays plain, so that one tag that is not known yet doesn't hide the others in a preview.
  if (own === undefined || !(pulumi.Output.isInstance(own) || own instanceof Promise)) return merge(own);
  return pulumi.output(own).apply(merge);
}
