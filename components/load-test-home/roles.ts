/** The roles that all regions share: IAM is global, so one set serves the whole fleet. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { child } from "../arguments";
import type { CompleteArgs } from "./args";
import { type Place, type PolicyDocument, trustPolicy } from "./policies";

export type RoleName = "execution" | "aggregator" | "generator" | "orchestrator";

/** Creates the roles without any permission. */
export function createRoles(name: string, args: CompleteArgs, place: pulumi.Output<Place>, parent: pulumi.Resource): Readonly<Record<RoleName, aws.iam.Role>> {
  const role = (role: RoleName, description: string): aws.iam.Role => new aws.iam.Role(`${name}-${role}-role`, ...child(args.transform?.role, {
    description, assumeRolePolicy: document(place.apply(({ account }) => trustPolicy(role === "orchestrator" ? "lambda.amazonaws.com" : "ecs-tasks.amazonaws.com", account))),
  }, { parent }));
  return {
    execution: role("execution", "Starts load test tasks"),
    aggregator: role("aggregator", "Load test aggregators"),
    generator: role("generator", "Load test generators"),
    orchestrator: role("orchestrator", "Load test orchestrator"),
  };
}

/** Gives a role its one policy. The name is fixed: it is unique within its role, and by it the policy is found after an interrupted create. */
export function grant(name: string, args: CompleteArgs, role: RoleName, roles: Readonly<Record<RoleName, aws.iam.Role>>, policy: pulumi.Input<PolicyDocument>, parent: pulumi.Resource): aws.iam.RolePolicy {
  return new aws.iam.RolePolicy(`${name}-${role}-policy`, ...child(args.transform?.rolePolicy, {
    role: roles[role].name, name: role, policy: document(policy),
  }, { parent }));
}

function document(policy: pulumi.Input<PolicyDocument>): pulumi.Output<string> {
  return pulumi.jsonStringify(policy);
}
