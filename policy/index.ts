/** The policy pack: `pulumi preview --policy-pack policy`, or `stackfleet preview` for the whole fleet. Every policy is mandatory. */
import { PolicyPack } from "@pulumi/policy";
import { noPublicIngress } from "./no-public-ingress";
import { noWildcardIam } from "./no-wildcard-iam";
import { tagsPresent } from "./tags-present";

const RULES = [tagsPresent, noPublicIngress, noWildcardIam];

new PolicyPack("stackfleet", {
  enforcementLevel: "mandatory",
  policies: RULES.map(({ name, description, check }) => ({
    name,
    description,
    validateResource: ({ type, urn, props }, reportViolation) => {
      for (const message of check({ type, urn, props })) reportViolation(message);
    },
  })),
});
