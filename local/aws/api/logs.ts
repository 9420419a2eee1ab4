/** CloudWatch Logs: the log groups; their lines are the container runtime's. */
import { text } from "../define";
import { LOG_GROUP } from "../logs/logGroup";
import { jsonService, optionalText, page } from "./protocol";

export const logsApi = jsonService("logs", "local/aws/api/logs.ts", {
  DescribeLogGroups(input, cloud, place) {
    const prefix = optionalText(input["logGroupNamePrefix"]) ?? "";
    const groups = cloud.store
      .list(LOG_GROUP, { region: place.region, account: place.account })
      .filter((group) => group.id.startsWith(prefix));
    const { items, next } = page(groups, Number(input["limit"] ?? 50), optionalText(input["nextToken"]));
    return {
      logGroups: items.map((group) => ({
        logGroupName: group.id,
        arn: `${group.arn ?? ""}:*`,
        logGroupArn: group.arn,
        creationTime: Date.parse(group.createdAt),
        storedBytes: 0,
        logGroupClass: text(group.outputs["logGroupClass"], "STANDARD"),
        metricFilterCount: 0,
        ...(group.outputs["retentionInDays"] ? { retentionInDays: group.outputs["retentionInDays"] } : {}),
      })),
      ...(next === undefined ? {} : { nextToken: next }),
    };
  },
});
