import { describe, expect, it } from "vitest";
import { idFromArn } from "../../../automation/recovery/aws-ids";

describe("the ID of a resource by its ARN", () => {
  it.each([
    ["aws:ec2/vpc:Vpc", "arn:aws:ec2:eu-west-1:1:vpc/vpc-0a1", "vpc-0a1"],
    ["aws:ecs/cluster:Cluster", "arn:aws:ecs:eu-west-1:1:cluster/c", "arn:aws:ecs:eu-west-1:1:cluster/c"],
    ["aws:ecs/taskDefinition:TaskDefinition", "arn:aws:ecs:eu-west-1:1:task-definition/f:3", "arn:aws:ecs:eu-west-1:1:task-definition/f:3"],
    ["aws:cloudwatch/logGroup:LogGroup", "arn:aws:logs:eu-west-1:1:log-group:/a/b:*", "/a/b"],
    ["aws:cloudwatch/logGroup:LogGroup", "arn:aws:logs:eu-west-1:1:log-group:/a/b", "/a/b"],
    ["aws:dynamodb/table:Table", "arn:aws:dynamodb:eu-west-1:1:table/t", "t"],
    ["aws:s3/bucket:Bucket", "arn:aws:s3:::my-bucket", "my-bucket"],
    ["aws:lambda/function:Function", "arn:aws:lambda:eu-west-1:1:function:f", "f"],
    ["aws:amp/workspace:Workspace", "arn:aws:aps:eu-west-1:1:workspace/ws-1", "ws-1"],
    ["aws:sqs/queue:Queue", "arn:aws:sqs:eu-west-1:1:q", "https://sqs.eu-west-1.amazonaws.com/1/q"],
    ["aws:ssm/parameter:Parameter", "arn:aws:ssm:eu-west-1:1:parameter/plain", "plain"],
    ["aws:ssm/parameter:Parameter", "arn:aws:ssm:eu-west-1:1:parameter/a/b", "/a/b"],
    ["aws:kms/key:Key", "arn:aws:kms:eu-west-1:1:key/0000-1", "0000-1"],
  ])("of %s (%s) is %s", (type, arn, id) => {
    expect(idFromArn(type, arn)).toBe(id);
  });
});
