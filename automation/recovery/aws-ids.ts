/** How the AWS provider forms a resource's Pulumi ID from its ARN, by type token. */

/**
 * Types whose ID is the ARN itself. A task definition's ID is its family, which does not tell its revision; the provider imports it by
 * ARN, and reads and deletes it by the ARN in its outputs.
 */
const ID_IS_ARN = new Set([
  "aws:ecs/taskDefinition:TaskDefinition",
  "aws:ecs/cluster:Cluster", "aws:ecs/service:Service", "aws:sns/topic:Topic", "aws:secretsmanager/secret:Secret",
  "aws:iam/policy:Policy", "aws:lb/loadBalancer:LoadBalancer", "aws:lb/targetGroup:TargetGroup", "aws:lb/listener:Listener",
  "aws:acm/certificate:Certificate", "aws:sfn/stateMachine:StateMachine",
]);

/**
 * The ID that the provider's `create` would have returned.
 *
 * Default: what follows the last `/`, or the last `:` when there is none (`…:vpc/vpc-0a1` → `vpc-0a1`). Sources: the "Import"
 * sections of the provider's resource pages.
 */
export function idFromArn(type: string, arn: string): string {
  if (ID_IS_ARN.has(type)) return arn;
  const resource = arn.split(":").slice(5).join(":");
  switch (type) {
    case "aws:cloudwatch/logGroup:LogGroup": // log-group:/a/b or log-group:/a/b:*
      return resource.replace(/^log-group:/, "").replace(/:\*$/, "");
    case "aws:sqs/queue:Queue": { // arn:aws:sqs:region:account:name → the queue's URL
      const [, , , region, account] = arn.split(":");
      return `https://sqs.${region}.${region?.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com"}/${account}/${resource}`;
    }
    case "aws:ssm/parameter:Parameter": // parameter/name, or parameter/a/b for the hierarchical name /a/b
      return resource.replace(/^parameter/, "").replace(/^\/([^/]+)$/, "$1");
    case "aws:lambda/function:Function": // function:name
      return resource.replace(/^function:/, "");
    default:
      return resource.slice(Math.max(resource.lastIndexOf("/"), resource.lastIndexOf(":")) + 1);
  }
}
