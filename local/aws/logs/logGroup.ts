/** `aws:cloudwatch/logGroup:LogGroup`: a name and a retention; the lines themselves are the container runtime's. */
import { z } from "zod";
import { ServiceError } from "../../model";
import { arn } from "../arn";
import { defineResource } from "../define";

export const LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup";
// Source: CloudWatch Logs API, PutRetentionPolicy; 0 keeps lines for ever.
const RETENTIONS = [0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

export const logGroup = defineResource({
  type: LOG_GROUP,
  file: "local/aws/logs/logGroup.ts",
  shape: {
    name: z
      .string()
      .min(1)
      .max(512)
      .regex(/^[.\-_/#A-Za-z0-9]+$/, "only letters, digits and .-_/# are allowed")
      .optional(),
    retentionInDays: z.number().int().optional(),
    kmsKeyId: z.string().optional(),
    logGroupClass: z.enum(["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"]).optional(),
    skipDestroy: z.literal(false).optional(),
    deletionProtectionEnabled: z.boolean().optional(),
  },
  replaceOn: ["name", "logGroupClass"],
  autoname: { property: "name", maxLength: 512 },
  check(inputs) {
    const days = inputs["retentionInDays"];
    return typeof days === "number" && !RETENTIONS.includes(days)
      ? [{ property: "retentionInDays", reason: `got ${days}; expected one of ${RETENTIONS.join(", ")}` }]
      : [];
  },
  begin(inputs, scope, cloud) {
    const name = inputs.name ?? `terraform-${cloud.ids.hex(26)}`;
    if (cloud.store.list(LOG_GROUP, { region: scope.region, account: scope.account }).some((other) => other.id === name)) {
      throw new ServiceError("ResourceAlreadyExistsException", `The specified log group already exists (${name})`);
    }
    const groupArn = arn(scope, "logs", `log-group:${name}`);
    return {
      id: name,
      arn: groupArn,
      outputs: {
        arn: groupArn,
        name,
        retentionInDays: inputs.retentionInDays ?? 0,
        logGroupClass: inputs.logGroupClass ?? "STANDARD",
        skipDestroy: false,
      },
    };
  },
  async update(_record, inputs) {
    return { retentionInDays: inputs.retentionInDays ?? 0 };
  },
  beforeDelete(record) {
    if (record.inputs["deletionProtectionEnabled"] === true)
      throw new ServiceError("ValidationException", `log group ${record.id} has deletion protection enabled`);
  },
});
