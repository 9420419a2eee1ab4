/** What each role of a load test may do, as policy documents: named actions on named resources. */
import type * as pulumi from "@pulumi/pulumi";
import { TAG_KEYS } from "../tags";

/** A policy document of IAM. */
export interface PolicyDocument {
  readonly Version: "2012-10-17";
  readonly Statement: readonly Statement[];
}

interface Statement {
  readonly Sid?: string;
  readonly Effect: "Allow";
  readonly Action: string | readonly string[];
  readonly Principal?: { readonly Service: string };
  readonly Resource?: pulumi.Input<string> | readonly pulumi.Input<string>[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** Where the fleet's resources are. */
export interface Place {
  /** `aws`, `aws-cn`, `aws-us-gov`. */
  readonly partition: string;
  /** Twelve digits. */
  readonly account: string;
}

function allow(...statements: readonly Omit<Statement, "Effect">[]): PolicyDocument {
  return { Version: "2012-10-17", Statement: statements.map((statement) => ({ Effect: "Allow", ...statement })) };
}

/**
 * Who may assume a role: one AWS service, and for this account only where the service says for whom it acts (the "confused deputy"
 * of the IAM User Guide; ECS does, Lambda doesn't).
 */
export function trustPolicy(service: "ecs-tasks.amazonaws.com" | "lambda.amazonaws.com", account: string): PolicyDocument {
  const condition = service === "ecs-tasks.amazonaws.com" ? { Condition: { StringEquals: { "aws:SourceAccount": account } } } : {};
  return allow({ Action: "sts:AssumeRole", Principal: { Service: service }, ...condition });
}

const WRITE_LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"] as const;

/** Starts tasks: may write the logs of the remote regions' tasks. */
export function executionPolicy({ partition, account }: Place, regions: readonly string[], logGroupPrefix: string): PolicyDocument {
  return allow({ Sid: "WriteLogs", Action: WRITE_LOGS, Resource: regions.map((region) => `arn:${partition}:logs:${region}:${account}:log-group:${logGroupPrefix}/${region}/*`) });
}

/** Aggregator: reports to the orchestrator, writes metrics and results. */
export function aggregatorPolicy(arns: { readonly orchestrator: pulumi.Input<string>; readonly metricsWorkspace: pulumi.Input<string>; readonly results: pulumi.Input<string> }): PolicyDocument {
  return allow(
    { Sid: "Report", Action: "lambda:InvokeFunction", Resource: arns.orchestrator },
    { Sid: "WriteMetrics", Action: "aps:RemoteWrite", Resource: arns.metricsWorkspace },
    { Sid: "WriteResults", Action: "s3:PutObject", Resource: arns.results },
  );
}

/** Generator: asks the orchestrator for the start, reads the test's script. */
export function generatorPolicy(arns: { readonly orchestrator: pulumi.Input<string>; readonly scripts: pulumi.Input<string> }): PolicyDocument {
  return allow(
    { Sid: "AskForStart", Action: "lambda:InvokeFunction", Resource: arns.orchestrator },
    { Sid: "ReadScripts", Action: "s3:GetObject", Resource: arns.scripts },
  );
}

/** Orchestrator: keeps the test's state, and scales this project's services in the remote regions, whose names it can't know yet. */
export function orchestratorPolicy({ partition, account }: Place, regions: readonly string[], project: string, arns: { readonly table: pulumi.Input<string>; readonly logGroup: pulumi.Input<string> }): PolicyDocument {
  const inRegions = (resource: string): readonly string[] => regions.map((region) => `arn:${partition}:ecs:${region}:${account}:${resource}`);
  return allow(
    { Sid: "KeepState", Action: ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], Resource: arns.table },
    {
      Sid: "ScaleServices", Action: "ecs:UpdateService", Resource: inRegions("service/*"),
      Condition: { StringEquals: { [`aws:ResourceTag/${TAG_KEYS.project}`]: project } },
    },
    // A list knows no resource, only the condition on its cluster. Source: Service Authorization Reference, Amazon ECS.
    { Sid: "ListServices", Action: "ecs:ListServices", Resource: "*", Condition: { ArnLike: { "ecs:cluster": inRegions("cluster/*") } } },
    { Sid: "WriteLogs", Action: WRITE_LOGS, Resource: arns.logGroup },
  );
}
