/** The policy pack: `pulumi preview --policy-pack policy`, or `stackfleet preview` for the whole fleet. Every policy is mandatory. */
import { PolicyPack } from "@pulumi/policy";
import { confinedContainers } from "./confined-containers";
import { noPublicIngress } from "./no-public-ingress";
import { noPublicPorts } from "./no-public-ports";
import { noSecretsInEnv } from "./no-secrets-in-env";
import { noWildcardIam } from "./no-wildcard-iam";
import type { Rule, RuleConfig } from "./rule";
import { tagsPresent } from "./tags-present";

const RULES: readonly Rule[] = [tagsPresent, noPublicIngress, noWildcardIam, confinedContainers, noPublicPorts, noSecretsInEnv];

new PolicyPack("stackfleet", {
  enforcementLevel: "mandatory",
  policies: RULES.map(({ name, description, configSchema, check }) => ({
    name,
    description,
    ...(configSchema && { configSchema }),
    validateResource: ({ type, urn, props, getConfig }, reportViolation) => {
      for (const message of check({ type, urn, props }, getConfig<RuleConfig>())) reportViolation(message);
    },
  })),
});
